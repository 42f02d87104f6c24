/**
 * The TypeScript engine: memtables, tables, cache, reads and jobs of one database, behind {@link KernelEngine}.
 *
 * Invariants:
 *  1. A read under IO_NONE never touches a file. An asynchronous read repeats itself from memory, loading what is missing off
 *     the calling thread, and holds its view until it ends.
 *  2. After `close` every call throws ClosedError; `close` waits for asynchronous reads and jobs.
 *  3. `keyScratch` is the start of a private buffer with room for a trailer behind it: a lookup needs no copy of its key.
 */
import { ClosedError, CorruptionError } from '../../errors';
import type { FileSystem } from '../../fs/file-system';
import { LEVELS } from '../../limits';
import {
	type BlobSpec,
	type CompactionJob,
	type CursorOptions,
	DEFAULT_MAX_OPEN_FILES,
	type EngineOptions,
	type FlushJob,
	IO_CACHE,
	IO_NONE,
	type IoPolicy,
	type KernelCursor,
	type KernelEngine,
	type KernelStats,
	type LevelFilterStats,
	PENDING,
	type Pending,
	type ProgressListener,
	READ_BUFFER,
	READ_PRESENCE,
	READ_UTF8,
	type ReadMode,
	type ReadResult,
	type RunningJob,
	type TableSpec,
} from '../kernel';
import { BlobFiles } from './blob/files';
import type { ValuePointer } from './blob/pointer';
import { ScanValues } from './blob/scan-values';
import { CachedBlocks } from './block-source';
import { copyBytes, readUint32 } from './bytes';
import { BlockCache } from './cache';
import { Moment, TimeSource } from './expiry';
import { FileCache } from './file-cache';
import { TRAILER_SIZE } from './internal-key';
import { type JobMode, JobRunner } from './job/runner';
import { type FilterCounters, PointLookup } from './point-lookup';
import { Registry } from './registry';
import { ScanCursor, type ScanHost } from './scan';
import { Slab } from './slab';
import type { View } from './view';

const INITIAL_KEY_SCRATCH = 1024;

export class JsEngine implements KernelEngine, ScanHost {
	private readonly cache: BlockCache;
	private readonly files: FileCache;
	private readonly registry: Registry;
	private readonly jobs: JobRunner;
	private readonly blobs: BlobFiles;
	private readonly counters = { blockReads: 0, fileReads: 0, blobReads: 0 };
	/** One for each level. */
	private readonly filterCounters: readonly FilterCounters[] = Array.from({ length: LEVELS }, () => ({
		probes: 0,
		negatives: 0,
		falsePositives: 0,
	}));
	private readonly slab = new Slab();
	private readonly time = new TimeSource();

	/** For reads on the calling thread, one at a time. */
	private readonly blocks: CachedBlocks;
	private readonly lookup: PointLookup;
	private readonly moment = new Moment(this.time);
	private scratch: Buffer = Buffer.allocUnsafeSlow(INITIAL_KEY_SCRATCH + TRAILER_SIZE);
	keyScratch: Buffer = this.scratch.subarray(0, INITIAL_KEY_SCRATCH);

	private readonly scans = new Set<ScanCursor>();
	private readonly pending = new Set<Promise<unknown>>();
	private closed = false;

	constructor(options: EngineOptions, fileSystem: FileSystem, jobMode: JobMode) {
		this.cache = new BlockCache(options.cacheBytes);
		this.files = new FileCache(fileSystem, options.maxOpenFiles ?? DEFAULT_MAX_OPEN_FILES);
		this.registry = new Registry(this.files, this.cache);
		this.blobs = new BlobFiles(this.files);
		this.jobs = new JobRunner(fileSystem, jobMode);
		this.blocks = new CachedBlocks(this.cache, this.counters);
		this.lookup = new PointLookup(this.blocks, this.filterCounters, this.moment);
	}

	createMemtable(id: number, capacity: number): void {
		this.checkOpen();
		this.registry.createMemtable(id, capacity);
	}

	apply(record: Uint8Array, start: number, end: number): void {
		this.checkOpen();
		this.registry.active.apply(record, start, end);
	}

	dropMemtable(id: number): void {
		this.checkOpen();
		this.registry.dropMemtable(id);
	}

