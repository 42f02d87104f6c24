/**
 * An open table: its file, its bounds, and what stays of it in memory once it was loaded.
 *
 * Invariants:
 *  1. The size of the file was checked when the table was opened.
 *  2. A table is loaded when it is opened or, where the caller knows its bounds, by the first read that needs it; then it has those
 *     bounds. A load that failed is tried again by the next read.
 *  3. The file is closed, and `onClosed` called, when the last reference is released.
 */
import { CorruptionError } from '../../../errors';
import type { TableSpan, TableSpec } from '../../kernel';
import type { FileCache } from '../file-cache';
import { endOf, TRAILER_SIZE } from '../internal-key';
import type { RangeDelete } from '../range-delete';
import { TableFile } from './file';
import { FOOTER_SIZE } from './footer';
import { KeyRange } from './key-range';
import { RangeDeletes } from './range-deletes';
import { loadResident, type Resident } from './resident';

export class Table {
	readonly number: number;
	readonly path: string;
	readonly size: number;
	readonly file: TableFile;
	readonly span: Readonly<TableSpan>;
	/** Where the span of entries and range deletes ends; see ../range-delete.ts. */
	readonly end: Uint8Array;
	/** What is in memory; `undefined` while the table is not loaded. */
	resident: Resident | undefined;
	/** Called once, after the file was closed. */
	onClosed: ((table: Table) => void) | undefined;
	private readonly keys: KeyRange;
	private loading: Promise<Resident> | undefined;
	private references = 1;

	/** Opens a table; the caller holds the first reference. */
	static open(files: FileCache, spec: TableSpec): Table {
		const file = new TableFile(spec.path, files);
		try {
			return new Table(file, spec);
		} catch (error) {
			file.close();
			throw error;
		}
	}

	private constructor(file: TableFile, spec: TableSpec) {
		this.number = spec.number;
		this.path = spec.path;
		this.size = spec.size;
		this.file = file;
		file.checkSize(spec.size);
		if (spec.lazy === undefined) this.resident = this.read();
		this.span = this.resident?.properties ?? copyOf(spec.lazy as TableSpan);
		this.end = endOf(this.span.largestKey);
		this.keys = new KeyRange(this.smallestUserKey, this.end);
	}

	/** None for a table that is not loaded. */
	get rangeDeletes(): RangeDeletes {
		return this.resident?.rangeDeletes ?? RangeDeletes.none;
	}

	/** What is in memory; loads it on the calling thread if need be. */
	load(): Resident {
		if (this.resident === undefined) this.resident = this.checked(this.read());
		return this.resident;
	}

	/** As {@link load}, off the calling thread. */
	async loadAsync(): Promise<Resident> {
		if (this.resident !== undefined) return this.resident;
		this.loading ??= this.readAsync();
		try {
			const resident = await this.loading;
			this.resident ??= this.checked(resident);
			return this.resident;
		} finally {
			this.loading = undefined;
		}
	}

	/** Bytes of index, filter and range deletes in memory. */
	get memory(): number {
		return this.resident?.size ?? 0;
	}

	/** Bytes of keys and values as they were added; the size of the file for a table that is not loaded, unless `load`. */
	rawBytes(load: boolean): number {
		const properties = (load ? this.load() : this.resident)?.properties;
		return properties === undefined ? this.size : properties.rawKeyBytes + properties.rawValueBytes;
	}

	/** Where the first data block begins that may hold user keys at or after `key`; the end of the data blocks when none does. */
	approximateOffset(key: Uint8Array): number {
		// A trailer of all ones comes before every version of the key.
		const target = Buffer.alloc(key.length + TRAILER_SIZE, 0xff);
		target.set(key);
		const resident = this.load();
		const block = resident.index.lowerBound(target, 0, target.length);
		if (block < resident.blockCount) return resident.blockOffset(block);
		return resident.blockCount === 0 ? 0 : resident.blockEnd(block - 1);
	}

	get smallestUserKey(): Uint8Array {
		return this.span.smallestKey.subarray(0, -TRAILER_SIZE);
	}

	/** Has it nothing as new as a range delete? */
	isOlder({ sequence }: RangeDelete): boolean {
		return this.span.largestSequence < sequence;
	}

	/** Does the user key `key[0, length)` lie within the span of the table? */
	covers(key: Uint8Array, length: number): boolean {
		return this.keys.contains(key, length);
	}

	/** For a seek that the index sent to a block, and that found nothing there. */
	indexMismatch(block: number): CorruptionError {
		const offset = this.load().blockOffset(block);
		return new CorruptionError(`block at ${offset} of ${this.path} ends before the key that the index names as its last`, {
			path: this.path,
			offset,
		});
	}

	retain(): void {
		this.references++;
	}

	release(): void {
		if (--this.references > 0) return;
		this.file.close();
		this.onClosed?.(this);
	}

	private read(): Resident {
		const steps = loadResident(this.path, this.size);
		let step = steps.next();
		while (step.done !== true) {
			const bytes = Buffer.allocUnsafeSlow(step.value.length);
			this.file.readInto(bytes, step.value.offset);
			step = steps.next(bytes);
		}
		return step.value;
	}

	private async readAsync(): Promise<Resident> {
		const steps = loadResident(this.path, this.size);
		let step = steps.next();
		while (step.done !== true) {
			const bytes = Buffer.allocUnsafeSlow(step.value.length);
			await this.file.readIntoAsync(bytes, step.value.offset);
			step = steps.next(bytes);
		}
		return step.value;
	}

	private checked(resident: Resident): Resident {
		if (isSameSpan(resident.properties, this.span) && resident.rangeDeletes.isEmpty) return resident;
		const advice = 'restore it from a backup, or repair the store with Database.repair';
		throw new CorruptionError(`${this.path} has other contents than the manifest says: ${advice}`, {
			path: this.path,
			offset: this.size - FOOTER_SIZE,
		});
	}
}

/** Keys of a caller may be views of something larger. */
function copyOf({ smallestKey, largestKey, ...sequences }: TableSpan): TableSpan {
	return { smallestKey: Uint8Array.from(smallestKey), largestKey: Uint8Array.from(largestKey), ...sequences };
}

function isSameSpan(a: TableSpan, b: TableSpan): boolean {
	const hasSameKeys = Buffer.compare(a.smallestKey, b.smallestKey) === 0 && Buffer.compare(a.largestKey, b.largestKey) === 0;
	return hasSameKeys && a.smallestSequence === b.smallestSequence && a.largestSequence === b.largestSequence;
}
