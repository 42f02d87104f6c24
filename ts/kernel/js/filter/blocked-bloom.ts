/**
 * Blocked Bloom filter, part of the file format: do not change.
 *
 *     | line (64) … | line count (4) | probes (1) |
 *
 * hash = xxHash64(user key); line = floor(low × line count / 2^32); h = high, and for each probe h = h × 0x9E3779B1 (mod 2^32),
 * bit = h >>> 23 of the 512 bits of the line.
 *
 * Invariants:
 *  1. A key touches one 64-byte line: one cache miss a probe.
 *  2. `low × line count` is below 2^53 (at most 2^21 − 1 lines): exact in a double.
 */
import { CorruptionError, type ErrorDetail } from '../../../errors';
import { readUint32, writeUint32 } from '../bytes';
import type { Filter, FilterPolicy, FilterSizing } from './policy';

const LINE_SIZE = 64;
const TAIL_SIZE = 5;
const MAX_LINES = 2 ** 21 - 1;
const MAX_PROBES = 30;
const MULTIPLIER = 0x9e3779b1 | 0;

/** The policy. */
export const blockedBloom: FilterPolicy = {
	name: 'blocked-bloom',

	build(hashes: Uint32Array, { milliBitsPerKey, probes }: FilterSizing): Buffer {
		const count = hashes.length / 2;
		const wanted = Math.ceil((count * milliBitsPerKey) / 512_000);
		const lines = Math.min(Math.max(1, wanted), MAX_LINES);
		const filter = Buffer.alloc(lines * LINE_SIZE + TAIL_SIZE);
		for (let i = 0; i < count; i++) setBits(filter, lines, probes, hashes[2 * i], hashes[2 * i + 1]);
		writeUint32(filter, lines * LINE_SIZE, lines);
		filter[filter.length - 1] = probes;
		return filter;
	},

	open: (block, detail) => new BlockedBloomFilter(block, detail),
};

function setBits(filter: Buffer, lines: number, probes: number, low: number, high: number): void {
	const line = Math.floor((low * lines) / 0x100000000) * LINE_SIZE;
	let h = high | 0;
	for (let i = 0; i < probes; i++) {
		h = Math.imul(h, MULTIPLIER);
		const bit = h >>> 23;
		filter[line + (bit >> 3)] |= 1 << (bit & 7);
	}
}

class BlockedBloomFilter implements Filter {
	private readonly lines: number;
	private readonly probes: number;

	constructor(
		private readonly bytes: Uint8Array,
		detail?: ErrorDetail,
	) {
		const length = bytes.length;
		this.lines = length < TAIL_SIZE ? 0 : readUint32(bytes, length - TAIL_SIZE);
		this.probes = length < TAIL_SIZE ? 0 : bytes[length - 1];
		const sound = this.lines >= 1 && this.lines <= MAX_LINES && length === this.lines * LINE_SIZE + TAIL_SIZE;
		if (!sound || this.probes < 1 || this.probes > MAX_PROBES) {
			throw new CorruptionError(
				`filter block is malformed: ${length} bytes for ${this.lines} lines and ${this.probes} probes`,
				detail,
			);
		}
	}

	get size(): number {
		return this.bytes.length;
	}

	mayContain(low: number, high: number): boolean {
		const bytes = this.bytes;
		const line = Math.floor((low * this.lines) / 0x100000000) * LINE_SIZE;
		let h = high | 0;
		for (let i = this.probes; i > 0; i--) {
			h = Math.imul(h, MULTIPLIER);
			const bit = h >>> 23;
			if ((bytes[line + (bit >> 3)] & (1 << (bit & 7))) === 0) return false;
		}
		return true;
	}
}