	async openTables(specs: TableSpec[]): Promise<void> {
		this.checkOpen();
		await this.track(() => this.registry.openTables(specs, () => this.checkOpen()));
	}

	openTablesSync(specs: TableSpec[]): void {
		this.checkOpen();
		this.registry.openTablesSync(specs);
	}

	dropTables(numbers: number[]): void {
		this.checkOpen();
		this.registry.dropTables(numbers);
	}

	addBlobs(specs: BlobSpec[]): void {
		this.checkOpen();
		this.blobs.add(specs);
	}

	dropBlobs(numbers: number[]): void {
		this.checkOpen();
		this.blobs.remove(numbers);
	}

	installView(memtables: number[], levels: number[][]): void {
		this.checkOpen();
		this.registry.installView(memtables, levels);
	}

	approximateOffset(table: number, key: Uint8Array): number {
		this.checkOpen();
		return this.registry.table(table).approximateOffset(key);
	}

	coveredTables(snapshots: number[]): number[] {
		this.checkOpen();
		return this.registry.view.coveredTables(snapshots);
	}

	setCacheCapacity(bytes: number): void {
		this.checkOpen();
		this.cache.setCapacity(bytes);
	}

	rawBytes(tables: number[], load: boolean): number {
		this.checkOpen();
		return tables.reduce((sum, table) => sum + this.registry.table(table).rawBytes(load), 0);
	}

	setTime(milliseconds: number | undefined): void {
		this.checkOpen();
		this.time.fixed = milliseconds;
	}

	reserveKey(length: number): void {
		if (length <= this.keyScratch.length) return;
		this.scratch = Buffer.allocUnsafeSlow(length + TRAILER_SIZE);
		this.keyScratch = this.scratch.subarray(0, length);
	}

