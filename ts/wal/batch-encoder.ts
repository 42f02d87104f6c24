/**
 * Encodes operations as the WAL stores them and the memtable takes them: once.
 *
 * ```
 * record:    | sequence (8) | count (4) | operation … |
 * operation: | kind (1) | key length (varint) | key | value length (varint) | value |
 * ```
 *
 * Of a range delete the key is the start, the value the end; an empty value stands for the end of all keys. The value of a put with
 * expiry begins with the time at which it expires (8).
 *
 * Invariants:
 *  1. An operation that is refused leaves the encoder as it was.
 *  2. A large buffer has one owner: an encoder, or the store of spare ones.
 */

import { compareBytes, copyShort, LOOP_LIMIT, toBytes } from '../bytes';
import { ResourceError } from '../errors';
import {
	EXPIRY_SIZE,
	KIND_DELETE,
	KIND_PUT,
	KIND_PUT_WITH_EXPIRY,
	KIND_RANGE_DELETE,
	MEMTABLE_ENTRY_OVERHEAD,
} from '../kernel/kernel';
import { checkBytes, checkKeyLength, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../limits';
import type { Bytes } from '../types';

const HEADER_SIZE = 12;
const FIRST_BUFFER_BYTES = 1024;
const KEPT_BUFFER_BYTES = 8 * 1024 * 1024;
/** A buffer that is at least as large is worth being kept for the next encoder: memory that was never touched costs more than the copy into it. */
const LARGE_BUFFER_BYTES = 64 * 1024;
/** Longest kind and two lengths. */
const OPERATION_OVERHEAD = 11;

const END_OF_ALL = new Uint8Array(0);

/** A large buffer that no encoder has. One is enough: it goes from each batch to the group, and from there to the next batch. */
let spare: Buffer | undefined;

/** A place to go back to. */
export interface EncoderMark {
	byteLength: number;
	count: number;
	memoryUsage: number;
	rangeDeletes: number;
}

/** A record: `buffer[start, end)`, valid until the encoder is used again. */
export interface EncodedRecord {
	buffer: Buffer;
	start: number;
	end: number;
}

export class BatchEncoder {
	#buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
	#length = HEADER_SIZE;
	#count = 0;
	#memoryUsage = 0;
	#rangeDeletes = 0;

	/** Operations encoded. */
	get count(): number {
		return this.#count;
	}

	/** Bytes of the record so far. */
	get byteLength(): number {
		return this.#length;
	}

	/** What the operations cost in a memtable: keys, values and MEMTABLE_ENTRY_OVERHEAD each. */
	get memoryUsage(): number {
		return this.#memoryUsage;
	}

	/** How many of the operations are range deletes. */
	get rangeDeletes(): number {
		return this.#rangeDeletes;
	}

	/** @param expiresAt milliseconds since the epoch; undefined: never */
	put(key: Bytes, value: Bytes, expiresAt?: number | undefined): void {
		if (expiresAt !== undefined) {
			this.#putWithExpiry(key, value, expiresAt);
			return;
		}
		checkBytes(key, 'key');
		checkBytes(value, 'value');
		const before = this.#length;
		try {
			this.#reserve(mostBytes(key) + mostBytes(value) + OPERATION_OVERHEAD);
			this.#buffer[this.#length++] = KIND_PUT;
			const keyLength = this.#bytes(key);
			checkKeyLength(keyLength);
			const valueLength = this.#bytes(value);
			checkValueLength(valueLength);
			this.#operationDone(keyLength + valueLength);
		} catch (error) {
			this.#length = before;
			throw error;
		}
	}

	delete(key: Bytes): void {
		checkBytes(key, 'key');
		const before = this.#length;
		try {
			this.#reserve(mostBytes(key) + OPERATION_OVERHEAD);
			this.#buffer[this.#length++] = KIND_DELETE;
			const keyLength = this.#bytes(key);
			checkKeyLength(keyLength);
			this.#buffer[this.#length++] = 0;
			this.#operationDone(keyLength);
		} catch (error) {
			this.#length = before;
			throw error;
		}
	}

	/**
	 * Deletes the keys from `start` to `end` (exclusive; undefined: to the end of all keys). An empty range adds no operation.
	 */
	deleteRange(start: Bytes, end: Bytes | undefined): void {
		checkBytes(start, 'bound');
		if (end !== undefined) checkBytes(end, 'bound');
		const startBytes = clipped(start);
		const endBytes = end === undefined ? END_OF_ALL : clipped(end);
		if (end !== undefined && compareBytes(startBytes, endBytes) >= 0) return;
		const before = this.#length;
		try {
			this.#reserve(startBytes.length + endBytes.length + OPERATION_OVERHEAD);
			this.#buffer[this.#length++] = KIND_RANGE_DELETE;
			this.#operationDone(this.#bytes(startBytes) + this.#bytes(endBytes));
			this.#rangeDeletes++;
		} catch (error) {
			this.#length = before;
			throw error;
		}
	}

	#putWithExpiry(key: Bytes, value: Bytes, expiresAt: number): void {
		checkBytes(key, 'key');
		checkBytes(value, 'value');
		const valueBytes = toBytes(value);
		const before = this.#length;
		try {
			this.#reserve(mostBytes(key) + mostBytes(valueBytes) + EXPIRY_SIZE + OPERATION_OVERHEAD);
			this.#buffer[this.#length++] = KIND_PUT_WITH_EXPIRY;
			const keyLength = this.#bytes(key);
			checkKeyLength(keyLength);
			this.#varint(EXPIRY_SIZE + valueBytes.length);
			this.#uint64(expiresAt, this.#length);
			this.#length += EXPIRY_SIZE;
			this.#buffer.set(valueBytes, this.#length);
			this.#length += valueBytes.length;
			this.#operationDone(keyLength + EXPIRY_SIZE + valueBytes.length);
		} catch (error) {
			this.#length = before;
			throw error;
		}
	}

	/**
	 * Adds all operations of another encoder, which is used up then. To an empty encoder nothing is copied: it takes the buffer.
	 */
	take(other: BatchEncoder): void {
		if (this.#count > 0) {
			this.append(other);
			return;
		}
		const { buffer, mark } = { buffer: this.#buffer, mark: this.mark() };
		this.#buffer = other.#buffer;
		this.rollback(other.mark());
		other.#buffer = buffer;
		other.rollback(mark);
	}

	/** Adds all operations of another encoder. */
	append(other: BatchEncoder): void {
		const length = other.#length - HEADER_SIZE;
		this.#reserve(length);
		other.#buffer.copy(this.#buffer, this.#length, HEADER_SIZE, other.#length);
		this.#length += length;
		this.#count += other.#count;
		this.#memoryUsage += other.#memoryUsage;
		this.#rangeDeletes += other.#rangeDeletes;
	}

	mark(): EncoderMark {
		return {
			byteLength: this.#length,
			count: this.#count,
			memoryUsage: this.#memoryUsage,
			rangeDeletes: this.#rangeDeletes,
		};
	}

	/** Drops what was added since a mark. */
	rollback(mark: EncoderMark): void {
		this.#length = mark.byteLength;
		this.#count = mark.count;
		this.#memoryUsage = mark.memoryUsage;
		this.#rangeDeletes = mark.rangeDeletes;
	}

	/** Drops everything. A large buffer is kept for the encoder that needs one next. */
	reset(): void {
		this.#length = HEADER_SIZE;
		this.#count = 0;
		this.#memoryUsage = 0;
		this.#rangeDeletes = 0;
		if (this.#buffer.length < LARGE_BUFFER_BYTES) return;
		if (this.#buffer.length <= KEPT_BUFFER_BYTES && this.#buffer.length > (spare?.length ?? 0)) spare = this.#buffer;
		this.#buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
	}

	/** The record, its first operation having this sequence number. */
	finish(sequence: number): EncodedRecord {
		this.#uint64(sequence, 0);
		this.#buffer.writeUInt32LE(this.#count, 8);
		return { buffer: this.#buffer, start: 0, end: this.#length };
	}

	#uint64(value: number, at: number): void {
		this.#buffer.writeUInt32LE(value % 2 ** 32, at);
		this.#buffer.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
	}

	/** Counts an operation; throws before it has when the batch is too long. */
	#operationDone(userBytes: number): void {
		if (this.#length > MAX_BATCH_BYTES) {
			throw new ResourceError(`A batch has at most ${MAX_BATCH_BYTES} bytes. Write it in several.`);
		}
		this.#count++;
		this.#memoryUsage += userBytes + MEMTABLE_ENTRY_OVERHEAD;
	}

	/** Writes length and bytes of a key or value; returns the length. There is room. */
	#bytes(value: Bytes): number {
		if (typeof value !== 'string') return this.#copy(value);
		return value.length <= LOOP_LIMIT && this.#ascii(value) ? value.length : this.#utf8(value);
	}

	#copy(value: Uint8Array): number {
		this.#varint(value.length);
		const length = copyShort(value, this.#buffer, this.#length);
		this.#length += length;
		return length;
	}

	/** Writes a short string if it is ASCII. */
	#ascii(value: string): boolean {
		const buffer = this.#buffer;
		const start = this.#length + 1;
		for (let i = 0; i < value.length; i++) {
			const unit = value.charCodeAt(i);
			if (unit > 0x7f) return false;
			buffer[start + i] = unit;
		}
		buffer[this.#length] = value.length;
		this.#length = start + value.length;
		return true;
	}

	#utf8(value: string): number {
		const length = Buffer.byteLength(value);
		this.#varint(length);
		this.#buffer.write(value, this.#length, 'utf8');
		this.#length += length;
		return length;
	}

	#varint(value: number): void {
		let rest = value;
		while (rest > 0x7f) {
			this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
			rest >>>= 7;
		}
		this.#buffer[this.#length++] = rest;
	}

	#reserve(more: number): void {
		const needed = this.#length + more;
		if (needed <= this.#buffer.length) return;
		if (needed > 2 * MAX_BATCH_BYTES)
			throw new ResourceError(`A batch has at most ${MAX_BATCH_BYTES} bytes. Write it in several.`);
		const grown =
			takeSpare(needed) ?? Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * this.#buffer.length, MAX_BATCH_BYTES)));
		this.#buffer.copy(grown, 0, 0, this.#length);
		this.#buffer = grown;
	}
}

/** The spare buffer, when so much is needed that it has a use, and it has room for it. */
function takeSpare(needed: number): Buffer | undefined {
	const found = spare;
	if (found === undefined || needed < LARGE_BUFFER_BYTES / 4 || needed > found.length) return undefined;
	spare = undefined;
	return found;
}

/** A bound that is longer than any key, by as much as it takes to part the same keys. */
function clipped(bound: Bytes): Uint8Array {
	return toBytes(bound).subarray(0, MAX_KEY_BYTES + 1);
}

/** Upper bound of the bytes of a key or value, without counting the characters of a short string. */
function mostBytes(value: Bytes): number {
	if (typeof value !== 'string') {
		checkValueLength(value.length);
		return value.length;
	}
	if (value.length <= FIRST_BUFFER_BYTES) return value.length * 3;
	const length = Buffer.byteLength(value);
	checkValueLength(length);
	return length;
}

function checkValueLength(length: number): void {
	if (length > MAX_VALUE_BYTES) throw new ResourceError(`A value has at most ${MAX_VALUE_BYTES} bytes; this one has ${length}.`);
}
