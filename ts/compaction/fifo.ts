/**
 * Fifo: nothing is merged, and the oldest tables are dropped, whatever they hold, or because all of it has expired. For data whose worth ends with its age.
 *
 * Invariant: a table goes only when no older one stays that it overlaps, so no older version of a key shows again. Therefore one drop at a
 * time: of two, the newer could be done first.
 */
import { type Compaction, type CompactionReason, dropTables } from './compaction';
import type { CompactionDebt, CompactionStrategy, StrategyOptions } from './strategy';
import { blobBytesOf, bytesOf, type TableShape, type TreeView } from './tree';
import { deadEntries, expiredEntries } from './upkeep';

export type FifoOptions = Pick<StrategyOptions, 'fifoMaxSize' | 'fifoMaxAgeSeconds'>;

export class FifoStrategy implements CompactionStrategy {
	readonly name = 'fifo';
	readonly #options: FifoOptions;

	constructor(options: FifoOptions) {
		this.#options = options;
	}

	pick(tree: TreeView): Compaction | undefined {
		if (tree.busy.size > 0) return undefined;
		const { fifoMaxSize } = this.#options;
		const tables = oldestFirst(tree);
		let size = bytesOf(tables) + blobBytesOf(tables);
		const victims = new Set<TableShape>();
		let reason: CompactionReason = 'size';
		for (const table of tables) {
			const isOld = this.#isOld(tree, table);
			// The newest table stays however large it is: it was written a moment ago.
			const isOver = size > fifoMaxSize && table !== tables.at(-1);
			const isGone = expiredEntries(tree, table) > 0 && deadEntries(tree, [table]) >= table.entries;
			if (!isOld && !isOver && !isGone) break;
			if (!isOver) reason = isOld ? 'age' : 'expiry';
			victims.add(table);
			size -= table.size + blobBytesOf([table]);
		}
		return victims.size === 0 ? undefined : dropTables(tree, victims, reason);
	}

	/** Nothing: there is nothing to merge, and what is due is dropped unasked. */
	pickFull(): undefined {
		return undefined;
	}

	nextDue(tree: TreeView): number {
		const { fifoMaxAgeSeconds } = this.#options;
		const ages = tree.levels
			.flat()
			.flatMap(({ createdAt, expiry }) => [
				fifoMaxAgeSeconds > 0 ? createdAt + fifoMaxAgeSeconds * 1000 : Number.POSITIVE_INFINITY,
				expiry?.latest ?? Number.POSITIVE_INFINITY,
			]);
		return ages.reduce((next, age) => (age > tree.now ? Math.min(next, age) : next), Number.POSITIVE_INFINITY);
	}

	debt(): CompactionDebt {
		return { bytes: 0, level0Tables: 0 };
	}

	#isOld(tree: TreeView, table: TableShape): boolean {
		const { fifoMaxAgeSeconds } = this.#options;
		return fifoMaxAgeSeconds > 0 && tree.now - table.createdAt >= fifoMaxAgeSeconds * 1000;
	}
}

/** The deepest level first, where a repair puts tables, and each level by its newest entry. */
function oldestFirst(tree: TreeView): TableShape[] {
	return tree.levels.toReversed().flatMap((tables) => tables.toSorted((a, b) => a.largestSequence - b.largestSequence));
}
