/**
 * Leveled compaction: each level from the base level on is one sorted run with a target size; what is over goes down.
 *
 * What is due, in this order of urgency: a level that stands higher than it should (moved, for free); level 0 by its number of tables and
 * the others by their bytes against their targets, the most overdue first, but level 0 before all from the slowdown trigger on; tables with
 * many expired entries or tombstones; old tables; fragments.
 *
 * Of a level the table with the least overlap below for its own size goes first: it costs the fewest bytes for each byte that it relieves.
 * Among equals the compaction pointer decides, so that the whole key space takes its turn.
 *
 * While a job is in its way, level 0 cannot go down. When writes are slowed by then, some of its tables become one where they are: that
 * costs writing them once more, and spares writes the wait for the end of that job, and reads the tables.
 */
import { BOTTOM_LEVEL } from '../limits';
import { isBefore } from '../manifest/table-metadata';
import { type Compaction, type CompactionReason, fitsAbove, grandparentCuts, type LevelInput, reachOf } from './compaction';
import { pickFullCompaction } from './full';
import { hull, type KeyRange, overlapping, overlappingSorted } from './key-range';
import { type LevelTargets, levelTargets } from './level-targets';
import { runsOf, similarRuns } from './runs';
import type { CompactionDebt, CompactionStrategy, StrategyOptions } from './strategy';
import { bytesOf, isFree, isOccupied, sumOf, type TableShape, type TreeView } from './tree';
import { collectBlobs, deadEntries, dueTables, mergeFragments, nextDue, rewriteInPlace } from './upkeep';

/** Added to the priority of level 0 when writes are being slowed. */
const URGENT = 1_000_000;
/** A move that writes nothing makes everything after it cheaper. */
const PLACEMENT_PRIORITY = 2 * URGENT;

export type LeveledOptions = Pick<
	StrategyOptions,
	| 'level0CompactionTrigger'
	| 'level0SlowdownTrigger'
	| 'levelBaseSize'
	| 'levelMultiplier'
	| 'tableSize'
	| 'tombstoneRatio'
	| 'compactionPeriodSeconds'
>;

/** Why something goes down, and how urgent that is. */
interface Cause {
	reason: CompactionReason;
	priority: number;
}

export class LeveledStrategy implements CompactionStrategy {
	readonly name = 'leveled';
	readonly #options: LeveledOptions;

	constructor(options: LeveledOptions) {
		this.#options = options;
	}

