/**
 * The leveled picker: sees the shape of the tree, returns the next job. It knows nothing of files, and has no state of its own.
 *
 * Level 0 is due by its number of tables, a deeper level by its bytes against its target; the most overdue level goes first. Level 0
 * gives all its tables at once. A deeper level gives one table, round robin from its compaction pointer, so that the whole key space
 * takes its turn (as in LevelDB, doc/impl.md, "Compactions").
 */
import { compareBytes } from '../bytes';
import { BOTTOM_LEVEL } from '../limits';
import { isBefore } from '../manifest/table-metadata';

/** What a picker sees of a table. */
export interface TableShape {
	number: number;
	size: number;
	/** User key. */
	smallest: Uint8Array;
	/** The first user key behind the table; empty: it reaches to the end of all keys. */
	end: Uint8Array;
}

/** What a picker sees of the tree: level 0 newest first, the others in key order. */
export type TreeShape = readonly (readonly TableShape[])[];

/** The options that a picker goes by. */
export interface PickerOptions {
	level0CompactionTrigger: number;
	/** Target bytes of level 1. */
	levelBaseSize: number;
	levelMultiplier: number;
}

/** One compaction. */
export interface Compaction {
	/** The level that is relieved. */
	level: number;
	outputLevel: number;
	/** Input tables by level, in the order of the shape; from `level` to `outputLevel`. */
	inputs: { level: number; tables: TableShape[] }[];
	/** The one input has nothing below it: it changes its level, and no byte is written. */
	trivialMove: boolean;
}

/** Target bytes of a level from 1 on. */
export function levelTarget(level: number, options: PickerOptions): number {
	return options.levelBaseSize * options.levelMultiplier ** (level - 1);
}

/** How overdue a level is: from 1 on it wants a compaction. The bottom level never does. */
export function levelScore(shape: TreeShape, level: number, options: PickerOptions): number {
	if (level === BOTTOM_LEVEL) return 0;
	if (level === 0) return shape[0].length / options.level0CompactionTrigger;
	const bytes = shape[level].reduce((sum, table) => sum + table.size, 0);
	return bytes / levelTarget(level, options);
}

/**
 * The next compaction, or undefined when every level is in shape.
 * @param pointers user key at which the last compaction of each level ended
 */
export function pickCompaction(
	shape: TreeShape,
	options: PickerOptions,
	pointers: ReadonlyMap<number, Uint8Array>,
): Compaction | undefined {
	let level = -1;
	let highest = 1;
	for (let candidate = 0; candidate < BOTTOM_LEVEL; candidate++) {
		const score = levelScore(shape, candidate, options);
		if (score < highest || (score === highest && level >= 0)) continue;
		highest = score;
		level = candidate;
	}
	if (level < 0) return undefined;
	return compactionOf(shape, level, level === 0 ? [...shape[0]] : [nextTable(shape[level], pointers.get(level))]);
}

/**
 * The compaction that merges all tables overlapping a range into the deepest level that has any, or undefined when there are none.
 * Takes whatever overlaps the tables it takes, so that no newer version is left below an older one.
 */
export function pickFullCompaction(shape: TreeShape, range: KeyRange): Compaction | undefined {
	let wanted = range;
	let inputs = overlappingByLevel(shape, wanted);
	for (;;) {
		const tables = inputs.flatMap((input) => input.tables);
		if (tables.length === 0) return undefined;
		const union = hull(tables);
		const wider = { smallest: least(wanted.smallest, union.smallest), end: greatestEnd(wanted.end, union.end) };
		if (wider.smallest === wanted.smallest && wider.end === wanted.end) break;
		wanted = wider;
		inputs = overlappingByLevel(shape, wanted);
	}
	const deepest = Math.max(...inputs.filter((input) => input.tables.length > 0).map((input) => input.level));
	const outputLevel = Math.max(1, deepest);
	return { level: 0, outputLevel, inputs: inputs.slice(0, outputLevel + 1), trivialMove: false };
}

/**
 * Ranges of user keys, from the first to an end, ascending and disjoint, that levels below `outputLevel` hold within the reach of the inputs: there a
 * tombstone still covers something.
 */
export function rangesBelow(shape: TreeShape, compaction: Compaction): [Uint8Array, Uint8Array][] {
	const reach = hull(compaction.inputs.flatMap((input) => input.tables));
	const below = shape
		.slice(compaction.outputLevel + 1)
		.flat()
		.filter((table) => overlaps(table, reach))
		.sort((a, b) => compareBytes(a.smallest, b.smallest));
	const ranges: [Uint8Array, Uint8Array][] = [];
	for (const { smallest, end } of below) {
		const last = ranges.at(-1);
		if (last === undefined || !isBefore(smallest, last[1])) ranges.push([smallest, end]);
		else last[1] = greatestEnd(last[1], end);
	}
	return ranges;
}

/** User keys from `smallest` (inclusive) to `end` (exclusive; empty: the end of all keys). */
export interface KeyRange {
	smallest: Uint8Array;
	end: Uint8Array;
}

function compactionOf(shape: TreeShape, level: number, tables: TableShape[]): Compaction {
	const below = overlapping(shape[level + 1], hull(tables));
	return {
		level,
		outputLevel: level + 1,
		inputs: [
			{ level, tables },
			{ level: level + 1, tables: below },
		],
		trivialMove: tables.length === 1 && below.length === 0,
	};
}

/** The first table that reaches behind the pointer, else the first of all. */
function nextTable(tables: readonly TableShape[], pointer: Uint8Array | undefined): TableShape {
	if (pointer === undefined) return tables[0];
	return tables.find((table) => isBefore(pointer, table.end)) ?? tables[0];
}

function overlappingByLevel(shape: TreeShape, range: KeyRange): { level: number; tables: TableShape[] }[] {
	return shape.map((tables, level) => ({ level, tables: overlapping(tables, range) }));
}

function overlapping(tables: readonly TableShape[], range: KeyRange): TableShape[] {
	return tables.filter((table) => overlaps(table, range));
}

function overlaps(a: KeyRange, b: KeyRange): boolean {
	return isBefore(a.smallest, b.end) && isBefore(b.smallest, a.end);
}

function hull(tables: readonly TableShape[]): KeyRange {
	return tables.reduce<KeyRange>(
		(range, table) => ({ smallest: least(range.smallest, table.smallest), end: greatestEnd(range.end, table.end) }),
		tables[0],
	);
}

function least(a: Uint8Array, b: Uint8Array): Uint8Array {
	return compareBytes(a, b) <= 0 ? a : b;
}

function greatestEnd(a: Uint8Array, b: Uint8Array): Uint8Array {
	return a.length > 0 && isBefore(a, b) ? b : a;
}
