/**
 * The compaction strategies behind one interface. A strategy sees the shape of the tree and names the next compaction; it has no state of
 * its own. docs/compaction.md compares them.
 */
import { ConfigError } from '../errors';
import type { ResolvedOptions } from '../options/schema';
import type { Compaction } from './compaction';
import { FifoStrategy } from './fifo';
import type { KeyRange } from './key-range';
import { LeveledStrategy } from './leveled';
import { TieredStrategy } from './tiered';
import type { TreeView } from './tree';

export interface CompactionStrategy {
	readonly name: CompactionStrategyName;
	/** The most urgent compaction that may run beside the running ones; undefined when there is none. */
	pick(tree: TreeView): Compaction | undefined;
	/**
	 * The compaction a user asks for, of all tables that overlap a range (undefined: of all tables). Undefined when there is nothing to do,
	 * `'blocked'` while running jobs are in its way.
	 */
	pickFull(tree: TreeView, range: KeyRange | undefined): Compaction | 'blocked' | undefined;
	/** When the time alone makes something due, in milliseconds since the epoch; Infinity when it never does. */
	nextDue(tree: TreeView): number;
	/** How far the tree is out of shape. */
	debt(tree: TreeView): CompactionDebt;
}

/** What compactions are behind with. */
export interface CompactionDebt {
	/** Bytes that must be rewritten before the tree is in shape. An estimate. */
	bytes: number;
	/** Tables of level 0, without those that the strategy keeps there. */
	level0Tables: number;
}

export type CompactionStrategyName = ResolvedOptions['compactionStrategy'];

export type StrategyOptions = Pick<
	ResolvedOptions,
	| 'compactionStrategy'
	| 'level0CompactionTrigger'
	| 'level0SlowdownTrigger'
	| 'levelBaseSize'
	| 'levelMultiplier'
	| 'tableSize'
	| 'tieredMaxRuns'
	| 'tieredSizeRatio'
	| 'tieredMaxSpaceAmplification'
	| 'fifoMaxSize'
	| 'fifoMaxAgeSeconds'
	| 'tombstoneRatio'
	| 'compactionPeriodSeconds'
>;

export function makeStrategy(options: StrategyOptions): CompactionStrategy {
	switch (options.compactionStrategy) {
		case 'leveled':
			return new LeveledStrategy(options);
		case 'tiered':
			return new TieredStrategy(options);
		case 'fifo':
			return new FifoStrategy(options);
	}
}

/**
 * Throws a ConfigError when a tree that one strategy has made cannot be given to another. Leveled and tiered keep the same invariants and
 * take over each other's trees, and that of fifo. Fifo needs all tables in level 0, where they are in order of their age.
 * @param from undefined for a new store
 */
export function checkStrategyChange(
	from: CompactionStrategyName | undefined,
	to: CompactionStrategyName,
	levels: readonly (readonly unknown[])[],
): void {
	if (to !== 'fifo' || from === undefined || from === 'fifo') return;
	if (levels.slice(1).every((tables) => tables.length === 0)) return;
	throw new ConfigError(
		`Option 'compactionStrategy' cannot change from '${from}' to 'fifo' here: the store has merged tables, whose age is unknown, ` +
			'and fifo would drop them. Copy the entries to a new store.',
	);
}