	get(keyLength: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult | Pending {
		this.checkOpen();
		this.moment.reset();
		return this.find(keyLength, sequence, mode, io);
	}

	/** A lookup of the moment that was begun. */
	private find(keyLength: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult | Pending {
		this.begin(keyLength, sequence, io);
		try {
			if (!this.lookup.run()) return undefined;
			if (this.lookup.pointer === undefined || mode === READ_PRESENCE) return this.value(this.lookup, mode);
			return io === IO_NONE ? PENDING : this.separatedValue(this.lookup, mode);
		} catch (error) {
			if (error === this.blocks.miss) return PENDING;
			throw error;
		} finally {
			this.lookup.clear();
		}
	}

	private begin(keyLength: number, sequence: number, io: IoPolicy): void {
		this.blocks.allowIo = io !== IO_NONE;
		this.blocks.fillCache = io === IO_CACHE;
		this.lookup.start(this.registry.view, this.scratch, keyLength, sequence);
	}

	getInto(keyLength: number, sequence: number, target: Uint8Array, io: IoPolicy): number | undefined {
		this.checkOpen();
		this.moment.reset();
		this.begin(keyLength, sequence, io);
		try {
			if (!this.lookup.run()) return undefined;
			if (this.lookup.pointer !== undefined) return copyWhole(this.separatedValue(this.lookup, READ_BUFFER) as Buffer, target);
			const { valueBytes, valueStart, valueEnd } = this.lookup;
			const length = valueEnd - valueStart;
			if (length <= target.length) copyBytes(valueBytes, valueStart, valueEnd, target, 0);
			return length;
		} finally {
			this.lookup.clear();
		}
	}

	async getAsync(keyLength: number, sequence: number, mode: ReadMode, fillCache: boolean): Promise<ReadResult> {
		this.checkOpen();
		const key = Buffer.allocUnsafe(keyLength + TRAILER_SIZE);
		copyBytes(this.scratch, 0, keyLength, key, 0);
		return this.withView(async (view) => {
			const blocks = new CachedBlocks(this.cache, this.counters);
			blocks.fillCache = fillCache;
			const lookup = new PointLookup(blocks, this.filterCounters, new Moment(this.time));
			lookup.start(view, key, keyLength, sequence);
			return this.finishLookup(lookup, blocks, mode);
		});
	}

	getMany(packed: Uint8Array, count: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult[] | Pending {
		this.checkOpen();
		this.moment.reset();
		const results: ReadResult[] = [];
		let at = 0;
		for (let i = 0; i < count; i++) {
			const length = readUint32(packed, at);
			this.reserveKey(length);
			at = copyKey(packed, at, length, this.scratch);
			const result = this.find(length, sequence, mode, io);
			if (result === PENDING) return PENDING;
			results.push(result);
		}
		return results;
	}

	async getManyAsync(
		packed: Uint8Array,
		count: number,
		sequence: number,
		mode: ReadMode,
		fillCache: boolean,
	): Promise<ReadResult[]> {
		this.checkOpen();
		const keys = Buffer.from(packed);
		return this.withView(async (view) => {
			const blocks = new CachedBlocks(this.cache, this.counters);
			blocks.fillCache = fillCache;
			const lookup = new PointLookup(blocks, this.filterCounters, new Moment(this.time));
			const results: ReadResult[] = [];
			let at = 0;
			for (let i = 0; i < count; i++) {
				const length = readUint32(keys, at);
				const key = Buffer.allocUnsafe(length + TRAILER_SIZE);
				at = copyKey(keys, at, length, key);
				lookup.start(view, key, length, sequence);
				results.push(await this.finishLookup(lookup, blocks, mode));
				blocks.unpin();
			}
			return results;
		});
	}

	openCursor(options: CursorOptions): KernelCursor {
		this.checkOpen();
		const blocks = new CachedBlocks(this.cache, this.counters);
		blocks.fillCache = options.fillCache;
		const values = new ScanValues(this.blobs, this.counters);
		const scan = new ScanCursor(this, this.registry.view.retain(), blocks, values, this.time.now(), options);
		this.scans.add(scan);
		return scan;
	}

	setJobRate(bytesPerSecond: number): void {
		this.jobs.setRate(bytesPerSecond);
	}

	flush(job: FlushJob, onProgress?: ProgressListener): RunningJob {
		this.checkOpen();
		const { snapshots, output } = job;
		const memtable = this.registry.memtable(job.memtable);
		const rangeDeletes = memtable.rangeDeletes.all;
		return this.jobs.run({ kind: 'flush', memtable: memtable.share(), rangeDeletes, snapshots, output }, onProgress);
	}

	compact(job: CompactionJob, onProgress?: ProgressListener): RunningJob {
		this.checkOpen();
		const { snapshots, output, lower, upper, cuts = [] } = job;
		const runs = job.runs.map((run) => run.map((number) => this.tableSpec(number)));
		const keepTombstones = job.keepTombstones.map(([start, end]): [Uint8Array, Uint8Array] => [
			Uint8Array.from(start),
			Uint8Array.from(end),
		]);
		const bounds = { lower: lower && Uint8Array.from(lower), upper: upper && Uint8Array.from(upper) };
		const { blobs } = output;
		const isRead = ({ number }: BlobSpec) => blobs?.salvage === true || blobs?.collect.includes(number) === true;
		const read = this.blobs.specs().filter(isRead);
		const request = {
			runs,
			snapshots,
			keepTombstones,
			bounds,
			cuts: cuts.map((cut) => Uint8Array.from(cut)),
			blobs: read,
			output,
		};
		return this.jobs.run({ kind: 'compaction', ...request }, onProgress);
	}

	stats(): KernelStats {
		const { cache, files, registry, counters, filterCounters } = this;
		const sum = (field: keyof FilterCounters) => filterCounters.reduce((total, level) => total + level[field], 0);
		return {
			cacheBytes: cache.bytes,
			cacheCapacity: cache.capacity,
			cacheHits: cache.hits,
			cacheMisses: cache.misses,
			...counters,
			filterProbes: sum('probes'),
			filterNegatives: sum('negatives'),
			filterFalsePositives: sum('falsePositives'),
			...registry.tableStats(),
			openFiles: files.open,
			fileOpens: files.opens,
			fileHits: files.hits,
			...registry.memtableStats(),
		};
	}

	filterStats(): LevelFilterStats[] {
		const { view } = this.registry;
		return this.filterCounters.map((counters, level) => {
			const stats = { tables: 0, unknown: 0, bytes: 0, keys: 0, ...counters };
			for (const { resident } of view.tables(level)) {
				if (resident === undefined) continue;
				const { filter, unknownFilter, properties } = resident;
				if (filter !== undefined) stats.tables++;
				if (unknownFilter) stats.unknown++;
				stats.bytes += filter?.size ?? 0;
				stats.keys += properties.userKeys;
			}
			return stats;
		});
	}

	async close(): Promise<void> {
		if (!this.closed) {
			this.closed = true;
			for (const scan of [...this.scans]) scan.close();
		}
		await this.jobs.close();
		while (this.pending.size > 0) await Promise.allSettled(this.pending);
		this.registry.clear();
		this.blobs.clear();
		this.cache.clear();
	}

	/** For cursors; throws ClosedError when the engine was closed. */
	checkOpen(): void {
		if (this.closed) throw new ClosedError('The kernel engine was closed.');
	}

	/** For cursors: runs work that `close` waits for. */
	async track<T>(work: () => Promise<T>): Promise<T> {
		const running = work();
		this.pending.add(running);
		try {
			return await running;
		} finally {
			this.pending.delete(running);
		}
	}

	/** For cursors. */
	scanClosed(scan: ScanCursor): void {
		this.scans.delete(scan);
	}

	private withView<T>(work: (view: View) => Promise<T>): Promise<T> {
		const view = this.registry.view.retain();
		return this.track(async () => {
			try {
				return await work(view);
			} finally {
				view.release();
			}
		});
	}

	/** Runs a lookup to its end, loading what it misses. */
	private async finishLookup(lookup: PointLookup, blocks: CachedBlocks, mode: ReadMode): Promise<ReadResult> {
		blocks.allowIo = false;
		for (;;) {
			try {
				if (!lookup.run()) return undefined;
				if (lookup.pointer === undefined || mode === READ_PRESENCE) return this.value(lookup, mode);
				break;
			} catch (error) {
				if (error !== blocks.miss) throw error;
			}
			await blocks.load();
			this.checkOpen();
		}
		return this.separatedValueAsync(lookup, mode);
	}

	/** The value of a lookup that has found a pointer. */
	private separatedValue(lookup: PointLookup, mode: ReadMode): ReadResult {
		this.counters.blobReads++;
		try {
			return asResult(this.blobs.read(lookup.pointer as ValuePointer, lookup.owner), mode);
		} catch (error) {
			throw located(error, lookup);
		}
	}

	/** As {@link separatedValue}, off the calling thread. */
	private async separatedValueAsync(lookup: PointLookup, mode: ReadMode): Promise<ReadResult> {
		this.counters.blobReads++;
		try {
			return asResult(await this.blobs.readAsync(lookup.pointer as ValuePointer, lookup.owner), mode);
		} catch (error) {
			throw located(error, lookup);
		}
	}

	private value(lookup: PointLookup, mode: ReadMode): ReadResult {
		const { valueBytes, valueStart, valueEnd } = lookup;
		if (mode === READ_PRESENCE) return true;
		if (mode === READ_UTF8) return valueBytes.toString('utf8', valueStart, valueEnd);
		return this.slab.copy(valueBytes, valueStart, valueEnd);
	}

	private tableSpec(number: number): TableSpec {
		const { path, size } = this.registry.table(number);
		return { number, path, size };
	}
}

/** A value that has memory of its own. */
function asResult(value: Buffer, mode: ReadMode): ReadResult {
	return mode === READ_UTF8 ? value.toString('utf8') : value;
}

/** Damage that is the pointer's own gets the place of the entry. */
function located(error: unknown, { entryPath: path, entryOffset: offset }: PointLookup): unknown {
	return error instanceof CorruptionError && error.path === undefined
		? new CorruptionError(error.message, { path, offset })
		: error;
}

/** Copies the packed key behind the length at `at` and answers the position after it. */
function copyKey(packed: Uint8Array, at: number, length: number, target: Buffer): number {
	const start = at + 4;
	copyBytes(packed, start, start + length, target, 0);
	return start + length;
}

/** Copies a value to the front of `target`, if it fits there whole; returns its length. */
function copyWhole(value: Uint8Array, target: Uint8Array): number {
	if (value.length <= target.length) target.set(value);
	return value.length;
}
