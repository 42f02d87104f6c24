/**
 * The memory budget of an open store: gives the block cache what `memoryLimit` leaves when the tables have theirs.
 *
 * Invariant: the capacity of the cache fits the tables that are loaded since the last {@link MemoryBudget.update}.
 */

import type { MemoryStats } from '../introspection';
import type { KernelEngine } from '../kernel/kernel';
import { cacheSizeWithin, type MemoryShares, memoryShares } from '../options/memory-limit';
import type { ResolvedOptions } from '../options/schema';

export class MemoryBudget {
	readonly #engine: KernelEngine;
	readonly #options: ResolvedOptions;
	readonly #kernel: 'native' | 'js';
	readonly #shares: MemoryShares;

	/** @param jobs background jobs at a time */
	constructor(engine: KernelEngine, options: ResolvedOptions, kernel: 'native' | 'js', jobs: number) {
		this.#engine = engine;
		this.#options = options;
		this.#kernel = kernel;
		this.#shares = memoryShares(options, kernel, jobs);
	}

	/** To be called when tables have come or gone. */
	update(): void {
		if (this.#options.memoryLimit === false) return;
		const { tableMemory, cacheCapacity } = this.#engine.stats();
		const size = cacheSizeWithin(this.#options, this.#kernel, this.#shares, tableMemory);
		if (size !== cacheCapacity) this.#engine.setCacheCapacity(size);
	}

	stats(): MemoryStats {
		const { memtableMemory: memtables, tableMemory: tables, cacheBytes: cache } = this.#engine.stats();
		const limit = this.#options.memoryLimit === false ? undefined : this.#options.memoryLimit;
		return { limit, memtables, tables, cache, work: this.#shares.work, total: memtables + tables + cache + this.#shares.work };
	}
}
