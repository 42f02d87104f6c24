/**
 * A blob file that is read: its values come one by one, each checked.
 *
 * Invariants:
 *  1. Nothing is read before a value is asked for; then header and footer are checked first.
 *  2. A value leaves this module only after its checksum was verified and its record was found to be that of the entry.
 *  3. A pointer is checked against the size of the file, as the manifest has it, before memory is set aside for its value.
 */
import { CorruptionError } from '../../../errors';
import type { BlobSpec } from '../../kernel';
import type { FileCache } from '../file-cache';
import { TRAILER_SIZE } from '../internal-key';
import { TableFile } from '../table/file';
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
	private readonly file: TableFile;
	private checked = false;

	constructor(
		files: FileCache,
		readonly spec: BlobSpec,
	) {
		this.file = new TableFile(spec.path, files);
	}

	/** Throws unless the record lies in the file. */
	check(pointer: ValuePointer, { start, end }: ValueOwner): void {
		const { path } = this.spec;
		const size = recordSize(end - start + TRAILER_SIZE, pointer.length);
		if (pointer.offset >= HEADER_SIZE && pointer.offset + size <= this.footerAt) return;
		throw new CorruptionError(`a value pointer leads to ${size} bytes at ${pointer.offset}, outside of ${path}`, {
			path,
			offset: pointer.offset,
		});
	}

	/** The value of an entry, in memory of its own. */
	read(pointer: ValuePointer, owner: ValueOwner): Buffer {
		const record = this.roomFor(pointer, owner);
		if (!this.checked) {
			const { header, footer } = this.roomForEnds();
			this.file.readInto(header, 0);
			this.file.readInto(footer, this.footerAt);
			this.checkEnds(header, footer);
		}
		this.file.readInto(record, pointer.offset);
		return this.valueIn(record, pointer, owner);
	}

	/** As {@link read}, off the calling thread. */
	async readAsync(pointer: ValuePointer, owner: ValueOwner): Promise<Buffer> {
		const record = this.roomFor(pointer, owner);
		if (!this.checked) {
			const { header, footer } = this.roomForEnds();
			await this.file.readIntoAsync(header, 0);
			await this.file.readIntoAsync(footer, this.footerAt);
			this.checkEnds(header, footer);
		}
		await this.file.readIntoAsync(record, pointer.offset);
		return this.valueIn(record, pointer, owner);
	}

	/** No read is under way. */
	close(): void {
		this.file.close();
	}

	private get footerAt(): number {
		return this.spec.size - FOOTER_SIZE;
	}

	private roomFor(pointer: ValuePointer, owner: ValueOwner): Buffer {
		this.check(pointer, owner);
		return Buffer.allocUnsafeSlow(recordSize(owner.end - owner.start + TRAILER_SIZE, pointer.length));
	}

	private roomForEnds(): { header: Buffer; footer: Buffer } {
		this.file.checkSize(this.spec.size);
		return { header: Buffer.alloc(HEADER_SIZE), footer: Buffer.alloc(FOOTER_SIZE) };
	}

	private checkEnds(header: Buffer, footer: Buffer): void {
		decodeEnds(header, footer, this.spec.path, this.footerAt);
		this.checked = true;
	}

	private valueIn(record: Buffer, pointer: ValuePointer, { key, start, end, sequence }: ValueOwner): Buffer {
		checkRecord(record, key, start, end, sequence, pointer.length, this.spec.path, pointer.offset);
		return record.subarray(record.length - pointer.length);
	}
}
