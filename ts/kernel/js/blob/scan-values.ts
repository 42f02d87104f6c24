/**
 * The values of a scan that lie in blob files.
 *
 * Invariant: without leave to touch the disk `value` reads nothing. It answers `undefined` and remembers what is wanted; `load` reads that off
 * the calling thread, and the next call of `value` for the same pointer takes it.
 */
import type { ValueOwner } from './file';
import type { BlobFiles } from './files';
import type { ValuePointer } from './pointer';

/** Counters that all reads of an engine share. */
export interface BlobCounters {
	blobReads: number;
}

export class ScanValues {
	private wanted: { pointer: ValuePointer; owner: ValueOwner } | undefined;
	private loaded: { pointer: ValuePointer; value: Buffer } | undefined;

	constructor(
		private readonly files: BlobFiles,
		private readonly counters: BlobCounters,
	) {}

	/** Is there something to load? */
	get isWaiting(): boolean {
		return this.wanted !== undefined;
	}

	/** The length of a value, checked against its file. */
	length(pointer: ValuePointer, owner: ValueOwner): number {
		return this.files.valueLength(pointer, owner);
	}

	/** The value of an entry; `undefined` when it has to be loaded first. */
	value(pointer: ValuePointer, owner: ValueOwner, allowIo: boolean): Buffer | undefined {
		const { loaded } = this;
		if (loaded !== undefined && loaded.pointer.file === pointer.file && loaded.pointer.offset === pointer.offset)
			return loaded.value;
		if (allowIo) {
			this.counters.blobReads++;
			return this.files.read(pointer, owner);
		}
		// The key of the entry goes away when the scan moves.
		const key = Buffer.from(owner.key.subarray(owner.start, owner.end));
		this.wanted = { pointer, owner: { key, start: 0, end: key.length, sequence: owner.sequence } };
		return undefined;
	}

	/** Reads what is wanted. */
	async load(): Promise<void> {
		const { wanted } = this;
		this.wanted = undefined;
		if (wanted === undefined) return;
		this.counters.blobReads++;
		this.loaded = { pointer: wanted.pointer, value: await this.files.readAsync(wanted.pointer, wanted.owner) };
	}

	/** Lets go of what is wanted and of what was loaded. */
	clear(): void {
		this.wanted = undefined;
		this.loaded = undefined;
	}
}
