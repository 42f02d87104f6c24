/**
 * Byte ranges: compare, copy, and fixed-width integers (little-endian, part of the file format).
 *
 * Invariants:
 *  1. Short ranges are handled in plain loops: below the limits here a call into the runtime costs more than the loop.
 *  2. No function allocates, but for the views that a long copy needs.
 */

const LOOP_COMPARE = 96;
const LOOP_COPY = 48;

export const EMPTY: Buffer = Buffer.alloc(0);

/** Bytewise order, a prefix first: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): number {
	const aLength = aEnd - aStart;
	const bLength = bEnd - bStart;
	const length = Math.min(aLength, bLength);
	if (length > LOOP_COMPARE) return Buffer.prototype.compare.call(a, b, bStart, bEnd, aStart, aEnd);
	for (let i = 0; i < length; i++) {
		const difference = a[aStart + i] - b[bStart + i];
		if (difference !== 0) return difference;
	}
	return aLength - bLength;
}

/** Copies `source[start, end)` to `target` at `at` and returns the position after it. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
	const length = end - start;
	if (length > LOOP_COPY) {
		target.set(new Uint8Array(source.buffer, source.byteOffset + start, length), at);
		return at + length;
	}
	for (let i = 0; i < length; i++) target[at + i] = source[start + i];
	return at + length;
}

export function readUint32(bytes: Uint8Array, at: number): number {
	return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): number {
	bytes[at] = value;
	bytes[at + 1] = value >>> 8;
	bytes[at + 2] = value >>> 16;
	bytes[at + 3] = value >>> 24;
	return at + 4;
}

/** Eight bytes as a number: exact below 2^53, and above 2^53 for larger ones. */
export function readUint64(bytes: Uint8Array, at: number): number {
	return readUint32(bytes, at + 4) * 0x100000000 + readUint32(bytes, at);
}

/** Writes a number below 2^53 in eight bytes. */
export function writeUint64(bytes: Uint8Array, at: number, value: number): number {
	writeUint32(bytes, at, value % 0x100000000);
	return writeUint32(bytes, at + 4, Math.floor(value / 0x100000000));
}

/** A buffer of at least `needed` bytes that starts with the first `used` bytes of `buffer`. */
export function grow(buffer: Buffer, used: number, needed: number): Buffer {
	if (needed <= buffer.length) return buffer;
	const larger = Buffer.allocUnsafeSlow(Math.max(needed, buffer.length * 2));
	buffer.copy(larger, 0, 0, used);
	return larger;
}
