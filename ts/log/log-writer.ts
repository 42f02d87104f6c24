/**
 * Appends records to a log.
 *
 * Invariants:
 *  1. An append is written from its start to its end, in pieces that stay in the cache of the processor: a crash leaves a prefix of it.
 *  2. After a failed or short write, or a failed fsync, the writer is poisoned: every later call throws that first error. An fsync is
 *     never tried again: the operating system may report the next one as fine although the data is gone.
 *  3. A record says how far the log was durable only when an fsync has returned that began behind that point.
 */
import { IOError } from '../errors';
import { type WritableFile, writeFully } from '../fs/file-system';
import { writeVarint } from '../kernel/js/varint';
import {
	BLOCK_SIZE,
	type Crc32,
	checksumOfLogNumber,
	HEADER_SIZE,
	SYNCED,
	TYPE_FIRST,
	TYPE_FULL,
	TYPE_LAST,
	TYPE_MIDDLE,
} from './format';

/** Bytes of one write call at most. */
const PIECE_BYTES = 8 * BLOCK_SIZE;
/** Of a varint below 2^53. */
const LONGEST_VARINT = 8;

export class LogWriter {
	readonly #file: WritableFile;
	readonly #crc32: Crc32;
	readonly #seed: number;
	readonly #piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
	#size: number;
	/** Bytes that are durable. */
	#syncedSize: number;
	/** Bytes that a record says are durable. */
	#declaredSize = 0;
	#poison: IOError | undefined;

	/** @param size bytes that the file holds: whole records, all durable. */
	constructor(file: WritableFile, logNumber: number, crc32: Crc32, size = 0) {
		this.#file = file;
		this.#size = size;
		this.#syncedSize = size;
		this.#crc32 = crc32;
		this.#seed = checksumOfLogNumber(logNumber, crc32);
	}

	/** Bytes of the log. */
	get size(): number {
		return this.#size;
	}

	/** Is all that was appended durable? */
	get isSynced(): boolean {
		return this.#syncedSize === this.#size;
	}

	/** Appends `buffer[start, end)` as one record. */
	append(buffer: Uint8Array, start: number, end: number): void {
		this.#checkPoison();
		try {
			this.#appendFragments(buffer, start, end);
		} catch (error) {
			throw this.#poisoned('written to', error);
		}
	}

	/** Makes all that was appended durable, on the calling thread. */
	syncSync(): void {
		this.#checkPoison();
		try {
			this.#file.syncSync();
		} catch (error) {
			throw this.#poisoned('synced', error);
		}
		this.#syncedSize = this.#size;
	}

	/** As {@link syncSync}, off the calling thread. */
	async sync(): Promise<void> {
		this.#checkPoison();
		const size = this.#size;
		try {
			await this.#file.sync();
		} catch (error) {
			throw this.#poisoned('synced', error);
		}
		// An append that failed while this was under way decides.
		this.#checkPoison();
		this.#syncedSize = Math.max(this.#syncedSize, size);
	}

	close(): void {
		this.#file.closeSync();
	}

	#appendFragments(buffer: Uint8Array, start: number, end: number): void {
		let from = start;
		let filled = 0;
		// Not `from === start`: the first fragment is empty where a block has room for a header only.
		let isFirst = true;
		do {
			if (filled + BLOCK_SIZE > PIECE_BYTES) filled = this.#write(filled);
			let room = BLOCK_SIZE - ((this.#size + filled) % BLOCK_SIZE);
			if (room < HEADER_SIZE) {
				this.#piece.fill(0, filled, filled + room);
				filled += room;
				room = BLOCK_SIZE;
			}
			const declared = isFirst && room >= HEADER_SIZE + LONGEST_VARINT ? this.#declareSynced(filled) : 0;
			const length = Math.min(end - from, room - HEADER_SIZE - declared);
			const isLast = from + length === end;
			const type = isFirst ? (isLast ? TYPE_FULL : TYPE_FIRST) : isLast ? TYPE_LAST : TYPE_MIDDLE;
			this.#piece.set(buffer.subarray(from, from + length), filled + HEADER_SIZE + declared);
			this.#seal(filled, declared > 0 ? type + SYNCED : type, declared + length);
			filled += HEADER_SIZE + declared + length;
			from += length;
			isFirst = false;
		} while (from < end);
		this.#write(filled);
	}

	/** Writes so many bytes of the piece; none are left in it then. */
	#write(length: number): 0 {
		writeFully(this.#file, this.#piece, 0, length);
		this.#size += length;
		return 0;
	}

	/** Begins the data of the fragment at a place of the piece with how far the log is durable, if that is news. Answers how many bytes it takes. */
	#declareSynced(at: number): number {
		if (this.#declaredSize === this.#syncedSize) return 0;
		this.#declaredSize = this.#syncedSize;
		const start = at + HEADER_SIZE;
		return writeVarint(this.#piece, start, this.#size + at - this.#syncedSize) - start;
	}

	/** Puts the header before data that is in the piece. */
	#seal(at: number, type: number, length: number): void {
		const piece = this.#piece;
		piece[at + 4] = length & 0xff;
		piece[at + 5] = length >>> 8;
		piece[at + 6] = type;
		// Type and data lie side by side: one checksum call covers both.
		const checksum = this.#crc32(piece.subarray(at + 6, at + HEADER_SIZE + length), this.#seed);
		piece.writeUInt32LE(checksum >>> 0, at);
	}

	#checkPoison(): void {
		if (this.#poison !== undefined) throw this.#poison;
	}

	#poisoned(action: string, cause: unknown): IOError {
		this.#poison ??= new IOError(
			`${this.#file.path} could not be ${action}: ${(cause as Error).message}. Check the disk and its free space.`,
			{ cause, path: this.#file.path, offset: this.#size },
		);
		return this.#poison;
	}
}
