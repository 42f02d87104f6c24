/**
 * The sequences of a zstd block (RFC 8878, 3.1.1.3.2): runs of literals, each with a match behind it.
 *
 *     | count (1 to 3) | modes (1) | tables for literal lengths, offsets, match lengths | bit stream |
 *
 * Invariant: every length and offset is checked before it is used; the bit stream ends with the last sequence.
 */
import { copyBytes } from '../../bytes';
import { copyMatch, type Memory } from '../word-copy';
import { BitReader } from './bit-reader';
import { FseTable } from './fse';
import type { Literals } from './literals';

// Codes of lengths: where the lengths of a code begin, and how many bits tell the length.
const LITERAL_BITS = [...Array<number>(16).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const MATCH_BITS = [...Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const literalBits = Uint8Array.from(LITERAL_BITS);
const literalBases = basesOf(LITERAL_BITS, 0);
const matchBits = Uint8Array.from(MATCH_BITS);
const matchBases = basesOf(MATCH_BITS, 3);

/** Offsets of 2^30 and more are behind any block. */
const OFFSET_CODES = 31;
const MOST_READ = 25;

function basesOf(bits: readonly number[], first: number): Uint32Array {
	const bases = new Uint32Array(bits.length);
	for (let code = 0, base = first; code < bits.length; base += 1 << bits[code++]) bases[code] = base;
	return bases;
}

/** One of the three tables: the one that was read last, or one that the format knows. */
class TableSlot {
	table: FseTable | undefined;
	private readonly own: FseTable;

	constructor(
		mostLog: number,
		symbolCount: number,
		private readonly standard: FseTable,
	) {
		this.own = new FseTable(mostLog, symbolCount);
	}

	/** Answers the position behind the description of the table, or -1. */
	read(mode: number, stored: Buffer, at: number, end: number): number {
		if (mode === 3) return this.table === undefined ? -1 : at;
		this.table = mode === 0 ? this.standard : this.own;
		if (mode === 0) return at;
		if (mode === 2) return this.own.read(stored, at, end);
		return at < end && this.own.repeat(stored[at]) ? at + 1 : -1;
	}
}

const ones = (count: number): number[] => Array<number>(count).fill(1);
const twos = (count: number): number[] => Array<number>(count).fill(2);
const rare = (count: number): number[] => Array<number>(count).fill(-1);

const literalStandard = FseTable.of(6, [4, 3, ...twos(11), ...ones(3), ...twos(9), 3, 2, ...ones(5), ...rare(4)]);
const matchStandard = FseTable.of(6, [1, 4, 3, ...twos(6), ...ones(37), ...rare(7)]);
const offsetStandard = FseTable.of(5, [...ones(6), ...twos(3), ...ones(15), ...rare(5)]);

export class Sequences {
	private readonly literalLengths = new TableSlot(9, literalBits.length, literalStandard);
	private readonly offsets = new TableSlot(8, OFFSET_CODES, offsetStandard);
	private readonly matchLengths = new TableSlot(9, matchBits.length, matchStandard);
	private readonly reader = new BitReader();
	/** The offsets used last, newest first. */
	private first = 1;
	private second = 4;
	private third = 8;

	/** Begins a frame. */
	reset(): void {
		this.first = 1;
		this.second = 4;
		this.third = 8;
		for (const slot of [this.literalLengths, this.offsets, this.matchLengths]) slot.table = undefined;
	}

	/** Runs the section `stored[at, end)` and writes to `raw[written, limit)`; answers where the output ends, or -1 when it is malformed. */
	run(stored: Buffer, at: number, end: number, literals: Literals, raw: Memory, written: number, limit: number): number {
		if (at >= end) return -1;
		let count = stored[at++];
		if (count === 255) {
			if (end - at < 2) return -1;
			count = stored.readUInt16LE(at) + 0x7f00;
			at += 2;
		} else if (count >= 128) {
			if (at >= end) return -1;
			count = ((count - 128) << 8) | stored[at++];
		}
		if (count === 0) return at === end ? appendLiterals(literals, 0, raw, written, limit) : -1;
		at = this.readTables(stored, at, end);
		if (at < 0 || !this.reader.open(stored, at, end)) return -1;
		return this.execute(count, literals, raw, written, limit);
	}

	private readTables(stored: Buffer, at: number, end: number): number {
		if (at >= end) return -1;
		const modes = stored[at++];
		if ((modes & 3) !== 0) return -1;
		at = this.literalLengths.read(modes >>> 6, stored, at, end);
		if (at >= 0) at = this.offsets.read((modes >>> 4) & 3, stored, at, end);
		return at < 0 ? -1 : this.matchLengths.read((modes >>> 2) & 3, stored, at, end);
	}

	private execute(count: number, literals: Literals, raw: Memory, written: number, limit: number): number {
		const { reader } = this;
		const literalTable = this.literalLengths.table as FseTable;
		const offsetTable = this.offsets.table as FseTable;
		const matchTable = this.matchLengths.table as FseTable;
		let literalState = reader.read(literalTable.log);
		let offsetState = reader.read(offsetTable.log);
		let matchState = reader.read(matchTable.log);
		let taken = 0;
		for (; count > 0; count--) {
			const offsetValue = this.readOffset(offsetTable.symbols[offsetState]);
			const matchCode = matchTable.symbols[matchState];
			const matchLength = matchBases[matchCode] + reader.read(matchBits[matchCode]);
			const literalCode = literalTable.symbols[literalState];
			const literalLength = literalBases[literalCode] + reader.read(literalBits[literalCode]);
			const offset = this.offsetOf(offsetValue, literalLength);
			if (reader.left < 0 || literalLength > literals.size - taken) return -1;
			if (literalLength + matchLength > limit - written) return -1;
			written = copyBytes(literals.bytes, taken, taken + literalLength, raw.bytes, written);
			taken += literalLength;
			if (offset <= 0 || offset > written) return -1;
			written = copyMatch(raw, written, offset, matchLength);
			if (count === 1) break;
			literalState = literalTable.bases[literalState] + reader.read(literalTable.bits[literalState]);
			matchState = matchTable.bases[matchState] + reader.read(matchTable.bits[matchState]);
			offsetState = offsetTable.bases[offsetState] + reader.read(offsetTable.bits[offsetState]);
		}
		return reader.left === 0 ? appendLiterals(literals, taken, raw, written, limit) : -1;
	}

	private readOffset(code: number): number {
		if (code <= MOST_READ) return (1 << code) + this.reader.read(code);
		const high = this.reader.read(code - MOST_READ);
		return (1 << code) + (high << MOST_READ) + this.reader.read(MOST_READ);
	}

	/** The values 1 to 3 mean an offset that was used before. */
	private offsetOf(value: number, literalLength: number): number {
		if (value > 3) {
			this.third = this.second;
			this.second = this.first;
			this.first = value - 3;
			return this.first;
		}
		const choice = literalLength === 0 ? value + 1 : value;
		if (choice === 1) return this.first;
		const offset = choice === 2 ? this.second : choice === 3 ? this.third : this.first - 1;
		if (choice !== 2) this.third = this.second;
		this.second = this.first;
		this.first = offset;
		return offset;
	}
}

/** What no sequence has taken comes at the end of the block. */
function appendLiterals(literals: Literals, taken: number, raw: Memory, written: number, limit: number): number {
	if (literals.size - taken > limit - written) return -1;
	return copyBytes(literals.bytes, taken, literals.size, raw.bytes, written);
}
