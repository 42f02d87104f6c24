/**
 * The LZ4 decoder: `| raw length (varint) | LZ4 block |`. Part of the file format: do not change.
 *
 *     LZ4 block: | token (1): literals << 4 | match − 4 | more literals … | literals | offset (2) | more match … |
 *
 * Invariant: every length and offset is checked before it is used; a malformed block writes nothing outside of its output, and takes no
 * longer than a right one.
 */
import { readVarint32, varint } from '../varint';
import type { Decoder } from './codec';
import { copyLiterals, copyMatch, type Memory } from './word-copy';

const MIN_MATCH = 4;
const FULL = 15;

/** Position behind the length that {@link readLength} has read. */
let position = 0;

export const lz4Decoder: Decoder = {
	// A byte more of a match length adds 255 bytes.
	mostExpansion: 255,

	rawLength: readVarint32,

	decompress(stored, start, end, raw, length) {
		if (readVarint32(stored.bytes, start, end) < 0) return false;
		return decodeBlock(stored, varint.end, end, raw, length);
	},
};

function decodeBlock(source: Memory, at: number, end: number, raw: Memory, rawEnd: number): boolean {
	const stored = source.bytes;
	let written = 0;
	while (at < end) {
		const token = stored[at++];
		let literals = token >>> 4;
		if (literals === FULL) {
			literals = readLength(stored, at, end);
			at = position;
		}
		if (literals < 0 || literals > end - at || literals > rawEnd - written) return false;
		written = copyLiterals(source, at, raw, written, literals);
		at += literals;
		// The last sequence has no match.
		if (at === end) return written === rawEnd;
		if (end - at < 2) return false;
		const offset = stored[at] | (stored[at + 1] << 8);
		at += 2;
		let more = token & FULL;
		if (more === FULL) {
			more = readLength(stored, at, end);
			at = position;
		}
		if (more < 0 || offset === 0 || offset > written || more + MIN_MATCH > rawEnd - written) return false;
		written = copyMatch(raw, written, offset, more + MIN_MATCH);
	}
	return false;
}

/** A length of at least {@link FULL}, whose further bytes begin at `at`; -1 when it does not end. */
function readLength(stored: Buffer, at: number, end: number): number {
	let length = FULL;
	while (at < end) {
		const byte = stored[at++];
		length += byte;
		if (byte < 255) {
			position = at;
			return length;
		}
	}
	return -1;
}
