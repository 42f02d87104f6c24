/**
 * Where cursors get tables and their blocks from: the cache and the files, or only what is in memory.
 *
 * Invariants:
 *  1. With `allowIo` false no file is touched: what is not in memory makes `resident` and `block` throw the source's own `miss`,
 *     which says what is missing. It is one object, thrown again and again: no stack trace is taken.
 *  2. With `fillCache` false the cache gets no block; one that it holds is used all the same.
 *  3. `load` fetches what `miss` names and pins it until `unpin`: an operation that repeats itself after each load finds all it
 *     loaded before, even when the cache keeps nothing.
 */
import { copyBlock } from './block-memory';
import type { BlockCache } from './cache';
import { ReadAhead } from './read-ahead';
import type { Table } from './table/reader';
import type { Resident } from './table/resident';

export interface BlockSource {
	/** Index, filter and properties of a table. */
	resident(table: Table): Resident;
	/** The verified data block at a position of the table's index. The table is loaded. */
	block(table: Table, block: number): Buffer;
}

/** In place of a block's position: the table itself is not loaded. */
const WHOLE_TABLE = -1;

/** What a read that may not touch the disk lacks. */
export interface BlockMiss {
	table: Table | undefined;
	block: number;
	/** What reads the block, when it is asked for by a scan. */
	ahead: ReadAhead | undefined;
}

/** Counters that all sources of an engine share. */
export interface ReadCounters {
	blockReads: number;
	fileReads: number;
}

export class CachedBlocks implements BlockSource {
	readonly miss: BlockMiss = { table: undefined, block: 0, ahead: undefined };
	allowIo = true;
	fillCache = true;
	private readonly pinnedTables: Table[] = [];
	private readonly pinnedBlocks: number[] = [];
	private readonly pinnedBytes: Buffer[] = [];

	constructor(
		private readonly cache: BlockCache,
		private readonly counters: ReadCounters,
	) {}

	resident(table: Table): Resident {
		if (table.resident !== undefined) return table.resident;
		if (!this.allowIo) this.throwMiss(table, WHOLE_TABLE, undefined);
		return table.load();
	}

	block(table: Table, block: number): Buffer {
		const found = this.find(table, block);
		if (found !== undefined) return found;
		if (!this.allowIo) this.throwMiss(table, block, undefined);
		this.counters.fileReads++;
		const bytes = table.file.readBlock(table.load().handle(block));
		this.keep(table, block, bytes);
		return bytes;
	}

	/** A source for one cursor of a scan, which reads ahead. */
	forScan(): BlockSource {
		const ahead = new ReadAhead();
		return {
			resident: (table) => this.resident(table),
			block: (table, block) => this.scanBlock(table, block, ahead),
		};
	}

	/** Reads what is missing off the calling thread, and pins it. */
	async load(): Promise<void> {
		const { table, block, ahead } = this.miss;
		if (table === undefined) return;
		if (block === WHOLE_TABLE) {
			await table.loadAsync();
			return;
		}
		this.counters.fileReads++;
		const bytes =
			ahead === undefined
				? this.keep(table, block, await table.file.readBlockAsync(table.load().handle(block)))
				: this.keepRead(table, block, await ahead.readAsync(table, block), ahead);
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

	private scanBlock(table: Table, block: number, ahead: ReadAhead): Buffer {
		ahead.follow(table, block);
		const found = this.find(table, block);
		if (found !== undefined) return found;
		let bytes = ahead.block(table, block);
		if (bytes === undefined) {
			if (!this.allowIo) this.throwMiss(table, block, ahead);
			this.counters.fileReads++;
			bytes = ahead.read(table, block);
		}
		return this.keepRead(table, block, bytes, ahead);
	}

	private find(table: Table, block: number): Buffer | undefined {
		for (let i = this.pinnedBytes.length - 1; i >= 0; i--) {
			if (this.pinnedTables[i] === table && this.pinnedBlocks[i] === block) return this.pinnedBytes[i];
		}
		return this.cache.get(table.number, block);
	}

	private throwMiss(table: Table, block: number, ahead: ReadAhead | undefined): never {
		this.miss.table = table;
		this.miss.block = block;
		this.miss.ahead = ahead;
		throw this.miss;
	}

	private keep(table: Table, block: number, bytes: Buffer): Buffer {
		this.counters.blockReads++;
		if (this.fillCache) this.cache.put(table.number, block, bytes);
		return bytes;
	}

	/** Keeps a block that was read ahead, or a copy where it lies in the window: in the cache it would keep all of that. */
	private keepRead(table: Table, block: number, bytes: Buffer, ahead: ReadAhead): Buffer {
		const isCopied = this.fillCache && bytes.length <= this.cache.capacity && ahead.holds(bytes);
		return this.keep(table, block, isCopied ? copyBlock(bytes) : bytes);
	}
}
