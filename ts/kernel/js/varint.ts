/**
 * Base-128 integers, part of the file format: do not change.
 *
 *     | 1 b6 … b0 | 1 b13 … b7 | … | 0 … |      seven bits a byte, low bits first, the top bit says that another byte follows
 *
 * Invariants:
 *  1. A 32-bit length takes at most 5 bytes, a number below 2^53 at most 8: a decoder refuses more bytes and larger values.
 *  2. Nothing is allocated: a reader answers the value (or -1 for a malformed one) and leaves the position after it in
 *     {@link varint}.
 */

/** Position after the last integer that was read. */
export const varint = { end: 0 };

/** Bytes that {@link writeVarint} takes for a value below 2^53. */
export function varintLength(value: number): number {
	let length = 1;
	for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
	return length;
}

/** Writes a value below 2^53 and returns the position after it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
	let rest = value;
	while (rest >= 128) {
		target[at++] = (rest % 128) | 128;
		rest = Math.floor(rest / 128);
	}
	target[at++] = rest;
	return at;
}

/** Reads a value below 2^32 from `bytes[at, end)`; -1 when it is cut short or too long. */
export function readVarint32(bytes: Uint8Array, at: number, end: number): number {
	// Most lengths: one byte.
	if (at < end && bytes[at] < 128) {
		varint.end = at + 1;
		return bytes[at];
	}
	let value = 0;
	let scale = 1;
	const last = Math.min(end, at + 5);
	while (at < last) {
		const byte = bytes[at++];
		value += (byte & 127) * scale;
		if (byte < 128) {
			varint.end = at;
			return value <= 0xffffffff ? value : -1;
		}
		scale *= 128;
	}
	return -1;
}

/** Reads a value below 2^53 from `bytes[at, end)`; -1 when it is cut short or too long. */
export function readVarint53(bytes: Uint8Array, at: number, end: number): number {
	let value = 0;
	let scale = 1;
	const last = Math.min(end, at + 8);
	while (at < last) {
		const byte = bytes[at++];
		value += (byte & 127) * scale;
		if (byte < 128) {
			varint.end = at;
			return value <= Number.MAX_SAFE_INTEGER ? value : -1;
		}
		scale *= 128;
	}
	return -1;
}
