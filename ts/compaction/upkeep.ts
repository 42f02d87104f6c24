/**
 * Tables that are due although the shape of the tree is right: tombstones keep space from coming back, old tables keep what no newer
 * compaction has looked at.
 *
 * Invariant: upkeep comes to rest, without a memory of what it has done. Either a table goes deeper, or, where nothing lies below it, it is
 * rewritten where it is; then its tombstones are gone and it is new. Tombstones go only when no living snapshot is older, so a table counts
 * only then: `largestSequence <= oldestSnapshot`.
 */
import type { Compaction, CompactionReason } from './compaction';
import type { StrategyOptions } from './strategy';
import { hasBelow, isFree, type TableShape, type TreeView } from './tree';

/** Tables with fewer entries are left alone: rewriting them gives nothing back. */
export const LEAST_TOMBSTONE_ENTRIES = 100;

const TOMBSTONES_PRIORITY = 0.5;
const AGE_PRIORITY = 0.25;

export type UpkeepOptions = Pick<StrategyOptions, 'tombstoneRatio' | 'compactionPeriodSeconds'>;

export interface DueTable {
	level: number;
	table: TableShape;
	reason: 'tombstones' | 'age';
	priority: number;
	/** No deeper level holds anything in its range. Never said of level 0. */
	isDeepest: boolean;
}

/** Does a table hold so many tombstones, or nothing but range deletes, that it should be compacted, and can they go? */
export function hasManyTombstones(tree: TreeView, table: TableShape, { tombstoneRatio }: UpkeepOptions): boolean {
	if (tombstoneRatio === false || table.largestSequence > tree.oldestSnapshot) return false;
	const hasRangeDeletesAlone = table.entries === 0;
	return hasRangeDeletesAlone || (table.entries >= LEAST_TOMBSTONE_ENTRIES && table.tombstones >= table.entries * tombstoneRatio);
}

/** Was a table written longer ago than the period? */
export function isOld(tree: TreeView, table: TableShape, { compactionPeriodSeconds }: UpkeepOptions): boolean {
	return compactionPeriodSeconds > 0 && tree.now - table.createdAt >= compactionPeriodSeconds * 1000;
}

/** The tables that are due, those with tombstones first, each from the shallowest level on. */
export function* dueTables(tree: TreeView, options: UpkeepOptions): Generator<DueTable> {
	for (const reason of ['tombstones', 'age'] as const) {
		const isDue = reason === 'tombstones' ? hasManyTombstones : isOld;
		const priority = reason === 'tombstones' ? TOMBSTONES_PRIORITY : AGE_PRIORITY;
		for (const [level, tables] of tree.levels.entries()) {
			for (const table of tables) {
				if (tree.busy.has(table.number) || !isDue(tree, table, options)) continue;
				yield { level, table, reason, priority, isDeepest: level > 0 && !hasBelow(tree, level, table) };
			}
		}
	}
}

/** Rewrites a table in its level. Right where nothing older overlaps it. */
export function rewriteInPlace(
	tree: TreeView,
	level: number,
	table: TableShape,
	cause: { reason: CompactionReason; priority: number },
): Compaction | undefined {
	if (!isFree(tree, level, level, [table], table)) return undefined;
	return {
		kind: 'merge',
		...cause,
		level,
		outputLevel: level,
		inputs: [{ level, tables: [table] }],
		pointer: undefined,
		cuts: [],
	};
}
