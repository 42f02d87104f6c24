/**
 * Writes one blob file. Part of the file format: do not change.
 *
 * Invariant: bytes leave in pieces of {@link PIECE_SIZE} or more.
 */
import { type WritableFile, writeFully } from '../../../fs/file-system';
import { type BlobCounts, encodeFooter, encodeHeader, encodeRecord } from './format';
import type { ValuePointer } from './pointer';

const PIECE_SIZE = 256 * 1024;

export class BlobWriter {
	private written = 0;
	private readonly counts: BlobCounts = { records: 0, valueBytes: 0 };
	private readonly pending: Buffer = Buffer.allocUnsafeSlow(PIECE_SIZE);
	private pendingSize = 0;

	constructor(
		private readonly file: WritableFile,
		private readonly number: number,
	) {
		this.emit(encodeHeader());
	}

	/** Bytes of the file as it is, without its footer. */
	get size(): number {
		return this.written;
	}

	/** Appends the value of the entry with the internal key `key[keyStart, keyEnd)`. */
	add(key: Uint8Array, keyStart: number, keyEnd: number, value: Uint8Array, valueStart: number, valueEnd: number): ValuePointer {
		const pointer = { file: this.number, offset: this.written, length: valueEnd - valueStart };
		this.emit(encodeRecord(key, keyStart, keyEnd, value, valueStart, valueEnd));
		this.counts.records++;
		this.counts.valueBytes += pointer.length;
		return pointer;
	}

	/** Writes the footer; does not sync. Answers the size of the file. */
	finish(): number {
		this.emit(encodeFooter(this.counts));
		this.flush();
		return this.written;
	}

	private emit(bytes: Buffer): void {
		if (this.pendingSize + bytes.length > PIECE_SIZE) this.flush();
		if (bytes.length > PIECE_SIZE) writeFully(this.file, bytes);
		else {
			bytes.copy(this.pending, this.pendingSize);
			this.pendingSize += bytes.length;
		}
		this.written += bytes.length;
	}

	private flush(): void {
		if (this.pendingSize > 0) writeFully(this.file, this.pending, 0, this.pendingSize);
		this.pendingSize = 0;
	}
}
