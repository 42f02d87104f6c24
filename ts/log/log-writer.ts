/**
 * Appends records to a log.
 *
 * Invariants:
 *  1. One append is one write call, whatever the number of fragments: a crash leaves a prefix of it.
 *  2. After a failed or short write, or a failed fsync, the writer is poisoned: every later call throws that first error. An fsync is
 *     never tried again: the operating system may report the next one as fine although the data is gone.
 */
import { IOError } from '../errors';
import { type WritableFile, writeFully } from '../fs/file-system';
import {
	BLOCK_SIZE,
	type Crc32,
	checksumOfLogNumber,
	HEADER_SIZE,
	TYPE_FIRST,
	TYPE_FULL,
	TYPE_LAST,
	TYPE_MIDDLE,
} from './format';

const KEPT_BUFFER_BYTES = 4 * 1024 * 1024;
const FIRST_BUFFER_BYTES = 64 * 1024;

export class LogWriter {
	readonly #file: WritableFile;
	readonly #crc32: Crc32;
	readonly #seed: number;
	#frames: Buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
	#size = 0;
	#poison: IOError | undefined;

	/** @param size bytes that the file holds: whole records. */
	constructor(file: WritableFile, logNumber: number, crc32: Crc32, size = 0) {
		this.#file = file;
		this.#size = size;
		this.#crc32 = crc32;
		this.#seed = checksumOfLogNumber(logNumber, crc32);
	}

	/** Bytes in the file. */
	get size(): number {
		return this.#size;
	}

	/** Appends `buffer[start, end)` as one record. */
	append(buffer: Uint8Array, start: number, end: number): void {
		this.#checkPoison();
		const length = this.#frame(buffer, start, end);
		try {
			writeFully(this.#file, this.#frames, 0, length);
		} catch (error) {
			throw this.#poisoned('written to', error);
		}
		this.#size += length;
		if (this.#frames.length > KEPT_BUFFER_BYTES) this.#frames = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
	}

	/** Makes all that was appended durable, on the calling thread. */
	syncSync(): void {
		this.#checkPoison();
		try {
			this.#file.syncSync();
		} catch (error) {
			throw this.#poisoned('synced', error);
		}
	}

	/** As {@link syncSync}, off the calling thread. */
	async sync(): Promise<void> {
		this.#checkPoison();
		try {
			await this.#file.sync();
		} catch (error) {
			throw this.#poisoned('synced', error);
		}
		// An append that failed while this was under way decides.
		this.#checkPoison();
	}

	close(): void {
		this.#file.closeSync();
	}

	/** Cuts a record into fragments in the frame buffer; returns the bytes to write. */
	#frame(buffer: Uint8Array, start: number, end: number): number {
		this.#reserve(end - start);
		let inBlock = this.#size % BLOCK_SIZE;
		let to = 0;
		let from = start;
		// Not `from === start`: the first fragment is empty where a block has room for a header only.
		let isFirst = true;
		do {
			let room = BLOCK_SIZE - inBlock;
			if (room < HEADER_SIZE) {
				this.#frames.fill(0, to, to + room);
				to += room;
				inBlock = 0;
				room = BLOCK_SIZE;
			}
			const length = Math.min(end - from, room - HEADER_SIZE);
			const isLast = from + length === end;
			const type = isFirst ? (isLast ? TYPE_FULL : TYPE_FIRST) : isLast ? TYPE_LAST : TYPE_MIDDLE;
			this.#fragment(to, type, buffer, from, length);
			to += HEADER_SIZE + length;
			inBlock = (inBlock + HEADER_SIZE + length) % BLOCK_SIZE;
			from += length;
			isFirst = false;
		} while (from < end);
		return to;
	}

	#fragment(at: number, type: number, buffer: Uint8Array, from: number, length: number): void {
		const frames = this.#frames;
		frames[at + 4] = length & 0xff;
		frames[at + 5] = length >>> 8;
		frames[at + 6] = type;
		frames.set(buffer.subarray(from, from + length), at + HEADER_SIZE);
		// Type and data lie side by side: one checksum call covers both.
		const checksum = this.#crc32(frames.subarray(at + 6, at + HEADER_SIZE + length), this.#seed);
		frames.writeUInt32LE(checksum >>> 0, at);
	}

	#reserve(length: number): void {
		const blocks = Math.ceil(length / (BLOCK_SIZE - HEADER_SIZE)) + 1;
		const needed = length + blocks * HEADER_SIZE + HEADER_SIZE;
		if (this.#frames.length < needed) this.#frames = Buffer.allocUnsafeSlow(Math.max(needed, this.#frames.length * 2));
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