	pick(tree: TreeView): Compaction | undefined {
		const goals = levelTargets(tree.levels.map(bytesOf), this.#options);
		return this.#place(tree, goals) ?? this.#relieveMostOverdue(tree, goals) ?? this.#upkeep(tree, goals);
	}

	pickFull(tree: TreeView, range: KeyRange | undefined): Compaction | 'blocked' | undefined {
		return pickFullCompaction(tree, range);
	}

	nextDue(tree: TreeView): number {
		return nextDue(tree, this.#options);
	}

	debt(tree: TreeView): CompactionDebt {
		const { base, targets } = levelTargets(tree.levels.map(bytesOf), this.#options);
		const level0 = tree.levels[0];
		const isDue = level0.length >= this.#options.level0CompactionTrigger;
		let incoming = isDue ? bytesOf(level0) : 0;
		let debt = isDue ? incoming + bytesOf(overlappingSorted(tree.levels[outputOfLevel0(tree, base)], hull(level0))) : 0;
		for (let level = Math.min(base, outputOfLevel0(tree, base)); level < BOTTOM_LEVEL; level++) {
			const size = bytesOf(tree.levels[level]) + incoming;
			incoming = Math.max(0, size - targets[level]);
			if (incoming > 0) debt += incoming * (1 + bytesOf(tree.levels[level + 1]) / size);
		}
		return { bytes: Math.round(debt), level0Tables: level0.length };
	}

	/**
	 * Moves a whole level down over empty ones: the deepest with data to the bottom, and what stands above the base level. So a tree that
	 * was filled from level 1 on takes its place at the bottom, in the first edits after it is opened.
	 */
	#place(tree: TreeView, { base }: LevelTargets): Compaction | undefined {
		for (let level = BOTTOM_LEVEL - 1; level > 0; level--) {
			const tables = [...tree.levels[level]];
			if (tables.length === 0) continue;
			let outputLevel = level;
			while (outputLevel < BOTTOM_LEVEL && !isOccupied(tree, outputLevel + 1)) outputLevel++;
			if (outputLevel === level || (outputLevel < BOTTOM_LEVEL && level >= base)) continue;
			if (!isFree(tree, level, outputLevel, tables, hull(tables))) continue;
			return move(level, outputLevel, tables, { reason: 'placement', priority: PLACEMENT_PRIORITY });
		}
		return undefined;
	}

	#relieveMostOverdue(tree: TreeView, { base, targets }: LevelTargets): Compaction | undefined {
		const { level0CompactionTrigger, level0SlowdownTrigger } = this.#options;
		const overdue: { level: number; score: number; excess: number }[] = [];
		for (let level = 0; level < BOTTOM_LEVEL; level++) {
			const idle = tree.levels[level].filter((table) => !tree.busy.has(table.number));
			const size = level === 0 ? idle.length : bytesOf(idle);
			const target = level === 0 ? level0CompactionTrigger : targets[level];
			if (size === 0 || size < target) continue;
			const urgent = level === 0 && size >= level0SlowdownTrigger ? URGENT : 0;
			// A level to be emptied has no target to compare with: it is due, and no more than that.
			overdue.push({ level, score: urgent + (target === 0 ? 1 : size / target), excess: size - target });
		}
		overdue.sort((a, b) => b.score - a.score);
		for (const { level, score, excess } of overdue) {
			const compaction =
				level === 0
					? (this.#relieveLevel0(tree, base, { reason: 'level0', priority: score }) ??
						this.#mergeWithinLevel0(tree, { reason: 'level0', priority: score }))
					: this.#relieveLevel(tree, level, excess, { reason: 'size', priority: score });
			if (compaction !== undefined) return compaction;
		}
		return undefined;
	}

	#relieveLevel0(tree: TreeView, base: number, cause: Cause): Compaction | undefined {
		const outputLevel = outputOfLevel0(tree, base);
		const tables = takeLevel0(tree);
		const below = (range: KeyRange) => overlappingSorted(tree.levels[outputLevel], range);
		const movable = tables.filter(
			(table) =>
				overlapping(tables, table).length === 1 &&
				below(table).length === 0 &&
				fitsAbove(tree, outputLevel, table, this.#options.tableSize) &&
				isFree(tree, 0, outputLevel, [table], table),
		);
		if (movable.length > 0) return move(0, outputLevel, movable, cause);
		return tables.length === 0 ? undefined : this.#merge(tree, { level: 0, tables }, outputLevel, cause);
	}

	/** Merges neighbours in level 0 into one table, if there are enough of like sizes. */
	#mergeWithinLevel0(tree: TreeView, cause: Cause): Compaction | undefined {
		const { level0CompactionTrigger, level0SlowdownTrigger } = this.#options;
		const [level0] = tree.levels;
		if (level0.length < level0SlowdownTrigger) return undefined;
		const runs = runsOf([level0], tree.busy);
		for (let from = 0; from < runs.length; from++) {
			const tables = similarRuns(runs, from, 1).flatMap((run) => run.tables);
			if (tables.length >= Math.max(2, level0CompactionTrigger)) return rewriteInPlace(tree, 0, tables, cause);
		}
		return undefined;
	}

	#relieveLevel(tree: TreeView, level: number, excess: number, cause: Cause): Compaction | undefined {
		const movable = new Set<TableShape>();
		let movableBytes = 0;
		let best: TableShape | undefined;
		let leastRatio = Number.POSITIVE_INFINITY;
		for (const table of fromPointer(tree.levels[level], tree.pointers.get(level))) {
			if (movableBytes > excess) break;
			const below = overlappingSorted(tree.levels[level + 1], table);
			const inputs = [table, ...below];
			if (!isFree(tree, level, level + 1, inputs, hull(inputs))) continue;
			if (this.#isMovable(tree, level, table, below)) {
				movable.add(table);
				movableBytes += table.size;
			}
			const ratio = bytesOf(below) / table.size;
			if (ratio >= leastRatio) continue;
			leastRatio = ratio;
			best = table;
		}
		const moving = tree.levels[level].filter((table) => movable.has(table));
		if (moving.length > 0) return move(level, level + 1, moving, cause);
		return best === undefined ? undefined : this.#merge(tree, this.#widen(tree, level, best), level + 1, cause);
	}

