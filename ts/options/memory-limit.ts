/**
 * Dividing `memoryLimit` among the parts of a store that take memory.
 *
 * ```
 * |  memtables: a share at most  |  jobs  |  indexes and filters of tables  |  block cache: what is left, up to cacheSize  |
 * ```
 *
 * Invariant: memtables and jobs have their shares from the open on; the block cache gives way when the indexes and filters of tables grow.
 */
import type { ResolvedOptions } from './schema';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What the parts take in a kernel, measured by `npm run soak`. */
interface Costs {
	/** Share of the limit that memtables get together. */
	memtableShare: number;
	/** Memory of memtables and blocks, let go ones with them that wait for the garbage collector, to those in use. */
	garbage: number;
	/** Bytes of a job besides the tables that it opens: its buffers, and its thread with a heap of its own. */
	job: number;
	/** Bytes of groups of writes, slabs, chunks of iterators, and the heap. */
	base: number;
}

type KernelName = 'native' | 'js';

const COSTS: Record<KernelName, Costs> = {
	native: { memtableShare: 0.5, garbage: 1, job: 2 * MIB, base: 4 * MIB },
	js: { memtableShare: 0.25, garbage: 1.5, job: 16 * MIB, base: 40 * MIB },
};
/** Smallest memtable; below, every few writes would make a table. */
const SMALLEST_MEMTABLE = 64 * KIB;

/** Bytes that are set aside, whatever the tables take. */
export interface MemoryShares {
	/** All memtables together, when they are full, with their garbage. */
	memtables: number;
	/** Jobs and everything else. */
	work: number;
}

type MemoryOptions = Pick<ResolvedOptions, 'memoryLimit' | 'memtableSize' | 'maxImmutableMemtables' | 'cacheSize'>;

/** The size of a memtable under the limit. */
export function memtableSizeWithin(options: MemoryOptions, kernel: KernelName): number {
	const { memoryLimit, memtableSize, maxImmutableMemtables } = options;
	if (memoryLimit === false) return memtableSize;
	const most = Math.floor((memoryLimit * COSTS[kernel].memtableShare) / (maxImmutableMemtables + 1));
	return Math.min(memtableSize, Math.max(SMALLEST_MEMTABLE, most));
}

/** @param jobs background jobs at a time */
export function memoryShares(options: MemoryOptions, kernel: KernelName, jobs: number): MemoryShares {
	const { garbage, job, base } = COSTS[kernel];
	return {
		memtables: garbage * memtableSizeWithin(options, kernel) * (options.maxImmutableMemtables + 1),
		work: job * jobs + base,
	};
}

/**
 * Bytes that the block cache may have.
 * @param tables bytes of indexes and filters in memory
 */
export function cacheSizeWithin(options: MemoryOptions, kernel: KernelName, shares: MemoryShares, tables: number): number {
	const { memoryLimit, cacheSize } = options;
	if (memoryLimit === false) return cacheSize;
	const left = Math.max(0, memoryLimit - shares.memtables - shares.work - tables);
	return Math.min(cacheSize, Math.floor(left / COSTS[kernel].garbage));
}
