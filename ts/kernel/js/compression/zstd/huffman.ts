/**
 * The Huffman code of zstd's literals (RFC 8878, 4.2).
 *
 * Invariants:
 *  1. Codes have at most {@link MOST_BITS} bits, and together they are complete: every pattern of bits is a code.
 *  2. A stream is right when its last bit belongs to its last literal.
 */
import { BitReader } from './bit-reader';
import { FseTable } from './fse';

const MOST_BITS = 11;
const MOST_WEIGHTS = 255;

export class HuffmanTable {
	private bits = 0;
	private readonly symbols = new Uint8Array(1 << MOST_BITS);
	private readonly lengths = new Uint8Array(1 << MOST_BITS);
	private readonly weights = new Uint8Array(MOST_WEIGHTS + 1);
	private readonly firsts = new Uint16Array(MOST_BITS + 2);
	private readonly weightTable = new FseTable(6, MOST_BITS + 2);
	private readonly reader = new BitReader();

	/** Reads the description of a code that begins at `at`; answers the position behind it, or -1 when it is malformed. */
	read(bytes: Uint8Array, at: number, end: number): number {
		const header = bytes[at++];
		const size = header < 128 ? header : (header - 126) >>> 1;
		if (at + size > end) return -1;
		const count = header < 128 ? this.readWeights(bytes, at, at + size) : this.unpackWeights(bytes, at, header - 127);
		return count > 0 && this.build(count) ? at + size : -1;
	}

	/** Decodes the stream `bytes[start, end)` into `out[at, stop)`. */
	decode(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number, stop: number): boolean {
		const { symbols, lengths, bits, reader } = this;
		if (!reader.open(bytes, start, end)) return false;
		const mask = (1 << bits) - 1;
		let { left } = reader;
		while (at < stop) {
			const low = left - bits;
			let index: number;
			if (low >= 0) {
				const from = start + (low >>> 3);
				index = ((bytes[from] | (bytes[from + 1] << 8) | (bytes[from + 2] << 16)) >>> (low & 7)) & mask;
			} else {
				if (left <= 0) return false;
				index = ((bytes[start] | (bytes[start + 1] << 8)) & ((1 << left) - 1)) << -low;
			}
			out[at++] = symbols[index];
			left -= lengths[index];
		}
		return left === 0;
	}

	/** Four bits each. */
	private unpackWeights(bytes: Uint8Array, at: number, count: number): number {
		for (let i = 0; i < count; i++) this.weights[i] = i % 2 === 0 ? bytes[at + (i >>> 1)] >>> 4 : bytes[at + (i >>> 1)] & 15;
		return count;
	}

	/** Two states that take turns, until the stream is at its end; answers the number of weights, or -1. */
	private readWeights(bytes: Uint8Array, at: number, end: number): number {
		const { weightTable: table, reader } = this;
		const start = table.read(bytes, at, end);
		if (start < 0 || !reader.open(bytes, start, end)) return -1;
		let state = reader.read(table.log);
		let other = reader.read(table.log);
		if (reader.left < 0) return -1;
		for (let count = 0; count < MOST_WEIGHTS - 1; ) {
			this.weights[count++] = table.symbols[state];
			state = table.bases[state] + reader.read(table.bits[state]);
			if (reader.left < 0) {
				this.weights[count++] = table.symbols[other];
				return count;
			}
			[state, other] = [other, state];
		}
		return -1;
	}

	/** The last weight is not stored: it makes the code complete. */
	private build(count: number): boolean {
		const { weights, firsts } = this;
		firsts.fill(0);
		let total = 0;
		for (let i = 0; i < count; i++) {
			if (weights[i] > MOST_BITS) return false;
			if (weights[i] > 0) total += 1 << (weights[i] - 1);
		}
		const bits = 32 - Math.clz32(total);
		const rest = (1 << bits) - total;
		if (total === 0 || bits > MOST_BITS || (rest & (rest - 1)) !== 0) return false;
		weights[count++] = 32 - Math.clz32(rest);
		for (let i = 0; i < count; i++) if (weights[i] > 0) firsts[weights[i] + 1] += 1 << (weights[i] - 1);
		for (let weight = 1; weight < firsts.length; weight++) firsts[weight] += firsts[weight - 1];
		for (let i = 0; i < count; i++) {
			if (weights[i] === 0) continue;
			const first = firsts[weights[i]];
			const next = first + (1 << (weights[i] - 1));
			this.symbols.fill(i, first, next);
			this.lengths.fill(bits + 1 - weights[i], first, next);
			firsts[weights[i]] = next;
		}
		this.bits = bits;
		return true;
	}
}
