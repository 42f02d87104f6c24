/**
 * Size-tiered compaction: the tree is a row of sorted runs, newest first; runs that stand beside each other are merged into one.
 *
 * A merge puts its output as deep as the next older run allows, so the runs of the deeper levels are cut into tables of `tableSize`; only
 * what must stay in level 0 becomes one table.
 *
 * What is due: all runs, when they take `tieredMaxSpaceAmplification` times the bytes of the oldest; and from `tieredMaxRuns` runs on,
 * neighbours of like sizes, or else the newest. Then a run with more tombstones than `tombstoneRatio` of the entries of the next older
 * run, old tables, and fragments.
 *
 * Invariants:
 *  1. Inputs are neighbours in age, so the output takes their place: everything newer stays above it, everything older below.
 *  2. Of a run that is already in the output level, only the tables that newer inputs overlap are inputs.
 */
import { BOTTOM_LEVEL } from '../limits';
import { type Compaction, type CompactionReason, grandparentCuts, type LevelInput, reachOf } from './compaction';
import { pickFullCompaction } from './full';
import { areDisjoint, hull, type KeyRange, overlappingSorted } from './key-range';
import { type Run, runsOf, similarRuns } from './runs';
import type { CompactionDebt, CompactionStrategy, StrategyOptions } from './strategy';
import { bytesOf, isFree, sumOf, type TreeView } from './tree';
import { collectBlobs, deadEntries, dueTables, mergeFragments, nextDue, rewriteInPlace } from './upkeep';

export type TieredOptions = Pick<
	StrategyOptions,
	'tieredMaxRuns' | 'tieredSizeRatio' | 'tieredMaxSpaceAmplification' | 'tableSize' | 'tombstoneRatio' | 'compactionPeriodSeconds'
>;

export class TieredStrategy implements CompactionStrategy {
	readonly name = 'tiered';
	readonly #options: TieredOptions;

	constructor(options: TieredOptions) {
		this.#options = options;
	}

	pick(tree: TreeView): Compaction | undefined {
		const runs = runsOf(tree.levels, tree.busy);
		return this.#limitSpace(tree, runs) ?? this.#limitRuns(tree, runs) ?? this.#upkeep(tree, runs);
	}

	pickFull(tree: TreeView, range: KeyRange | undefined): Compaction | 'blocked' | undefined {
		return pickFullCompaction(tree, range);
	}

	nextDue(tree: TreeView): number {
		return nextDue(tree, this.#options);
	}

	debt(tree: TreeView): CompactionDebt {
		const { tieredMaxRuns, tieredMaxSpaceAmplification } = this.#options;
		const runs = runsOf(tree.levels, new Set());
		const level0Tables = Math.max(0, tree.levels[0].length - tieredMaxRuns);
		if (this.#spaceAmplification(runs) > tieredMaxSpaceAmplification) return { bytes: bytesOf(runs), level0Tables };
		const excess = runs.length - tieredMaxRuns + 1;
		return { bytes: excess > 0 ? bytesOf(runs.slice(0, excess + 1)) : 0, level0Tables };
	}

	#limitSpace(tree: TreeView, runs: readonly Run[]): Compaction | undefined {
		const amplification = this.#spaceAmplification(runs);
		const limit = this.#options.tieredMaxSpaceAmplification;
		if (amplification <= limit) return undefined;
		return this.#merge(tree, runs, 0, runs.length, { reason: 'space', priority: amplification / limit });
	}

	#spaceAmplification(runs: readonly Run[]): number {
		return runs.length < 2 ? 1 : bytesOf(runs) / runs[runs.length - 1].size;
	}

	#limitRuns(tree: TreeView, runs: readonly Run[]): Compaction | undefined {
		const { tieredMaxRuns, tieredSizeRatio } = this.#options;
		if (runs.length < tieredMaxRuns) return undefined;
		const priority = runs.length / tieredMaxRuns;
		for (let from = 0; from < runs.length - 1; from++) {
			const { length } = similarRuns(runs, from, tieredSizeRatio);
			const compaction = this.#merge(tree, runs, from, from + length, { reason: 'similarRuns', priority });
			if (compaction !== undefined) return compaction;
		}
		const first = Math.max(
			0,
			runs.findIndex((run) => !run.busy),
		);
		const end = Math.min(runs.length, first + runs.length - tieredMaxRuns + 2);
		return this.#merge(tree, runs, first, end, { reason: 'runs', priority });
	}

	/** Tables of which much has expired and the oldest run are rewritten table by table, others are merged with the next older. */
	#upkeep(tree: TreeView, runs: readonly Run[]): Compaction | undefined {
		for (const { level, table, reason, priority } of dueTables(tree, this.#options)) {
			const index = runs.findIndex((run) => run.tables.includes(table));
			const compaction =
				reason === 'expiry' || index === runs.length - 1
					? rewriteInPlace(tree, level, [table], { reason, priority })
					: reason === 'age' || this.#isWorthMerging(tree, runs[index], runs[index + 1])
						? this.#merge(tree, runs, index, index + 2, { reason, priority })
						: undefined;
			if (compaction !== undefined) return compaction;
		}
		return collectBlobs(tree) ?? mergeFragments(tree, this.#options);
	}

	/** A tombstone takes at most itself and one entry away, and the whole older run is rewritten for it. */
	#isWorthMerging(tree: TreeView, newer: Run, older: Run): boolean {
		const { tombstoneRatio } = this.#options;
		return tombstoneRatio !== false && deadEntries(tree, newer.tables) >= tombstoneRatio * sumOf(older.tables, 'entries');
	}

	/** Merges the runs from an index up to another, or moves them where none shares a key with another. */
	#merge(
		tree: TreeView,
		runs: readonly Run[],
		from: number,
		to: number,
		cause: { reason: CompactionReason; priority: number },
	): Compaction | undefined {
		if (to - from < 2) return undefined;
		const outputLevel = outputLevelAbove(runs[to]);
		const newer = inputsOf(runs.slice(from, to).filter((run) => run.level === 0 || run.level < outputLevel));
		const newerTables = newer.flatMap((input) => input.tables);
		const below = outputLevel === 0 ? [] : overlappingSorted(tree.levels[outputLevel], hull(newerTables));
		const isMove = outputLevel > 0 && below.length === 0 && areDisjoint(newerTables);
		const inputs = below.length === 0 ? newer : [...newer, { level: outputLevel, tables: below }];
		const { level } = inputs[0];
		const reach = reachOf({ inputs });
		if (!isFree(tree, level, outputLevel, [...newerTables, ...below], reach)) return undefined;
		const cuts = isMove ? [] : grandparentCuts(tree, outputLevel, reach, this.#options.tableSize);
		return { kind: isMove ? 'move' : 'merge', ...cause, level, outputLevel, inputs, pointer: undefined, cuts };
	}
}

/** The level above the next older run; the bottom when there is none. */
function outputLevelAbove(older: Run | undefined): number {
	return older === undefined ? BOTTOM_LEVEL : Math.max(0, older.level - 1);
}

function inputsOf(runs: readonly Run[]): LevelInput[] {
	const inputs: LevelInput[] = [];
	for (const { level, tables } of runs) {
		const last = inputs.at(-1);
		if (last?.level === level) last.tables.push(...tables);
		else inputs.push({ level, tables: [...tables] });
	}
	return inputs;
}