	/** The tables of a level that can go with one without a further table of the level below. */
	#widen(tree: TreeView, level: number, table: TableShape): LevelInput {
		const narrow = { level, tables: [table] };
		const below = overlappingSorted(tree.levels[level + 1], table);
		if (below.length === 0) return narrow;
		const tables = overlappingSorted(tree.levels[level], hull([table, ...below]));
		if (overlappingSorted(tree.levels[level + 1], hull(tables)).length > below.length) return narrow;
		return isFree(tree, level, level + 1, tables, hull([...tables, ...below])) ? { level, tables } : narrow;
	}

	/** Tables that are due although their level is in shape. */
	#upkeep(tree: TreeView, { base }: LevelTargets): Compaction | undefined {
		for (const { level, table, reason, priority, isDeepest } of dueTables(tree, this.#options)) {
			const cause = { reason, priority };
			const compaction =
				isDeepest || reason === 'expiry'
					? rewriteInPlace(tree, level, [table], cause)
					: level > 0
						? this.#sink(tree, level, table, cause)
						: reason === 'age' || this.#isWorthMerging(tree, base)
							? this.#relieveLevel0(tree, base, cause)
							: undefined;
			if (compaction !== undefined) return compaction;
		}
		return collectBlobs(tree) ?? mergeFragments(tree, this.#options);
	}

	/** Level 0 goes down soon in any case; for its tombstones only when they can take enough of what is rewritten for them away. */
	#isWorthMerging(tree: TreeView, base: number): boolean {
		const { tombstoneRatio } = this.#options;
		const tables = takeLevel0(tree);
		if (tombstoneRatio === false || tables.length === 0) return false;
		const below = overlappingSorted(tree.levels[outputOfLevel0(tree, base)], hull(tables));
		return deadEntries(tree, tables) >= tombstoneRatio * sumOf(below, 'entries');
	}

	#sink(tree: TreeView, level: number, table: TableShape, cause: Cause): Compaction | undefined {
		const below = overlappingSorted(tree.levels[level + 1], table);
		// Range deletes alone may span a whole level.
		if (table.entries === 0 && !fitsAbove(tree, level, table, this.#options.tableSize)) return undefined;
		if (this.#isMovable(tree, level, table, below) && isFree(tree, level, level + 1, [table], table))
			return move(level, level + 1, [table], cause);
		return this.#merge(tree, { level, tables: [table] }, level + 1, cause);
	}

	#isMovable(tree: TreeView, level: number, table: TableShape, below: readonly TableShape[]): boolean {
		return below.length === 0 && fitsAbove(tree, level + 1, table, this.#options.tableSize);
	}

	#merge(tree: TreeView, { level, tables }: LevelInput, outputLevel: number, cause: Cause): Compaction | undefined {
		const below = overlappingSorted(tree.levels[outputLevel], hull(tables));
		const inputs = [{ level, tables }];
		if (below.length > 0) inputs.push({ level: outputLevel, tables: below });
		const reach = reachOf({ inputs });
		if (!isFree(tree, level, outputLevel, [...tables, ...below], reach)) return undefined;
		const cuts = grandparentCuts(tree, outputLevel, reach, this.#options.tableSize);
		return { kind: 'merge', ...cause, level, outputLevel, inputs, pointer: pointerAfter(level, tables), cuts };
	}
}

/** The base level, or one above it that is still in use: nothing may pass it. */
function outputOfLevel0(tree: TreeView, base: number): number {
	let level = 1;
	while (level < base && !isOccupied(tree, level)) level++;
	return level;
}

/** All tables of level 0 that are idle and overlap no older one that is not. */
function takeLevel0(tree: TreeView): TableShape[] {
	const left: TableShape[] = [];
	const taken: TableShape[] = [];
	for (const table of tree.levels[0].toReversed()) {
		if (tree.busy.has(table.number) || overlapping(left, table).length > 0) left.push(table);
		else taken.unshift(table);
	}
	return taken;
}

/** The tables of a level, those behind the pointer first. */
function fromPointer(tables: readonly TableShape[], pointer: Uint8Array | undefined): TableShape[] {
	const first = pointer === undefined ? 0 : tables.findIndex((table) => isBefore(pointer, table.end));
	return first <= 0 ? [...tables] : [...tables.slice(first), ...tables.slice(0, first)];
}

/** Behind this compaction; where it reaches to the end of all keys, at the first key again. Level 0 gives all it can and needs no pointer. */
function pointerAfter(level: number, tables: readonly TableShape[]): Uint8Array | undefined {
	return level === 0 ? undefined : tables.at(-1)?.end;
}

function move(level: number, outputLevel: number, tables: TableShape[], cause: Cause): Compaction {
	return {
		kind: 'move',
		...cause,
		level,
		outputLevel,
		inputs: [{ level, tables }],
		pointer: pointerAfter(level, tables),
		cuts: [],
	};
}
