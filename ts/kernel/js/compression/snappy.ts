/**
 * Snappy: `| raw length (varint) | element … |`, the raw Snappy format. Part of the file format: do not change.
 *
 *     element: | tag (1): … 00 | more length (0 … 4) | literal |
 *              | tag (1): … 01 | offset (1) |    | tag (1): … 10 | offset (2) |    | tag (1): … 11 | offset (4) |
 *
 * snappyjs compresses. Its decoder trusts its input (a length of 2^31 makes it run backwards, for ever), so the decoder is our own.
 *
 * Invariant: every length and offset is checked before it is used.
 */
import { compress } from 'snappyjs';
import { EMPTY, readUint32 } from '../bytes';
import { readVarint32, varint } from '../varint';
import type { Decoder, Encoder, Stored } from './codec';
import { copyLiterals, copyMatch, type Memory } from './word-copy';

/** A literal whose length does not fit into the tag has it in 1 to 4 bytes behind it. */
const LONG_LITERAL = 60;

export class SnappyEncoder implements Encoder {
	private out: Buffer = EMPTY;

	compress(raw: Buffer, size: number, most: number, reserve: number): Stored | undefined {
		const stored = compress(raw.subarray(0, size));
		if (stored.length > most) return undefined;
		if (this.out.length < stored.length + reserve) this.out = Buffer.allocUnsafeSlow(most + reserve);
		this.out.set(stored);
		return { bytes: this.out, size: stored.length };
	}
}

export const snappyDecoder: Decoder = {
	// A copy of 64 bytes takes three; one of 11 takes two.
	mostExpansion: 22,

	rawLength: readVarint32,

	decompress(stored, start, end, raw, length) {
		if (readVarint32(stored.bytes, start, end) < 0) return false;
		return decodeElements(stored, varint.end, end, raw, length);
	},
};

function decodeElements(source: Memory, at: number, end: number, raw: Memory, rawEnd: number): boolean {
	const stored = source.bytes;
	let written = 0;
	while (at < end) {
		const tag = stored[at++];
		const kind = tag & 3;
		const extra = kind === 0 ? lengthBytes(tag) : kind === 3 ? 4 : kind;
		if (extra > end - at) return false;
		if (kind === 0) {
			const literals = (extra === 0 ? tag >>> 2 : readUint(stored, at, extra)) + 1;
			at += extra;
			if (literals > end - at || literals > rawEnd - written) return false;
			written = copyLiterals(source, at, raw, written, literals);
			at += literals;
		} else {
			const offset = readUint(stored, at, extra) + (kind === 1 ? (tag >>> 5) << 8 : 0);
			const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
			at += extra;
			if (offset === 0 || offset > written || length > rawEnd - written) return false;
			written = copyMatch(raw, written, offset, length);
		}
	}
	return written === rawEnd;
}

/** Bytes behind a literal's tag that hold its length. */
function lengthBytes(tag: number): number {
	return Math.max(0, (tag >>> 2) - LONG_LITERAL + 1);
}

function readUint(stored: Buffer, at: number, count: number): number {
	if (count === 4) return readUint32(stored, at);
	let value = 0;
	for (let i = 0; i < count; i++) value |= stored[at + i] << (8 * i);
	return value;
}
