/**
 * Where cursors get their blocks from: the cache and the files, or only what is in memory.
 *
 * Invariants:
 *  1. With `allowIo` false no file is touched: a block that is not in memory makes `block` throw the source's own `miss`, which
 *     says what is missing. It is one object, thrown again and again: no stack trace is taken.
 *  2. With `fillCache` false the cache gets no block; one that it holds is used all the same.
 *  3. `load` fetches what `miss` names and pins it until `unpin`: an operation that repeats itself after each load finds all it
 *     loaded before, even when the cache keeps nothing.
 */
import type { BlockCache } from './cache';
import type { Table } from './table/reader';

export interface BlockSource {
	/** The verified data block at a position of the table's index. */
	block(table: Table, block: number): Buffer;
}

/** What a read that may not touch the disk lacks. */
export interface BlockMiss {
	table: Table | undefined;
	block: number;
}

/** Counters that all sources of an engine share. */
export interface ReadCounters {
	blockReads: number;
}

export class CachedBlocks implements BlockSource {
	readonly miss: BlockMiss = { table: undefined, block: 0 };
	allowIo = true;
	fillCache = true;
	private readonly pinnedTables: Table[] = [];
	private readonly pinnedBlocks: number[] = [];
	private readonly pinnedBytes: Buffer[] = [];

	constructor(
		private readonly cache: BlockCache,
		private readonly counters: ReadCounters,
	) {}

	block(table: Table, block: number): Buffer {
		for (let i = this.pinnedBytes.length - 1; i >= 0; i--) {
			if (this.pinnedTables[i] === table && this.pinnedBlocks[i] === block) return this.pinnedBytes[i];
		}
		const cached = this.cache.get(table.number, block);
		if (cached !== undefined) return cached;
		if (!this.allowIo) {
			this.miss.table = table;
			this.miss.block = block;
			throw this.miss;
		}
		const bytes = table.readBlock(block);
		this.keep(table, block, bytes);
		return bytes;
	}

	/** Reads the missing block off the calling thread and pins it. */
	async load(): Promise<void> {
		const { table, block } = this.miss;
		if (table === undefined) return;
		const bytes = await table.readBlockAsync(block);
		this.keep(table, block, bytes);
		this.pinnedTables.push(table);
		this.pinnedBlocks.push(block);
		this.pinnedBytes.push(bytes);
	}

	/** Lets go of the pinned blocks; what `miss` names stays. */
	unpin(): void {
		this.pinnedTables.length = 0;
		this.pinnedBlocks.length = 0;
		this.pinnedBytes.length = 0;
	}

	private keep(table: Table, block: number, bytes: Buffer): void {
		this.counters.blockReads++;
		if (this.fillCache) this.cache.put(table.number, block, bytes);
	}
}
