/**
 * Plain Bloom filter, part of the file format: do not change.
 *
 *     | bits … | probes (1) |
 *
 * x = low half of the hash, y = high half; for each probe i = 0, 1, …: bit = floor(x × bit count / 2^32), x = x + y, y = y + i (mod 2^32):
 * enhanced double hashing, Dillinger and Manolios, "Bloom Filters in Probabilistic Verification" (2004).
 *
 * Invariant: there are fewer than 2^32 bits, and each half of x is multiplied by itself: exact in a double.
 */
import { CorruptionError, type ErrorDetail } from '../../../errors';
import type { Filter, FilterPolicy, FilterSizing } from './policy';

const TAIL_SIZE = 1;
const MAX_SIZE = 2 ** 29 - 1;
const MAX_PROBES = 30;

/** The policy. */
export const bloom: FilterPolicy = {
	name: 'bloom',

	build(hashes: Uint32Array, { milliBitsPerKey, probes }: FilterSizing): Buffer {
		const count = hashes.length / 2;
		const wanted = Math.ceil((count * milliBitsPerKey) / 8000);
		const size = Math.min(Math.max(1, wanted), MAX_SIZE);
		const filter = Buffer.alloc(size + TAIL_SIZE);
		for (let i = 0; i < count; i++) setBits(filter, 8 * size, probes, hashes[2 * i], hashes[2 * i + 1]);
		filter[size] = probes;
		return filter;
	},

	open: (block, detail) => new BloomFilter(block, detail),
};

function setBits(filter: Buffer, bitCount: number, probes: number, low: number, high: number): void {
	let x = low;
	let y = high;
	for (let i = 0; i < probes; i++) {
		const bit = scale(x, bitCount);
		filter[bit >>> 3] |= 1 << (bit & 7);
		x = (x + y) >>> 0;
		y = (y + i) >>> 0;
	}
}

/** floor(x × bitCount / 2^32) of two numbers below 2^32. */
function scale(x: number, bitCount: number): number {
	return Math.floor(((x >>> 16) * bitCount + Math.floor(((x & 0xffff) * bitCount) / 0x10000)) / 0x10000);
}

class BloomFilter implements Filter {
	private readonly bitCount: number;
	private readonly probes: number;

	constructor(
		private readonly bytes: Uint8Array,
		detail?: ErrorDetail,
	) {
		const size = bytes.length - TAIL_SIZE;
		this.bitCount = 8 * size;
		this.probes = size < 1 ? 0 : bytes[size];
		if (size < 1 || size > MAX_SIZE || this.probes < 1 || this.probes > MAX_PROBES) {
			throw new CorruptionError(`filter block is malformed: ${bytes.length} bytes with ${this.probes} probes`, detail);
		}
	}

	get size(): number {
		return this.bytes.length;
	}

	mayContain(low: number, high: number): boolean {
		const { bytes, bitCount } = this;
		let x = low;
		let y = high;
		for (let i = 0; i < this.probes; i++) {
			const bit = scale(x, bitCount);
			if ((bytes[bit >>> 3] & (1 << (bit & 7))) === 0) return false;
			x = (x + y) >>> 0;
			y = (y + i) >>> 0;
		}
		return true;
	}
}
