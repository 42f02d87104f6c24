/**
 * Value pointers: what stands in a table for a value that lies in a blob file. Part of the file format: do not change.
 *
 *     | blob file number (varint) | offset of the record (varint) | value length (varint) |
 *
 * Invariant: nothing that a pointer says is believed before the blob file has confirmed it; see ./file.
 */
import { readVarint32, readVarint53, varint, varintLength, writeVarint } from '../varint';

/** Bytes of the checksum in front of a record. */
const CHECKSUM_SIZE = 8;
/** Bytes that a pointer takes at most. */
export const MOST_POINTER_BYTES = 21;

export interface ValuePointer {
	/** Number of the blob file. */
	file: number;
	/** Where the record begins in it. */
	offset: number;
	/** Bytes of the value. */
	length: number;
}

/** Writes a pointer and returns the position after it. */
export function writePointer(target: Uint8Array, at: number, pointer: ValuePointer): number {
	const next = writeVarint(target, writeVarint(target, at, pointer.file), pointer.offset);
	return writeVarint(target, next, pointer.length);
}

/** The pointer `bytes[start, end)`; `undefined` when it is malformed. */
export function readPointer(bytes: Uint8Array, start: number, end: number): ValuePointer | undefined {
	const file = readVarint53(bytes, start, end);
	const offset = file < 0 ? -1 : readVarint53(bytes, varint.end, end);
	const length = offset < 0 ? -1 : readVarint32(bytes, varint.end, end);
	return length < 0 || varint.end !== end ? undefined : { file, offset, length };
}

/** Bytes of the record; its internal key is as long as that of the entry. */
export function recordSize(keyLength: number, valueLength: number): number {
	return CHECKSUM_SIZE + varintLength(keyLength) + varintLength(valueLength) + keyLength + valueLength;
}
