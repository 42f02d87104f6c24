/**
 * The leveled picker: sees the shape of the tree, returns the next job. It knows nothing of files, and has no state of its own.
 *
 * Level 0 is due by its number of tables, a deeper level by its bytes against its target; the most overdue level goes first. Level 0
 * gives all its tables at once. A deeper level gives one table, round robin from its compaction pointer, so that the whole key space
 * takes its turn (as in LevelDB, doc/impl.md, "Compactions").
 */
import { compareBytes } from '../bytes';
import { BOTTOM_LEVEL } from '../limits';

/** What a picker sees of a table. */
export interface TableShape {
	number: number;
	size: number;
	/** User keys. */
	smallest: Uint8Array;
	largest: Uint8Array;
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

/** Bytes over the targets: level 0 with all it has once it is due, the others with what they have too much. */
export function compactionDebt(shape: TreeShape, options: PickerOptions): number {
	const bytes = (level: number) => shape[level].reduce((sum, table) => sum + table.size, 0);
	let debt = levelScore(shape, 0, options) >= 1 ? bytes(0) : 0;
	for (let level = 1; level < BOTTOM_LEVEL; level++) debt += Math.max(0, bytes(level) - levelTarget(level, options));
	return debt;
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
 * The compaction that merges all tables overlapping a range (undefined: all tables) into the deepest level that has any, or
 * undefined when there are none. Takes whatever overlaps the tables it takes, so that no newer version is left below an older one.
 */
export function pickFullCompaction(shape: TreeShape, range: KeyRange | undefined): Compaction | undefined {
	let wanted = range;
	let inputs = overlappingByLevel(shape, wanted);
	for (;;) {
		const tables = inputs.flatMap((input) => input.tables);
		if (tables.length === 0) return undefined;
		const union = hull(tables);
		if (wanted === undefined || (contains(wanted, union.smallest) && contains(wanted, union.largest))) break;
		wanted = { smallest: least(wanted.smallest, union.smallest), largest: greatest(wanted.largest, union.largest) };
		inputs = overlappingByLevel(shape, wanted);
	}
	const deepest = Math.max(...inputs.filter((input) => input.tables.length > 0).map((input) => input.level));
	const outputLevel = Math.max(1, deepest);
	return { level: 0, outputLevel, inputs: inputs.slice(0, outputLevel + 1), trivialMove: false };
}

/**
 * Ranges of user keys, ascending and disjoint, that levels below `outputLevel` hold within the reach of the inputs: there a
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
	for (const { smallest, largest } of below) {
		const last = ranges.at(-1);
		if (last === undefined || compareBytes(last[1], smallest) < 0) ranges.push([smallest, largest]);
		else if (compareBytes(last[1], largest) < 0) last[1] = largest;
	}
	return ranges;
}

/** User keys from `smallest` to `largest`, both inclusive. */
export interface KeyRange {
	smallest: Uint8Array;
	largest: Uint8Array;
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

/** The first table that lies wholly behind the pointer, else the first of all. */
function nextTable(tables: readonly TableShape[], pointer: Uint8Array | undefined): TableShape {
	if (pointer === undefined) return tables[0];
	return tables.find((table) => compareBytes(table.largest, pointer) > 0) ?? tables[0];
}

function overlappingByLevel(shape: TreeShape, range: KeyRange | undefined): { level: number; tables: TableShape[] }[] {
	return shape.map((tables, level) => ({ level, tables: range === undefined ? [...tables] : overlapping(tables, range) }));
}

function overlapping(tables: readonly TableShape[], range: KeyRange): TableShape[] {
	return tables.filter((table) => overlaps(table, range));
}

function overlaps(a: KeyRange, b: KeyRange): boolean {
	return compareBytes(a.smallest, b.largest) <= 0 && compareBytes(b.smallest, a.largest) <= 0;
}

function contains(range: KeyRange, key: Uint8Array): boolean {
	return compareBytes(range.smallest, key) <= 0 && compareBytes(key, range.largest) <= 0;
}

function hull(tables: readonly TableShape[]): KeyRange {
	return tables.reduce<KeyRange>(
		(range, table) => ({ smallest: least(range.smallest, table.smallest), largest: greatest(range.largest, table.largest) }),
		tables[0],
	);
}

function least(a: Uint8Array, b: Uint8Array): Uint8Array {
	return compareBytes(a, b) <= 0 ? a : b;
}

function greatest(a: Uint8Array, b: Uint8Array): Uint8Array {
	return compareBytes(a, b) >= 0 ? a : b;
}
