/**
 * The TypeScript engine: memtables, tables, cache, reads and jobs of one database, behind {@link KernelEngine}.
 *
 * Invariant: after `close` every call throws ClosedError; `close` waits for asynchronous reads and jobs.
 */
import { ClosedError } from '../../errors';
import type { FileSystem } from '../../fs/file-system';
import {
	type BlobSpec,
	type CompactionJob,
	type CursorOptions,
	DEFAULT_MAX_OPEN_FILES,
	type EngineOptions,
	type FlushJob,
	type IoPolicy,
	type KernelCursor,
	type KernelEngine,
	type KernelStats,
	type LevelFilterStats,
	type Pending,
	type ProgressListener,
	type ReadMode,
	type ReadResult,
	type RunningJob,
	type TableSpec,
} from '../kernel';
import { BlobFiles } from './blob/files';
import { ScanValues } from './blob/scan-values';
import { CachedBlocks } from './block-source';
import { BlockCache } from './cache';
import { TimeSource } from './expiry';
import { FileCache } from './file-cache';
import { type JobMode, JobRunner } from './job/runner';
import type { FilterCounters } from './point-lookup';
import { PointReads, type ReadHost } from './point-reads';
import { Registry } from './registry';
import { ScanCursor, type ScanHost } from './scan';

export class JsEngine implements KernelEngine, ReadHost, ScanHost {
	readonly cache: BlockCache;
	private readonly files: FileCache;
	readonly registry: Registry;
	private readonly jobs: JobRunner;
	readonly blobs: BlobFiles;
	readonly counters = { blockReads: 0, fileReads: 0, blobReads: 0 };
	readonly time = new TimeSource();
	private readonly reads: PointReads;

	private readonly scans = new Set<ScanCursor>();
	private readonly pending = new Set<Promise<unknown>>();
	private closed = false;

	constructor(options: EngineOptions, fileSystem: FileSystem, jobMode: JobMode) {
		this.cache = new BlockCache(options.cacheBytes);
		this.files = new FileCache(fileSystem, options.maxOpenFiles ?? DEFAULT_MAX_OPEN_FILES);
		this.registry = new Registry(this.files, this.cache);
		this.blobs = new BlobFiles(this.files);
		this.jobs = new JobRunner(fileSystem, jobMode, this.cache);
		this.reads = new PointReads(this);
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

	get keyScratch(): Buffer {
		return this.reads.keyScratch;
	}

	reserveKey(length: number): void {
		this.reads.reserveKey(length);
	}

	get(keyLength: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult | Pending {
		this.checkOpen();
		return this.reads.get(keyLength, sequence, mode, io);
	}

	getInto(keyLength: number, sequence: number, target: Uint8Array, io: IoPolicy): number | undefined {
		this.checkOpen();
		return this.reads.getInto(keyLength, sequence, target, io);
	}

	async getAsync(keyLength: number, sequence: number, mode: ReadMode, fillCache: boolean): Promise<ReadResult> {
		this.checkOpen();
		return this.reads.getAsync(keyLength, sequence, mode, fillCache);
	}

	getMany(packed: Uint8Array, count: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult[] | Pending {
		this.checkOpen();
		return this.reads.getMany(packed, count, sequence, mode, io);
	}

	async getManyAsync(
		packed: Uint8Array,
		count: number,
		sequence: number,
		mode: ReadMode,
		fillCache: boolean,
	): Promise<ReadResult[]> {
		this.checkOpen();
		return this.reads.getManyAsync(packed, count, sequence, mode, fillCache);
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
			cached: job.runs.flat().map((number) => [number, this.cache.positions(number)] as const),
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
		const { cache, files, registry, counters } = this;
		const { filterCounters } = this.reads;
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
		return this.reads.filterCounters.map((counters, level) => {
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

	/** For reads and cursors; throws ClosedError when the engine was closed. */
	checkOpen(): void {
		if (this.closed) throw new ClosedError('The kernel engine was closed.');
	}

	/** For reads and cursors: runs work that `close` waits for. */
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

	private tableSpec(number: number): TableSpec {
		const { path, size } = this.registry.table(number);
		return { number, path, size };
	}
}
