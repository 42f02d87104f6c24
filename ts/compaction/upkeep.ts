/**
 * Tables that are due although the shape of the tree is right: expired entries and tombstones keep space from coming back, old tables keep what no newer
 * compaction has looked at, and fragments (tables far smaller than they should be, as moves of small flushed tables leave them) take files,
 * memory and lookups. And tables with values in blob files of which much is garbage: rewritten, they leave these files.
 *
 * Invariant: upkeep comes to rest, without a memory of what it has done. Either a table goes deeper, or, where nothing lies below it, it is
 * rewritten where it is; then its tombstones are gone and it is new. Fragments become fewer with each merge. Tombstones go only when no living snapshot is older, so a table counts
 * only then: `largestSequence <= oldestSnapshot`. Expired entries go, or become tombstones, whatever the snapshots: in place.
 */
import { type Compaction, type CompactionReason, fitsAbove } from './compaction';
import { hull, overlaps } from './key-range';
import type { StrategyOptions } from './strategy';
import { hasBelow, isFree, sumOf, type TableShape, type TreeView } from './tree';

/** Tables with fewer entries are left alone: rewriting them gives nothing back. */
export const LEAST_TOMBSTONE_ENTRIES = 100;

const TOMBSTONES_PRIORITY = 0.5;
const AGE_PRIORITY = 0.25;
const BLOB_GARBAGE_PRIORITY = 0.375;
const FRAGMENTS_PRIORITY = 0.125;

/** So many neighbours are merged when one table can take them all. An entry is rewritten for this once while its table grows so many times. */
const LEAST_FRAGMENTS = 4;

export type UpkeepOptions = Pick<StrategyOptions, 'tombstoneRatio' | 'compactionPeriodSeconds'>;

export interface DueTable {
	level: number;
	table: TableShape;
	reason: 'expiry' | 'tombstones' | 'age';
	priority: number;
	/** No deeper level holds anything in its range. Never said of level 0. */
	isDeepest: boolean;
}

/** Entries that have expired for certain: those that expire, once the last of them has. */
export function expiredEntries({ now }: Pick<TreeView, 'now'>, { expiry }: TableShape): number {
	return expiry !== undefined && expiry.latest <= now ? expiry.entries : 0;
}

/** Entries of tables that are tombstones, or have expired. */
export function deadEntries(tree: TreeView, tables: readonly TableShape[]): number {
	return sumOf(tables, 'tombstones') + tables.reduce((sum, table) => sum + expiredEntries(tree, table), 0);
}

/** Have so many entries expired that a table should be rewritten? What it gives back at once is the space of their values. */
export function hasManyExpired(tree: Pick<TreeView, 'now'>, table: TableShape, { tombstoneRatio }: UpkeepOptions): boolean {
	if (tombstoneRatio === false || table.entries < LEAST_TOMBSTONE_ENTRIES) return false;
	return expiredEntries(tree, table) >= table.entries * tombstoneRatio;
}

/** Does a table hold so many tombstones and expired entries, or nothing but range deletes, that it should be compacted, and can they go? */
export function hasManyTombstones(tree: TreeView, table: TableShape, { tombstoneRatio }: UpkeepOptions): boolean {
	if (tombstoneRatio === false || table.largestSequence > tree.oldestSnapshot) return false;
	const hasRangeDeletesAlone = table.entries === 0;
	return (
		hasRangeDeletesAlone ||
		(table.entries >= LEAST_TOMBSTONE_ENTRIES && deadEntries(tree, [table]) >= table.entries * tombstoneRatio)
	);
}

/** Was a table written longer ago than the period? */
export function isOld(tree: TreeView, table: TableShape, { compactionPeriodSeconds }: UpkeepOptions): boolean {
	return compactionPeriodSeconds > 0 && tree.now - table.createdAt >= compactionPeriodSeconds * 1000;
}

const CAUSES = [
	{ reason: 'expiry', priority: TOMBSTONES_PRIORITY, isDue: hasManyExpired },
	{ reason: 'tombstones', priority: TOMBSTONES_PRIORITY, isDue: hasManyTombstones },
	{ reason: 'age', priority: AGE_PRIORITY, isDue: isOld },
] as const;

