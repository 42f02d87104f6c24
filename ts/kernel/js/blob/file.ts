/**
 * A blob file that is read: its values come one by one, each checked.
 *
 * Invariants:
 *  1. Nothing is read before a value is asked for; then header and footer are checked first.
 *  2. A value leaves this module only after its checksum was verified and its record was found to be that of the entry.
 *  3. A pointer is checked against the size of the file, as the manifest has it, before memory is set aside for its value.
 */
import { CorruptionError, IOError, VarveError } from '../../../errors';
import type { FileSystem, ReadableFile } from '../../../fs/file-system';
import type { BlobSpec } from '../../kernel';
import { TRAILER_SIZE } from '../internal-key';
import { checkRecord, decodeEnds, FOOTER_SIZE, HEADER_SIZE } from './format';
import { recordSize, type ValuePointer } from './pointer';

/** The entry that a value belongs to: its user key `key[start, end)` and sequence number. */
export interface ValueOwner {
	key: Uint8Array;
	start: number;
	end: number;
	sequence: number;
}

export class BlobFile {
	readonly path: string;
	private readonly size: number;
	private file: ReadableFile | undefined;
	private checked = false;

	constructor(
		private readonly fileSystem: FileSystem,
		readonly spec: BlobSpec,
	) {
		this.path = spec.path;
		this.size = spec.size;
	}

	/** Throws unless the record lies in the file. */
	check(pointer: ValuePointer, { start, end }: ValueOwner): void {
		const size = recordSize(end - start + TRAILER_SIZE, pointer.length);
		if (pointer.offset >= HEADER_SIZE && pointer.offset + size <= this.size - FOOTER_SIZE) return;
		throw new CorruptionError(`a value pointer leads to ${size} bytes at ${pointer.offset}, outside of ${this.path}`, {
			path: this.path,
			offset: pointer.offset,
		});
	}

	/** The value of an entry, in memory of its own. */
	read(pointer: ValuePointer, owner: ValueOwner): Buffer {
		const record = this.roomFor(pointer, owner);
		const file = this.opened();
		if (!this.checked) this.checkEnds(this.readRange(file, 0, HEADER_SIZE), this.readRange(file, this.footerAt, FOOTER_SIZE));
		this.fill(file, record, pointer.offset);
		return this.valueIn(record, pointer, owner);
	}

	/** As {@link read}, off the calling thread. */
	async readAsync(pointer: ValuePointer, owner: ValueOwner): Promise<Buffer> {
		const record = this.roomFor(pointer, owner);
		const file = this.opened();
		if (!this.checked) {
			const header = Buffer.alloc(HEADER_SIZE);
			const footer = Buffer.alloc(FOOTER_SIZE);
			await this.fillAsync(file, header, 0);
			await this.fillAsync(file, footer, this.footerAt);
			this.checkEnds(header, footer);
		}
		await this.fillAsync(file, record, pointer.offset);
		return this.valueIn(record, pointer, owner);
	}

	/** No read is under way. */
	close(): void {
		this.file?.closeSync();
		this.file = undefined;
	}

	private get footerAt(): number {
		return this.size - FOOTER_SIZE;
	}

	private roomFor(pointer: ValuePointer, owner: ValueOwner): Buffer {
		this.check(pointer, owner);
		return Buffer.allocUnsafeSlow(recordSize(owner.end - owner.start + TRAILER_SIZE, pointer.length));
	}

	private valueIn(record: Buffer, pointer: ValuePointer, { key, start, end, sequence }: ValueOwner): Buffer {
		checkRecord(record, key, start, end, sequence, pointer.length, this.path, pointer.offset);
		return record.subarray(record.length - pointer.length);
	}

	private checkEnds(header: Buffer, footer: Buffer): void {
		decodeEnds(header, footer, this.path, this.footerAt);
		this.checked = true;
	}

	private opened(): ReadableFile {
		if (this.file !== undefined) return this.file;
		const { path } = this;
		try {
			const file = this.fileSystem.openRead(path);
			this.file = file;
			const size = file.sizeSync();
			if (size === this.size && size >= HEADER_SIZE + FOOTER_SIZE) return file;
			this.close();
			throw new CorruptionError(`${path} has ${size} bytes, the manifest says ${this.size}: it was cut or replaced`, {
				path,
				offset: Math.min(size, this.size),
			});
		} catch (cause) {
			if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw readFailed(path, 0, cause);
			const advice = 'restore it from a backup, or repair the store with Database.repair';
			throw new CorruptionError(`${path} is listed by the manifest but missing: ${advice}`, { path, offset: 0, cause });
		}
	}

	private readRange(file: ReadableFile, offset: number, length: number): Buffer {
		const bytes = Buffer.alloc(length);
		this.fill(file, bytes, offset);
		return bytes;
	}

	private fill(file: ReadableFile, target: Buffer, offset: number): void {
		let count: number;
		try {
			count = file.readSync(target, offset);
		} catch (error) {
			throw readFailed(this.path, offset, error);
		}
		this.checkCount(count, target.length, offset);
	}

	private async fillAsync(file: ReadableFile, target: Buffer, offset: number): Promise<void> {
		let count: number;
		try {
			count = await file.read(target, offset);
		} catch (error) {
			throw readFailed(this.path, offset, error);
		}
		this.checkCount(count, target.length, offset);
	}

	private checkCount(count: number, wanted: number, offset: number): void {
		if (count === wanted) return;
		throw new CorruptionError(`${this.path} ends early: read ${count} of ${wanted} bytes at ${offset}`, {
			path: this.path,
			offset: offset + count,
		});
	}
}

function readFailed(path: string, offset: number, error: unknown): VarveError {
	if (error instanceof VarveError) return error;
	return new IOError(`failed to read ${path} at ${offset}: ${(error as Error).message}`, { path, offset, cause: error });
}
