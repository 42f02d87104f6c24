/** A compaction: what a strategy asks for. */
import { compareBytes } from '../bytes';
import { BOTTOM_LEVEL } from '../limits';
import { isBefore } from '../manifest/table-metadata';
import { greaterEnd, hull, type KeyRange, overlapping, overlappingSorted } from './key-range';
import { bytesOf, type TableShape, type TreeView } from './tree';

/**
 * - `'merge'`: the inputs are merged into new tables of the output level. In level 0 that is one table, whatever its size: it is one run.
 * - `'move'`: the inputs change their level, and no byte is written.
 * - `'drop'`: the inputs go.
 */
export type CompactionKind = 'merge' | 'move' | 'drop';

/**
 * Why: level 0 has too many tables; a level is over its target; a level stands higher than it should; too many tombstones; too old;
 * small neighbours; too many expired entries; values in blob files of which much is garbage; emptied by range deletes; the user asked; and of tiered: runs of like
 * sizes, too many runs, or too much space.
 */
export type CompactionReason =
	| 'level0'
	| 'size'
	| 'placement'
	| 'tombstones'
	| 'age'
	| 'fragments'
	| 'expiry'
	| 'blobGarbage'
	| 'rangeDelete'
	| 'manual'
	| 'similarRuns'
	| 'runs'
	| 'space';

/** Input tables of one level, in the order of the tree. */
export interface LevelInput {
	level: number;
	tables: TableShape[];
}

/** One compaction. */
export interface Compaction {
	kind: CompactionKind;
	reason: CompactionReason;
	/** The level that is relieved: the shallowest of the inputs. */
	level: number;
	outputLevel: number;
	/** Levels that give tables, shallowest first. */
	inputs: LevelInput[];
	/** Where the next compaction of `level` goes on; undefined leaves the pointer as it is. */
	pointer: Uint8Array | undefined;
	/** User keys, ascending, in front of which an output is cut, so that none of them overlaps too much of the level below. */
	cuts: Uint8Array[];
	/** Larger is more urgent. From 1 on the tree is out of shape; below, the compaction can wait. */
	priority: number;
}

/** Outputs, and tables that are moved, overlap no more than this many times `tableSize` of the level below. */
const GRANDPARENT_TABLES = 10;

export function inputTables(compaction: Pick<Compaction, 'inputs'>): TableShape[] {
	return compaction.inputs.flatMap((input) => input.tables);
}

/** The range within which a compaction reads and writes. */
export function reachOf(compaction: Pick<Compaction, 'inputs'>): KeyRange {
	return hull(inputTables(compaction));
}

/** The compaction that drops tables, of which there is at least one. */
export function dropTables(tree: TreeView, victims: ReadonlySet<TableShape>, reason: CompactionReason): Compaction {
	const inputs = tree.levels
		.map((tables, level) => ({ level, tables: tables.filter((table) => victims.has(table)) }))
		.filter(({ tables }) => tables.length > 0);
	const { level } = inputs[0];
	return { kind: 'drop', reason, level, outputLevel: level, inputs, pointer: undefined, cuts: [], priority: 1 };
}

/** The keys at which outputs of a level are cut, see {@link Compaction.cuts}. */
export function grandparentCuts(tree: TreeView, outputLevel: number, reach: KeyRange, tableSize: number): Uint8Array[] {
	if (outputLevel === 0 || outputLevel === BOTTOM_LEVEL) return [];
	const cuts: Uint8Array[] = [];
	let bytes = 0;
	for (const table of overlappingSorted(tree.levels[outputLevel + 1], reach)) {
		if (bytes > 0 && bytes + table.size > GRANDPARENT_TABLES * tableSize) {
			cuts.push(table.smallest);
			bytes = 0;
		}
		bytes += table.size;
	}
	return cuts;
}

/** May a table stand in a level without overlapping too much of the level below? */
export function fitsAbove(tree: TreeView, level: number, table: KeyRange, tableSize: number): boolean {
	if (level === BOTTOM_LEVEL) return true;
	return bytesOf(overlappingSorted(tree.levels[level + 1], table)) <= GRANDPARENT_TABLES * tableSize;
}

/**
 * Ranges of user keys (the end exclusive, as in KeyRange), ascending and disjoint, in which tables that are older than the outputs will
 * be hold something within the reach of the inputs: there a tombstone still covers something.
 */
export function rangesBelow(tree: TreeView, compaction: Compaction): [Uint8Array, Uint8Array][] {
	const reach = reachOf(compaction);
	const below = tree.levels.slice(Math.max(1, compaction.outputLevel + 1)).flatMap((tables) => overlappingSorted(tables, reach));
	if (compaction.outputLevel === 0) below.push(...overlapping(olderInLevel0(tree, compaction), reach));
	below.sort((a, b) => compareBytes(a.smallest, b.smallest));
	const ranges: [Uint8Array, Uint8Array][] = [];
	for (const { smallest, end } of below) {
		const last = ranges.at(-1);
		if (last === undefined || !isBefore(smallest, last[1])) ranges.push([smallest, end]);
		else last[1] = greaterEnd(last[1], end);
	}
	return ranges;
}

function olderInLevel0(tree: TreeView, compaction: Compaction): readonly TableShape[] {
	const oldest = inputTables(compaction).at(-1);
	return tree.levels[0].slice(tree.levels[0].findIndex((table) => table.number === oldest?.number) + 1);
}
