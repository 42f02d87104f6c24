/**
 * Dividing `memoryLimit` among the parts of a store that take memory.
 *
 * ```
 * |  memtables: at most half  |  jobs  |  indexes and filters of tables  |  block cache: what is left, up to cacheSize  |
 * ```
 *
 * Invariant: memtables and jobs have their shares from the open on; the block cache gives way when the indexes and filters of tables grow.
 */
import type { ResolvedOptions } from './schema';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Share of the limit that memtables may take together. */
const MEMTABLE_SHARE = 0.5;
/** Smallest memtable; below, every few writes would make a table. */
const SMALLEST_MEMTABLE = 64 * KIB;
/**
 * What a job takes besides the tables that it opens: buffers and a thread of its own, measured on 64 MiB of input. One of the TypeScript
 * kernel has a JavaScript heap too.
 */
const JOB_BYTES = { native: 2 * MIB, js: 24 * MIB };
/** Groups of writes, slabs and chunks of iterators. */
const QUEUE_BYTES = 4 * MIB;

/** Bytes that are set aside, whatever the tables take. */
export interface MemoryShares {
	/** All memtables together, when they are full. */
	memtables: number;
	/** Jobs and queues. */
	work: number;
}

type MemoryOptions = Pick<ResolvedOptions, 'memoryLimit' | 'memtableSize' | 'maxImmutableMemtables' | 'cacheSize'>;

/** The size of a memtable under the limit. */
export function memtableSizeWithin({ memoryLimit, memtableSize, maxImmutableMemtables }: MemoryOptions): number {
	if (memoryLimit === false) return memtableSize;
	const most = Math.floor((memoryLimit * MEMTABLE_SHARE) / (maxImmutableMemtables + 1));
	return Math.min(memtableSize, Math.max(SMALLEST_MEMTABLE, most));
}

/** @param jobs background jobs at a time */
export function memoryShares(options: MemoryOptions, kernel: 'native' | 'js', jobs: number): MemoryShares {
	return {
		memtables: memtableSizeWithin(options) * (options.maxImmutableMemtables + 1),
		work: JOB_BYTES[kernel] * jobs + QUEUE_BYTES,
	};
}

/**
 * Bytes that the block cache may have.
 * @param tables bytes of indexes and filters in memory
 */
export function cacheSizeWithin({ memoryLimit, cacheSize }: MemoryOptions, shares: MemoryShares, tables: number): number {
	if (memoryLimit === false) return cacheSize;
	return Math.min(cacheSize, Math.max(0, memoryLimit - shares.memtables - shares.work - tables));
}
