/**
 * Tables of finite state entropy, the code of zstd for sequences and for the lengths of its Huffman codes (RFC 8878, 4.1).
 *
 * Invariants:
 *  1. A table has 2^log states. A state has a symbol; the next state is its base and as many bits as it says.
 *  2. `read` leaves a table unusable when it answers -1; it never writes outside of it.
 */

/** Most symbols that a table may have. */
const MOST_SYMBOLS = 256;

const counts = new Int16Array(MOST_SYMBOLS);
const nextStates = new Uint16Array(MOST_SYMBOLS);

export class FseTable {
	log = 0;
	readonly symbols: Uint8Array;
	readonly bits: Uint8Array;
	readonly bases: Uint16Array;

	/** @param symbolCount symbols are below it */
	constructor(
		private readonly mostLog: number,
		private readonly symbolCount: number,
	) {
		this.symbols = new Uint8Array(1 << mostLog);
		this.bits = new Uint8Array(1 << mostLog);
		this.bases = new Uint16Array(1 << mostLog);
	}

	/** A table of known counts. */
	static of(log: number, known: readonly number[]): FseTable {
		const table = new FseTable(log, known.length);
		counts.set(known);
		table.build(log, known.length);
		return table;
	}

	/** One state, which gives one symbol and takes no bits; false when there is no such symbol. */
	repeat(symbol: number): boolean {
		this.log = 0;
		this.symbols[0] = symbol;
		this.bits[0] = 0;
		this.bases[0] = 0;
		return symbol < this.symbolCount;
	}

	/** Reads the description of a table that begins at `at`; answers the position behind it, or -1 when it is malformed. */
	read(bytes: Uint8Array, at: number, end: number): number {
		if (at >= end) return -1;
		const log = (bytes[at] & 15) + 5;
		if (log > this.mostLog) return -1;
		const position = { bit: 8 * at + 4 };
		const symbols = this.readCounts(bytes, position, 1 << log);
		const behind = (position.bit + 7) >>> 3;
		if (symbols < 0 || behind > end) return -1;
		this.build(log, symbols);
		return behind;
	}

	/** Answers the number of symbols, or -1. */
	private readCounts(bytes: Uint8Array, position: { bit: number }, size: number): number {
		let remaining = size;
		let symbol = 0;
		while (remaining > 0) {
			if (symbol >= this.symbolCount) return -1;
			const width = 32 - Math.clz32(remaining + 1);
			const value = bitsAt(bytes, position.bit, width);
			const low = value & ((1 << (width - 1)) - 1);
			const short = (1 << width) - 2 - remaining;
			let count: number;
			if (low < short) {
				count = low - 1;
				position.bit += width - 1;
			} else {
				count = (value >= 1 << (width - 1) ? value - short : value) - 1;
				position.bit += width;
			}
			remaining -= Math.abs(count);
			counts[symbol++] = count;
			if (count !== 0) continue;
			for (let zeros = 3; zeros === 3; ) {
				zeros = bitsAt(bytes, position.bit, 2);
				position.bit += 2;
				if (symbol + zeros > this.symbolCount) return -1;
				counts.fill(0, symbol, symbol + zeros);
				symbol += zeros;
			}
		}
		return remaining === 0 ? symbol : -1;
	}

	/** Spreads the symbols over the states; the counts add up to their number. */
	private build(log: number, symbolCount: number): void {
		const size = 1 << log;
		let high = size - 1;
		for (let symbol = 0; symbol < symbolCount; symbol++) {
			nextStates[symbol] = Math.abs(counts[symbol]);
			if (counts[symbol] === -1) this.symbols[high--] = symbol;
		}
		const step = (size >>> 1) + (size >>> 3) + 3;
		let state = 0;
		for (let symbol = 0; symbol < symbolCount; symbol++) {
			for (let i = 0; i < counts[symbol]; i++) {
				this.symbols[state] = symbol;
				do state = (state + step) & (size - 1);
				while (state > high);
			}
		}
		for (let i = 0; i < size; i++) {
			const next = nextStates[this.symbols[i]]++;
			this.bits[i] = log - 31 + Math.clz32(next);
			this.bases[i] = (next << this.bits[i]) - size;
		}
		this.log = log;
	}
}

/** Up to 16 bits of a stream that is read from its start. */
function bitsAt(bytes: Uint8Array, position: number, count: number): number {
	const at = position >>> 3;
	const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
	return (word >>> (position & 7)) & ((1 << count) - 1);
}
