/**
 * The LZ4 encoder: `| raw length (varint) | LZ4 block |`. Part of the file format; how matches are found is not.
 *
 *     LZ4 block: | token (1): literals << 4 | match − 4 | more literals … | literals | offset (2) | more match … |
 *
 * Invariants:
 *  1. As the format wants it, the last five bytes are literals, and no match begins in the last twelve.
 *  2. Nothing is allocated but for a block larger than all before it; no object is made for a match.
 *  3. The output never passes the limit: a block that does not shrink is given up early.
 */
import { copyBytes, EMPTY } from '../bytes';
import { writeVarint } from '../varint';
import type { Encoder, Stored } from './codec';

const HASH_BITS = 12;
const HASH_SHIFT = 32 - HASH_BITS;
const MULTIPLIER = 0x9e3779b1 | 0;
const MIN_MATCH = 4;
const LAST_LITERALS = 5;
const MATCH_MARGIN = 12;
const MOST_OFFSET = 65_535;
/** After so many misses (as a power of two) the search takes larger steps. */
const SKIP_SHIFT = 6;
const FULL = 15;

export class Lz4Encoder implements Encoder {
	/** One more than the position where a hash was seen last; 0 for never. */
	private readonly table = new Int32Array(1 << HASH_BITS);
	private out: Buffer = EMPTY;
	private limit = 0;
	/** Where the output goes on; -1 when the limit was reached. */
	private at = 0;

	compress(raw: Buffer, size: number, most: number, reserve: number): Stored | undefined {
		if (this.out.length < most + reserve) this.out = Buffer.allocUnsafeSlow(most + reserve);
		this.limit = most;
		if (most < 5) return undefined;
		this.at = writeVarint(this.out, 0, size);
		this.table.fill(0);
		const anchor = this.sequences(raw, size);
		if (this.at >= 0) this.lastLiterals(raw, anchor, size);
		return this.at < 0 ? undefined : { bytes: this.out, size: this.at };
	}

	/** Writes all matches, each with the literals before it; answers where the literals behind the last one begin. */
	private sequences(raw: Buffer, size: number): number {
		const { table } = this;
		const lastStart = size - MATCH_MARGIN;
		let anchor = 0;
		let misses = 1 << SKIP_SHIFT;
		for (let at = 0; at <= lastStart; ) {
			const word = raw[at] | (raw[at + 1] << 8) | (raw[at + 2] << 16) | (raw[at + 3] << 24);
			const slot = Math.imul(word, MULTIPLIER) >>> HASH_SHIFT;
			let match = table[slot] - 1;
			table[slot] = at + 1;
			if (match < 0 || at - match > MOST_OFFSET || !sameWord(raw, match, word)) {
				at += misses++ >>> SKIP_SHIFT;
				continue;
			}
			while (at > anchor && match > 0 && raw[at - 1] === raw[match - 1]) {
				at--;
				match--;
			}
			const end = matchEnd(raw, at + MIN_MATCH, match + MIN_MATCH, size - LAST_LITERALS);
			this.sequence(raw, anchor, at, at - match, end - at);
			if (this.at < 0) return end;
			anchor = end;
			at = end;
			misses = 1 << SKIP_SHIFT;
		}
		return anchor;
	}

	private sequence(raw: Buffer, anchor: number, end: number, offset: number, length: number): void {
		const { out } = this;
		const literals = end - anchor;
		const more = length - MIN_MATCH;
		// Token, offset and both lengths at their longest.
		if (this.at + literals + Math.floor(literals / 255) + Math.floor(more / 255) + 5 > this.limit) {
			this.at = -1;
			return;
		}
		let at = this.at;
		out[at++] = (Math.min(literals, FULL) << 4) | Math.min(more, FULL);
		if (literals >= FULL) at = writeLength(out, at, literals - FULL);
		at = copyBytes(raw, anchor, end, out, at);
		out[at++] = offset;
		out[at++] = offset >>> 8;
		this.at = more >= FULL ? writeLength(out, at, more - FULL) : at;
	}

	private lastLiterals(raw: Buffer, anchor: number, size: number): void {
		const literals = size - anchor;
		if (this.at + literals + Math.floor(literals / 255) + 2 > this.limit) {
			this.at = -1;
			return;
		}
		let at = this.at;
		this.out[at++] = Math.min(literals, FULL) << 4;
		if (literals >= FULL) at = writeLength(this.out, at, literals - FULL);
		this.at = copyBytes(raw, anchor, size, this.out, at);
	}
}

function sameWord(raw: Buffer, at: number, word: number): boolean {
	return (raw[at] | (raw[at + 1] << 8) | (raw[at + 2] << 16) | (raw[at + 3] << 24)) === word;
}

function matchEnd(raw: Buffer, at: number, match: number, limit: number): number {
	while (at < limit && raw[at] === raw[match]) {
		at++;
		match++;
	}
	return at;
}

function writeLength(out: Buffer, at: number, rest: number): number {
	for (; rest >= 255; rest -= 255) out[at++] = 255;
	out[at++] = rest;
	return at;
}
