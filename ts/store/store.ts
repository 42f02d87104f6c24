/**
 * One open store: its parts, and what connects them.
 *
 * ```
 * put → CommitQueue → WriteAheadLog → memtable (kernel)
 *                        full: freeze → Flusher → level 0 → Compactor → levels 1 … 6
 * get → Reader → kernel: memtables, then tables, of the view installed last
 * ```
 *
 * Invariants:
 *  1. `sequence` is the highest sequence number that is in the WAL and in the memtable: what a read that begins now may see.
 *  2. The kernel's view is installed anew, in the same turn, whenever the memtables or the version change.
 */

import { availableParallelism } from 'node:os';
import { CommitQueue } from '../commit/commit-queue';
import { Compactor } from '../compaction/compactor';
import type { KeyRange } from '../compaction/key-range';
import type { Environment } from '../environment';
import type { TypedEmitter } from '../events';
import type { StoreStats } from '../introspection';
import { type CursorHandle, CursorRegistry } from '../iterator/cursor-handle';
import type { HalfOpenRange } from '../iterator/range';
import {
	type CompressionId,
	type CursorOptions,
	type KernelEngine,
	MEMTABLE_ENTRY_OVERHEAD,
	type TableOptions,
} from '../kernel/kernel';
import type { Configuration } from '../options/configuration';
import { memtableSizeWithin } from '../options/memory-limit';
import type { ResolvedOptions } from '../options/schema';
import { tableOptionsOf } from '../options/table-options';
import { SnapshotRegistry } from '../snapshot/snapshot';
import { BatchEncoder } from '../wal/batch-encoder';
import type { WalWriter } from '../wal/wal-writer';
import { approximateSize } from './approximate-size';
import type { StoreContext } from './context';
import type { Counters } from './counters';
import { FilterSizing } from './filter-sizing';
import { Flusher } from './flusher';
import type { Health } from './health';
import { JobLog } from './job-log';
import { MemoryBudget } from './memory-budget';
import type { Memtables } from './memtables';
import { Reader } from './reader';
import { type Debt, Stall } from './stall';
import { collectStats } from './stats';
import type { StoreFiles } from './store-files';
import type { VersionSet } from './version-set';
import { WriteAheadLog } from './write-ahead-log';

/** Compactions at a time: one core is left to the application, and more than four rarely help. */
function compactionLanes(threads: number | 'auto'): number {
	return threads === 'auto' ? Math.min(4, Math.max(1, availableParallelism() - 1)) : threads;
}

/** What `openStore` has put together by the time a store can run. */
export interface StoreParts {
	path: string;
	kernelName: 'native' | 'js';
	environment: Environment;
	configuration: Configuration;
	/** What the tables of a level are compressed with. */
	compressionAt: (level: number) => CompressionId;
	engine: KernelEngine;
	events: TypedEmitter;
	health: Health;
	counters: Counters;
	files: StoreFiles;
	versions: VersionSet;
	memtables: Memtables;
	/** Highest sequence number that was recovered. */
	sequence: number;
	/** Makes the log with a number. */
	createWal(number: number): WalWriter;
	/** Lets go of the directory; clean: all that was written is durable. */
	unlock(isClean: boolean): void;
}

export class Store implements StoreContext {
	readonly path: string;
	readonly kernelName: 'native' | 'js';
	readonly environment: Environment;
	readonly configuration: Configuration;
	/** Options in force; memtables fit into the memory limit. */
	readonly options: ResolvedOptions;
	readonly #compressionAt: (level: number) => CompressionId;
	readonly engine: KernelEngine;
	readonly events: TypedEmitter;
	readonly health: Health;
	readonly counters: Counters;
	readonly files: StoreFiles;
	readonly versions: VersionSet;
	readonly memtables: Memtables;
	readonly snapshots = new SnapshotRegistry();
	readonly cursors = new CursorRegistry();
	readonly reader: Reader;
	readonly commits: CommitQueue;
	readonly wal: WriteAheadLog;
	readonly jobs: JobLog;
	readonly compactor: Compactor;
	readonly memory: MemoryBudget;
	readonly #filterSizing: FilterSizing;
	readonly #createWal: (number: number) => WalWriter;
	readonly #unlock: (isClean: boolean) => void;
	readonly #flusher: Flusher;
	readonly #stall: Stall;
	#sequence: number;
	/** Calls of `flush` that wait until they can freeze the active memtable. */
	#freezing: Promise<void> | undefined;