/** When the first table becomes due by the time alone, in milliseconds since the epoch; Infinity when none does. */
export function nextDue(tree: TreeView, options: UpkeepOptions): number {
	let next = Number.POSITIVE_INFINITY;
	for (const table of tree.levels.flat()) {
		const moments = [table.createdAt + options.compactionPeriodSeconds * 1000];
		if (table.expiry !== undefined) moments.push(table.expiry.latest);
		for (const now of moments) {
			if (now <= tree.now || now >= next) continue;
			const then = { ...tree, now };
			if (CAUSES.some(({ isDue }) => isDue(then, table, options))) next = now;
		}
	}
	return next;
}

/** The tables that are due, those with expired entries first, then those with tombstones, each from the shallowest level on. */
export function* dueTables(tree: TreeView, options: UpkeepOptions): Generator<DueTable> {
	for (const { reason, priority, isDue } of CAUSES) {
		for (const [level, tables] of tree.levels.entries()) {
			for (const table of tables) {
				if (tree.busy.has(table.number) || !isDue(tree, table, options)) continue;
				yield { level, table, reason, priority, isDeepest: level > 0 && !hasBelow(tree, level, table) };
			}
		}
	}
}

/** Rewrites neighbours in their level, which keep their place in it. */
export function rewriteInPlace(
	tree: TreeView,
	level: number,
	tables: TableShape[],
	cause: { reason: CompactionReason; priority: number },
): Compaction | undefined {
	if (!isFree(tree, level, level, tables, hull(tables))) return undefined;
	return { kind: 'merge', ...cause, level, outputLevel: level, inputs: [{ level, tables }], pointer: undefined, cuts: [] };
}

/**
 * Rewrites, in their level, the tables that have values in the oldest blob file of which much is garbage; its last table takes the file with it. Of
 * level 0 one table at a time, as each is a run.
 */
export function collectBlobs(tree: TreeView): Compaction | undefined {
	for (const file of tree.garbageFiles ?? []) {
		for (const [level, tables] of tree.levels.entries()) {
			const refers = (table: TableShape) => table.blobReferences?.some(([referred]) => referred === file) === true;
			const due = tables.filter((table) => refers(table) && !tree.busy.has(table.number));
			const taken = level === 0 ? due.slice(0, 1) : due;
			if (taken.length === 0) continue;
			const compaction = rewriteInPlace(tree, level, taken, { reason: 'blobGarbage', priority: BLOB_GARBAGE_PRIORITY });
			// Outputs must not reach over the tables in between.
			if (compaction !== undefined)
				return {
					...compaction,
					cuts: level === 0 ? [] : tables.filter((table) => isBetween(table, taken)).map(({ smallest }) => smallest),
				};
		}
	}
	return undefined;
}

/** Does a table lie among others of its level, without being one of them? */
function isBetween(table: TableShape, others: readonly TableShape[]): boolean {
	return !others.includes(table) && overlaps(table, hull(others));
}

/** Merges the first fragments in their level. */
export function mergeFragments(tree: TreeView, { tableSize }: Pick<StrategyOptions, 'tableSize'>): Compaction | undefined {
	for (let level = 1; level < tree.levels.length; level++) {
		for (const row of rowsOfFragments(tree, level, tableSize)) {
			if (row.length < LEAST_FRAGMENTS) continue;
			const compaction = rewriteInPlace(tree, level, row, { reason: 'fragments', priority: FRAGMENTS_PRIORITY });
			if (compaction !== undefined) return compaction;
		}
	}
	return undefined;
}

/** Divides a level into neighbours that one table can take, without overlapping too much of the level below. */
function* rowsOfFragments(tree: TreeView, level: number, tableSize: number): Generator<TableShape[]> {
	let row: TableShape[] = [];
	let bytes = 0;
	for (const table of tree.levels[level]) {
		const isBusy = tree.busy.has(table.number);
		const range = { smallest: (row[0] ?? table).smallest, end: table.end };
		if (isBusy || bytes + table.size > tableSize || !fitsAbove(tree, level, range, tableSize)) {
			yield row;
			row = [];
			bytes = 0;
		}
		if (isBusy) continue;
		row.push(table);
		bytes += table.size;
	}
	yield row;
}
