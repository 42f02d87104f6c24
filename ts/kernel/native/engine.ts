/** The state of one store in the native addon, behind the kernel interface. */
import { markAsUntransferable } from 'node:worker_threads';
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
	PENDING,
	type Pending,
	type ProgressListener,
	READ_BUFFER,
	READ_UTF8,
	type ReadMode,
	type ReadResult,
	type RunningJob,
	type TableSpec,
	type TableSummary,
} from '../kernel';
import { MISSING, type NativeAddon, type NativeEngineFunctions, type NativeJob } from './addon';
import { NativeCursor } from './cursor';
import { call, fromNative, typed } from './errors';
import { unpackMany } from './many';
import { Slab } from './slab';

const FIRST_KEY_BYTES = 4096;

export class NativeEngine implements KernelEngine {
	readonly #functions: NativeEngineFunctions;
	readonly #slab: Slab;
	readonly #jobs = new Set<Promise<unknown>>();
	keyScratch: Buffer;

	constructor(addon: NativeAddon, options: EngineOptions) {
		this.keyScratch = privateBuffer(FIRST_KEY_BYTES);
		this.#slab = new Slab((bytes) => this.#functions.setSlab(bytes));
		const { cacheBytes, maxOpenFiles = DEFAULT_MAX_OPEN_FILES } = options;
		this.#functions = call(() => addon.createEngine(cacheBytes, maxOpenFiles, this.keyScratch, this.#slab.bytes));
	}

	createMemtable(id: number, capacity: number): void {
		call(() => this.#functions.createMemtable(id, capacity));
	}

	apply(record: Uint8Array, start: number, end: number): void {
		try {
			this.#functions.apply(record, start, end);
		} catch (thrown) {
			throw fromNative(thrown);
		}
	}

	dropMemtable(id: number): void {
		call(() => this.#functions.dropMemtable(id));
	}

	async openTables(specs: TableSpec[]): Promise<void> {
		await typed(call(() => this.#functions.openTables(specs)));
	}

	openTablesSync(specs: TableSpec[]): void {
		call(() => this.#functions.openTablesSync(specs));
	}

	dropTables(numbers: number[]): void {
		call(() => this.#functions.dropTables(numbers));
	}

	addBlobs(specs: BlobSpec[]): void {
		call(() => this.#functions.addBlobs(specs));
	}

	dropBlobs(numbers: number[]): void {
		call(() => this.#functions.dropBlobs(numbers));
	}

	installView(memtables: number[], levels: number[][]): void {
		call(() => this.#functions.installView(memtables, levels));
	}

	approximateOffset(table: number, key: Uint8Array): number {
		return call(() => this.#functions.approximateOffset(table, key));
	}

	setCacheCapacity(bytes: number): void {
		call(() => this.#functions.setCacheCapacity(bytes));
	}

	rawBytes(tables: number[], load: boolean): number {
		return call(() => this.#functions.rawBytes(tables, load));
	}

	coveredTables(snapshots: number[]): number[] {
		return call(() => this.#functions.coveredTables(snapshots));
	}

	setTime(milliseconds: number | undefined): void {
		call(() => this.#functions.setTime(milliseconds));
	}

	reserveKey(length: number): void {
		if (length <= this.keyScratch.length) return;
		this.keyScratch = privateBuffer(Math.max(length, 2 * this.keyScratch.length));
		call(() => this.#functions.setKeys(this.keyScratch));
	}

	get(keyLength: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult | Pending {
		try {
			if (mode === READ_BUFFER) return this.#getBuffer(keyLength, sequence, io);
			if (mode === READ_UTF8) {
				const text = this.#functions.getString(keyLength, sequence, io);
				return typeof text === 'number' ? PENDING : text;
			}
			const answer = this.#functions.has(keyLength, sequence, io);
			return answer === 0 ? true : answer === MISSING ? undefined : PENDING;
		} catch (thrown) {
			throw fromNative(thrown);
		}
	}

	#getBuffer(keyLength: number, sequence: number, io: IoPolicy): Buffer | undefined | Pending {
		const found = this.#functions.get(keyLength, sequence, io, this.#slab.offset());
		if (typeof found !== 'number') return found;
		if (found >= 0) return this.#slab.take(found);
		return found === MISSING ? undefined : PENDING;
	}

	getInto(keyLength: number, sequence: number, target: Uint8Array, io: IoPolicy): number | undefined {
		try {
			const length = this.#functions.getInto(keyLength, sequence, io, target);
			return length === MISSING ? undefined : length;
		} catch (thrown) {
			throw fromNative(thrown);
		}
	}

	async getAsync(keyLength: number, sequence: number, mode: ReadMode, fillCache: boolean): Promise<ReadResult> {
		return typed(call(() => this.#functions.getAsync(keyLength, sequence, mode, fillCache)));
	}

	getMany(packed: Uint8Array, count: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult[] | Pending {
		const lengths = new Uint32Array(count);
		const values = call(() => this.#functions.getMany(packed, count, sequence, mode, io, lengths));
		return typeof values === 'number' ? PENDING : unpackMany(lengths, values, mode);
	}

	async getManyAsync(
		packed: Uint8Array,
		count: number,
		sequence: number,
		mode: ReadMode,
		fillCache: boolean,
	): Promise<ReadResult[]> {
		const reading = call(() => this.#functions.getManyAsync(packed, count, sequence, mode, fillCache));
		const { values, lengths } = await typed(reading);
		const copy = new Uint32Array(count);
		new Uint8Array(copy.buffer).set(lengths);
		return unpackMany(copy, values, mode);
	}

	openCursor(options: CursorOptions): KernelCursor {
		return new NativeCursor(this.#functions, options);
	}

	setJobRate(bytesPerSecond: number): void {
		call(() => this.#functions.setJobRate(bytesPerSecond));
	}

	flush(job: FlushJob, onProgress?: ProgressListener): RunningJob {
		return this.#track(call(() => this.#functions.flush(job, onProgress)));
	}

	compact(job: CompactionJob, onProgress?: ProgressListener): RunningJob {
		return this.#track(call(() => this.#functions.compact(job, onProgress)));
	}

	stats(): KernelStats {
		return call(() => this.#functions.stats());
	}

	filterStats(): LevelFilterStats[] {
		return call(() => this.#functions.filterStats());
	}

	async close(): Promise<void> {
		this.#functions.cancelJobs();
		await Promise.allSettled(this.#jobs);
		this.#functions.close();
	}

	#track(job: NativeJob): RunningJob {
		const done = typed(job.done).then((tables) => tables.map(withPlainKeys));
		const forget = (): void => {
			this.#jobs.delete(done);
		};
		this.#jobs.add(done);
		done.then(forget, forget);
		return { done, waitSync: () => call(() => job.wait()).map(withPlainKeys), cancel: () => job.cancel() };
	}
}

/** The addon makes Buffers; a summary has plain arrays, on either kernel. */
function withPlainKeys(table: TableSummary): TableSummary {
	return { ...table, smallestKey: new Uint8Array(table.smallestKey), largestKey: new Uint8Array(table.largestKey) };
}

/** Memory that both sides know, and that nobody else can take away. */
function privateBuffer(length: number): Buffer {
	const memory = new ArrayBuffer(length);
	markAsUntransferable(memory);
	return Buffer.from(memory);
}
