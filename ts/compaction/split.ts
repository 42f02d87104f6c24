/**
 * Splitting one large merge into parts that can run side by side, and be done one by one.
 *
 * ```
 * inputs     [a------f]   [g---k]   [l--------t]
 *              [c--------------j]  [k-------p]
 * parts      |   lower = upper   |             |
 * ```
 *
 * Invariants:
 *  1. Parts are disjoint, in key order, and cover all keys: the first has no lower bound, the last no upper.
 *  2. All versions of a user key are in one part. The parts' outputs together are what the whole merge would have written, but for where
 *     tables are cut; they enter the version in one edit.
 */
import { compareBytes, successor } from '../bytes';
import { isBefore } from '../manifest/table-metadata';
import { type Compaction, inputTables, type LevelInput } from './compaction';
import { overlappingSorted } from './key-range';
import type { TableShape } from './tree';

/** A part of a compaction: the keys from `lower` (inclusive) to `upper` (exclusive). */
export interface CompactionPart {
	lower: Uint8Array | undefined;
	upper: Uint8Array | undefined;
	/** The inputs of the compaction that may hold such keys. */
	inputs: LevelInput[];
	/** The cuts of the compaction within the part. */
	cuts: Uint8Array[];
	/** Bytes of input, by an estimate that spreads a table evenly over the bounds of others within it. */
	bytes: number;
}

/**
 * Cuts a compaction into at most `count` parts of about equal bytes, where tables begin. Fewer when there are too few such places; one for
 * what is no merge, and for level 0 as output, where a run must stay one table.
 */
export function splitCompaction(compaction: Compaction, count: number): CompactionPart[] {
	const splittable = compaction.kind === 'merge' && compaction.outputLevel > 0 && count > 1;
	const boundaries = splittable ? chooseBoundaries(compaction, count) : [];
	const lowers = [undefined, ...boundaries];
	const bytes = estimate(inputTables(compaction), boundaries);
	return lowers.map((lower, i) => {
		const upper = boundaries[i];
		const inputs = compaction.inputs
			.map(({ level, tables }) => ({ level, tables: tables.filter((table) => mayHold(table, lower, upper)) }))
			.filter(({ tables }) => tables.length > 0);
		const cuts = compaction.cuts.filter((cut) => isAbove(cut, lower) && isBelow(cut, upper));
		return { lower, upper, inputs, cuts, bytes: bytes[i] };
	});
}

/** Keys, ascending, behind each of which begins about the same number of bytes. None lies within a table of the output level. */
function chooseBoundaries(compaction: Compaction, count: number): Uint8Array[] {
	const tables = inputTables(compaction);
	const whole = compaction.inputs.find(({ level }) => level === compaction.outputLevel)?.tables ?? [];
	const candidates = tables.map((table) => table.smallest).sort(compareBytes);
	const unique = candidates.filter((key, i) => i > 0 && compareBytes(candidates[i - 1], key) < 0 && !liesWithin(whole, key));
	const slices = estimate(tables, unique);
	const total = slices.reduce((sum, bytes) => sum + bytes, 0);
	const chosen: Uint8Array[] = [];
	let before = 0;
	for (const [i, key] of unique.entries()) {
		before += slices[i];
		if (before >= ((chosen.length + 1) * total) / count && chosen.length < count - 1) chosen.push(key);
	}
	return chosen;
}

/** Would a cut in front of a key divide one of sorted disjoint tables? */
function liesWithin(tables: readonly TableShape[], key: Uint8Array): boolean {
	const [table] = overlappingSorted(tables, { smallest: key, end: successor(key) });
	return table !== undefined && compareBytes(table.smallest, key) < 0;
}

/** Bytes in front of, between and behind boundaries. */
function estimate(tables: readonly TableShape[], boundaries: readonly Uint8Array[]): number[] {
	const slices = new Array<number>(boundaries.length + 1).fill(0);
	for (const { smallest, end, size } of tables) {
		const first = countWhile(boundaries, (boundary) => compareBytes(boundary, smallest) <= 0);
		const last = countWhile(boundaries, (boundary) => isBefore(boundary, end));
		for (let slice = first; slice <= last; slice++) slices[slice] += size / (last - first + 1);
	}
	return slices;
}

/** How many keys come before the first that does not pass; all behind that do not pass either. */
function countWhile(keys: readonly Uint8Array[], passes: (key: Uint8Array) => boolean): number {
	let low = 0;
	let high = keys.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (passes(keys[middle])) low = middle + 1;
		else high = middle;
	}
	return low;
}

function mayHold(table: TableShape, lower: Uint8Array | undefined, upper: Uint8Array | undefined): boolean {
	return (lower === undefined || isBefore(lower, table.end)) && isBelow(table.smallest, upper);
}

/** A cut at the lower bound itself would cut in front of the first output. */
function isAbove(key: Uint8Array, lower: Uint8Array | undefined): boolean {
	return lower === undefined || compareBytes(key, lower) > 0;
}

function isBelow(key: Uint8Array, upper: Uint8Array | undefined): boolean {
	return upper === undefined || compareBytes(key, upper) < 0;
}
