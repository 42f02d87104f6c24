/**
 * Internal keys, part of the file format: do not change.
 *
 *     | user key | trailer (8, little-endian) = sequence << 8 | kind |
 *
 * Order: user key ascending (bytewise, a prefix first), then trailer descending (newest first).
 *
 * Invariants:
 *  1. Sequence numbers stay below 2^53: they are plain numbers here.
 *  2. Seeking with kind {@link KIND_SEEK} comes before every entry of the same user key with that sequence number.
 */
import { compareBytes } from './bytes';

export const TRAILER_SIZE = 8;
/** Higher than every kind: only in targets of seeks. */
export const KIND_SEEK = 255;
/**
 * Each byte of the trailer of an internal key that is the end of a table without being in it. It stands before every version of its
 * user key.
 */
export const END_TRAILER_BYTE = 255;
/** Bytes of a user key that its head holds: as many as a double holds exactly. */
export const HEAD_SIZE = 6;

/** Order of the trailers at `aAt` and `bAt`: descending. */
export function compareTrailers(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): number {
	for (let i = TRAILER_SIZE - 1; i >= 0; i--) {
		const difference = b[bAt + i] - a[aAt + i];
		if (difference !== 0) return difference;
	}
	return 0;
}

export function compareInternalKeys(
	a: Uint8Array,
	aStart: number,
	aEnd: number,
	b: Uint8Array,
	bStart: number,
	bEnd: number,
): number {
	const order = compareBytes(a, aStart, aEnd - TRAILER_SIZE, b, bStart, bEnd - TRAILER_SIZE);
	return order !== 0 ? order : compareTrailers(a, aEnd - TRAILER_SIZE, b, bEnd - TRAILER_SIZE);
}

/** Sequence number of the trailer at `at`. */
export function readSequence(bytes: Uint8Array, at: number): number {
	const low = bytes[at + 1] | (bytes[at + 2] << 8) | (bytes[at + 3] << 16);
	const high = (bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24)) >>> 0;
	return high * 0x1000000 + low;
}

/** Writes a trailer and returns the position after it. */
export function writeTrailer(bytes: Uint8Array, at: number, sequence: number, kind: number): number {
	const low = sequence % 0x1000000;
	const high = Math.floor(sequence / 0x1000000);
	bytes[at] = kind;
	bytes[at + 1] = low;
	bytes[at + 2] = low >>> 8;
	bytes[at + 3] = low >>> 16;
	bytes[at + 4] = high;
	bytes[at + 5] = high >>> 8;
	bytes[at + 6] = high >>> 16;
	bytes[at + 7] = high >>> 24;
	return at + TRAILER_SIZE;
}

/** The internal key of a user key. */
export function withTrailer(userKey: Uint8Array, sequence: number, kind: number): Buffer {
	const key = Buffer.allocUnsafe(userKey.length + TRAILER_SIZE);
	key.set(userKey);
	writeTrailer(key, userKey.length, sequence, kind);
	return key;
}

/** The largest internal key of a table that ends before a user key (empty: at the end of all keys). */
export function endKey(end: Uint8Array): Buffer {
	const key = Buffer.alloc(end.length + TRAILER_SIZE, END_TRAILER_BYTE);
	key.set(end);
	return key;
}

/** The internal key that stands before every version of a user key. */
export function firstKey(userKey: Uint8Array): Buffer {
	return withTrailer(userKey, Number.MAX_SAFE_INTEGER, KIND_SEEK);
}

/** Where a table ends, given its largest internal key: behind that user key or, where it is marked as an end, before it. */
export function endOf(largestKey: Uint8Array): Uint8Array {
	const length = largestKey.length - TRAILER_SIZE;
	const isEnd = largestKey.subarray(length).every((byte) => byte === END_TRAILER_BYTE);
	const end = new Uint8Array(isEnd ? length : length + 1);
	end.set(largestKey.subarray(0, length));
	return end;
}

/**
 * The first six bytes of `bytes[start, end)` as a number, padded with zeros. A smaller head means a smaller key; equal heads
 * decide nothing.
 */
export function readHead(bytes: Uint8Array, start: number, end: number): number {
	if (end - start >= HEAD_SIZE) {
		const upper = (bytes[start] << 16) | (bytes[start + 1] << 8) | bytes[start + 2];
		return upper * 0x1000000 + ((bytes[start + 3] << 16) | (bytes[start + 4] << 8) | bytes[start + 5]);
	}
	let head = 0;
	for (let i = 0; i < HEAD_SIZE; i++) head = head * 256 + (start + i < end ? bytes[start + i] : 0);
	return head;
}