	/** @param wal the log that new writes go to; the active memtable begins with it or before it. */
	constructor(parts: StoreParts, wal: WalWriter) {
		this.path = parts.path;
		this.kernelName = parts.kernelName;
		this.environment = parts.environment;
		this.configuration = parts.configuration;
		const { options } = parts.configuration;
		this.options = { ...options, memtableSize: memtableSizeWithin(options, parts.kernelName) };
		this.engine = parts.engine;
		this.events = parts.events;
		this.health = parts.health;
		this.counters = parts.counters;
		this.files = parts.files;
		this.versions = parts.versions;
		this.memtables = parts.memtables;
		this.#compressionAt = parts.compressionAt;
		this.#filterSizing = new FilterSizing(this.options, this.engine, () => this.#levelBytes());
		this.#sequence = parts.sequence;
		this.#createWal = parts.createWal;
		this.#unlock = parts.unlock;
		const { clock } = parts.environment;
		this.wal = new WriteAheadLog(wal, this.options, clock, this.health, this.counters);
		this.reader = new Reader(this.engine, this.versions, this.counters);
		this.#stall = new Stall(() => this.#debt(), this.options, clock, this.events, this.counters);
		this.health.onFailure = () => this.#stall.release();
		this.commits = this.#makeCommitQueue();
		this.jobs = new JobLog(clock);
		const onProgress = () => this.#jobDone();
		this.#flusher = new Flusher(this, onProgress);
		const lanes = compactionLanes(this.options.compactionThreads);
		this.compactor = new Compactor(this, lanes, onProgress);
		// What it kept is let go, if something was written since it was taken.
		this.snapshots.onRelease = (sequence) => {
			if (sequence < this.#sequence) this.compactor.scheduleSoon();
		};
		// And one job that flushes.
		this.memory = new MemoryBudget(this.engine, this.options, this.kernelName, lanes + 1);
	}

	get sequence(): number {
		return this.#sequence;
	}

	/** How hard background work presses on writes: 0 not at all, 1 they are stopped. */
	get pressure(): number {
		return this.#stall.pressure;
	}

	/** Begins the background work that is due. The first look at the tree takes half a millisecond: the first reads go before it. */
	start(): void {
		this.engine.setJobRate(this.options.compactionRateLimit);
		this.installView();
		this.#flusher.schedule();
		this.compactor.scheduleSoon();
	}

	installView(): void {
		const levels = this.versions.current.levels.map((tables) => tables.map((table) => table.number));
		this.engine.installView(this.memtables.ids(), levels);
		this.memory.update();
	}

	tableOptions(level: number): TableOptions {
		return tableOptionsOf(this.options, this.#filterSizing.settings(level), this.#compressionAt(level));
	}

	/** Opens a cursor on the current view; its handle pins the current version. */
	openCursor(options: CursorOptions): CursorHandle {
		return this.cursors.open(this.engine.openCursor(options), this.versions.retain());
	}

	/** Freezes the active memtable and resolves when it, and all before it, are in tables. Calls that come together share one memtable. */
	async flush(): Promise<void> {
		this.commits.flush();
		this.health.checkWritable();
		if (this.memtables.active.entries > 0) {
			if (this.#freezing === undefined && this.#canFreeze) this.#rotate(this.options.memtableSize);
			else await this.#freeze();
		}
		const newest = this.memtables.immutables.at(-1);
		if (newest !== undefined) await this.#flusher.flushed(newest);
	}

	/** A memtable more may wait for its flush, and the log needs no fsync before it is rotated. */
	get #canFreeze(): boolean {
		return this.wal.isSynced && this.memtables.immutables.length < this.options.maxImmutableMemtables;
	}

	#freeze(): Promise<void> {
		this.#freezing ??= this.#freezeWhenReady().finally(() => {
			this.#freezing = undefined;
		});
		return this.#freezing;
	}

	async #freezeWhenReady(): Promise<void> {
		const { immutables } = this.memtables;
		while (immutables.length >= this.options.maxImmutableMemtables) await this.#flusher.flushed(immutables[0]);
		await this.wal.durable();
		this.health.checkWritable();
		if (this.memtables.active.entries > 0) this.#rotate(this.options.memtableSize);
	}

	/** Flushes, then merges the tables of a range into the bottom level; files that nobody reads are gone. With fifo it only flushes. */
	async compact(range: HalfOpenRange): Promise<void> {
		await this.flush();
		// Nothing is before the empty key, which as an end would stand for the end of all keys.
		if (range.upper?.length === 0) return;
		await this.compactor.full(this.#keyRange(range));
		await this.files.idle();
	}

	/** Bytes of tables that a range takes, by their indexes. */
	approximateSize(range: HalfOpenRange): number {
		return approximateSize(this.engine, this.versions.current, range);
	}

	stats(): StoreStats {
		return collectStats(this);
	}

	/** Ends everything in the order in which nothing is lost, and lets go of the directory whatever happens. */
	async close(): Promise<void> {
		this.#stall.release();
		try {
			await this.commits.drain();
			await this.wal.close(new BatchEncoder().finish(this.#sequence + 1));
		} finally {
			this.health.close();
			await this.#release();
		}
	}

	async #release(): Promise<void> {
		let isClean = false;
		try {
			await Promise.all([this.#flusher.stop(), this.compactor.stop(), this.cursors.closeAll(), this.reader.idle()]);
			await this.versions.close();
			await this.engine.close();
			await this.files.idle();
			isClean = this.health.readOnlyCause === undefined;
		} finally {
			this.#unlock(isClean);
		}
	}

	#makeCommitQueue(): CommitQueue {
		return new CommitQueue({
			checkWritable: () => this.health.checkWritable(),
			room: (encoder) => this.#room(encoder),
			makeRoomSync: (encoder) => this.#makeRoomSync(encoder),
			commit: (encoder) => this.#commit(encoder),
			durable: () => this.wal.durable(),
			makeDurableSync: () => this.wal.makeDurableSync(),
			durableSoon: () => this.wal.durableSoon(),
		});
	}

	/** A group that freezes the memtable waits until its log is synced, off the calling thread; then for what the debt demands. */
	#room({ byteLength, memoryUsage }: BatchEncoder): Promise<void> | undefined {
		if (this.health.readOnlyCause !== undefined) return undefined;
		const rotates = this.memtables.active.entries > 0 && !this.memtables.fits(memoryUsage);
		// Its failure refuses the writes after it.
		if (rotates && !this.wal.isSynced) return this.wal.durable().catch(() => undefined);
		return this.#stall.room(byteLength);
	}

	/** Before a group freezes one more memtable than may wait, the oldest is flushed. */
	#makeRoomSync({ memoryUsage }: BatchEncoder): void {
		const { active, immutables } = this.memtables;
		if (active.entries === 0 || this.memtables.fits(memoryUsage)) return;
		while (immutables.length >= this.options.maxImmutableMemtables) this.#flusher.flushOldestSync();
	}

	#commit(encoder: BatchEncoder): void {
		const { memoryUsage, count, rangeDeletes } = encoder;
		if (!this.memtables.fits(memoryUsage)) this.#makeRoom(Math.max(this.options.memtableSize, memoryUsage));
		const record = encoder.finish(this.#sequence + 1);
		this.wal.append(record);
		this.#apply(record.buffer, record.start, record.end);
		this.#sequence += count;
		this.memtables.applied(memoryUsage, count, rangeDeletes, this.#sequence);
		this.counters.userBytes += memoryUsage - count * MEMTABLE_ENTRY_OVERHEAD;
	}

	/** The record is in the log: a memtable that does not take it would lose an acknowledged write, so no more are taken. */
	#apply(buffer: Uint8Array, start: number, end: number): void {
		try {
			this.engine.apply(buffer, start, end);
		} catch (error) {
			this.health.fail(error as Error);
			throw error;
		}
	}

	#makeRoom(capacity: number): void {
		if (this.memtables.active.entries > 0) {
			this.#rotate(capacity);
			return;
		}
		this.memtables.replaceEmpty(capacity, this.memtables.active.walNumber);
		this.installView();
	}

	/** Freezes the active memtable, together with its log, and puts it in line for the flusher. */
	#rotate(capacity: number): void {
		const number = this.versions.allocate(1);
		const closed = { number: this.wal.number, bytes: this.wal.size };
		this.wal.rotate(() => this.#createWal(number));
		this.memtables.rotate(capacity, number);
		this.installView();
		this.events.emit('walRotation', { closed: closed.number, opened: number, bytes: closed.bytes });
		this.#flusher.schedule();
	}

	#jobDone(): void {
		this.#stall.update();
		this.compactor.schedule();
	}

	#levelBytes(): number[] {
		return this.versions.current.levels.map((tables) => tables.reduce((sum, table) => sum + table.size, 0));
	}

	#debt(): Debt {
		const { bytes, level0Tables } = this.compactor.debt;
		return { immutableMemtables: this.memtables.immutables.length, level0Tables, compactionBytes: bytes };
	}

	/** As the strategies see it; undefined: all keys. */
	#keyRange({ lower, upper }: HalfOpenRange): KeyRange | undefined {
		if (lower === undefined && upper === undefined) return undefined;
		return { smallest: lower ?? Buffer.alloc(0), end: upper ?? Buffer.alloc(0) };
	}
}
