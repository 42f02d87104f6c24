/**
 * The public face of a store: checks what comes in, turns it into one call to the store, and what comes out into what was asked for.
 *
 * A promise form answers from memory without leaving the calling thread, and reads files on another; a `…Sync` form does everything
 * where it is called.
 */
import { throwIfAborted, withSignal } from '../abort';
import { Batch } from '../batch/batch';
import { encodeOperations } from '../batch/operations';
import { ClosedError, ConfigError } from '../errors';
import type { DatabaseEvents, DatabaseStats } from '../introspection';
import { ChunkReader, type ReaderShape } from '../iterator/chunk-reader';
import { DatabaseIterator } from '../iterator/iterator';
import { type HalfOpenRange, halfOpenRange } from '../iterator/range';
import { type CursorOptions, READ_PRESENCE, type ReadMode, type ReadResult } from '../kernel/kernel';
import type { KernelChoice } from '../kernel/load';
import { destroyStore } from '../maintenance/destroy';
import type { RepairReport } from '../maintenance/repair';
import type { TableMetadata } from '../manifest/table-metadata';
import {
	checkClearOptions,
	checkIteratorOptions,
	checkRangeOptions,
	durabilityOf,
	encodingOf,
	expiryOf,
	fillCacheOf,
	putDurabilityOf,
	readModeOf,
} from '../options/calls';
import { Snapshot } from '../snapshot/snapshot';
import { describe } from '../store/describe';
import type { Store } from '../store/store';
import type {
	BatchOperation,
	Bytes,
	CallOptions,
	ClearOptions,
	DatabaseStatus,
	Decoded,
	Durability,
	Encoding,
	IteratorOptions,
	OpenOptions,
	PutOptions,
	RangeOptions,
	ReadOptions,
	WriteOptions,
} from '../types';
import type { BatchEncoder } from '../wal/batch-encoder';
import { clearEntries } from './clear';
import { Latencies } from './latencies';
import { openStore } from './open';

/** The encoding of a read: its own, else that of the database. */
type EncodingOf<O, E extends Encoding> = O extends { encoding: infer Own extends Encoding } ? Own : E;
/** The type of a value that a read returns. */
type ValueOf<O, E extends Encoding> = Decoded<EncodingOf<O, E>>;
/** The type of one part of an iterator's entries. */
type PartOf<O, Part extends 'keys' | 'values', E extends Encoding> = O extends { [P in Part]: false } ? undefined : ValueOf<O, E>;

/** What a cursor reads, besides its range and moment. */
type CursorParts = Pick<CursorOptions, 'reverse' | 'keys' | 'values' | 'fillCache'>;

/** An open store. E is the encoding of keys and values that come out. */
export class Database<E extends Encoding = 'buffer'> {
	readonly #store: Store;
	readonly #encoding: Encoding;
	readonly #latencies: Latencies | undefined;
	#status: DatabaseStatus = 'open';
	#closing: Promise<void> | undefined;

	/** @internal */
	constructor(store: Store, { encoding = 'buffer', latencyStats = false }: OpenOptions) {
		this.#store = store;
		this.#encoding = encoding;
		if (latencyStats) this.#latencies = new Latencies(store.environment.clock);
		this.#latencies?.wrap(this);
	}

	/**
	 * Opens the store in a directory, making it when it is missing, and recovers what an earlier process left.
	 * @throws ConfigError for options, LockedError when another `Database` has it open, CorruptionError for damaged files,
	 * IOError when the operating system refuses.
	 */
	static async open<E extends Encoding = 'buffer'>(path: string, options: OpenOptions<E> = {}): Promise<Database<E>> {
		return new Database<E>(await openStore(path, options), options);
	}

	/**
	 * Removes the store in a directory: its own files, and the directories that are empty then. Files with other names stay; a path that
	 * does not exist is no error.
	 * @throws LockedError when the store is open: nothing was removed. IOError when a file cannot be removed: call again.
	 */
	static destroy(path: string): Promise<void> {
		return destroyStore(path);
	}

	/**
	 * Makes a damaged store, which is not open, openable again out of the tables and logs that can be read, and tells what could not be;
	 * damaged files move to the directory `lost`. All tables are written anew, which needs as much free space as they take. Where a
	 * table is lost, older versions of its keys show again.
	 * @throws NotFoundError when there is no file of a store, LockedError when it is open. IOError when the disk fails or is full: nothing is
	 * lost by that, call again.
	 */
	static async repair(path: string, options: { kernel?: KernelChoice } = {}): Promise<RepairReport> {
		// Loaded when it is needed, which is seldom.
		const { repairStore } = await import('../maintenance/repair.js');
		return repairStore(path, options);
	}

	/** The directory, as an absolute path. */
	get path(): string {
		return this.#store.path;
	}

	get status(): DatabaseStatus {
		return this.#status;
	}

	/** The kernel that runs the store. */
	get kernel(): 'native' | 'js' {
		return this.#store.kernelName;
	}

	/** Stores a value under a key. With `ttl` it is gone after so many milliseconds, for every reader, and leaves the disk with compaction. */
	async put(key: Bytes, value: Bytes, options?: PutOptions): Promise<void> {
		const durability = putDurabilityOf(options, this.#store.options.sync);
		const expiresAt = this.expiresAt(options?.ttl);
		await this.#add((encoder) => encoder.put(key, value, expiresAt), durability, options?.signal);
		this.#store.counters.puts++;
	}

	/**
	 * As {@link put}, on the calling thread, with its fsync. When memory is full of frozen memtables it waits there for the flush of the
	 * oldest.
	 * @throws IOError when that flush fails: nothing was written, and a later call tries again.
	 */
	putSync(key: Bytes, value: Bytes, options?: PutOptions): void {
		const durability = putDurabilityOf(options, this.#store.options.sync);
		const expiresAt = this.expiresAt(options?.ttl);
		this.#checkOpen();
		this.#store.commits.addSync((encoder) => encoder.put(key, value, expiresAt), durability);
		this.#store.counters.puts++;
	}

	/** Removes a key; one that is missing is no error. */
	async delete(key: Bytes, options?: WriteOptions): Promise<void> {
		await this.#write((encoder) => encoder.delete(key), options);
		this.#store.counters.deletes++;
	}

	/** As {@link delete}, on the calling thread, with its fsync. */
	deleteSync(key: Bytes, options?: WriteOptions): void {
		this.#writeSync((encoder) => encoder.delete(key), options);
		this.#store.counters.deletes++;
	}

	/**
	 * Removes all keys of a range (no bounds: all keys) with one record, however many there are: all or none, also after a crash. An empty
	 * range is no error. Snapshots and iterators that are open keep what they see. Space is freed by compactions; tables that hold nothing
	 * else are dropped without being read.
	 */
	async deleteRange(range: RangeOptions, options?: WriteOptions): Promise<void> {
		const { lower, upper } = deletedRange(range);
		await this.#write((encoder) => encoder.deleteRange(lower, upper), options);
		this.#store.counters.deletes++;
	}

	/** As {@link deleteRange}, on the calling thread, with its fsync. */
	deleteRangeSync(range: RangeOptions, options?: WriteOptions): void {
		const { lower, upper } = deletedRange(range);
		this.#writeSync((encoder) => encoder.deleteRange(lower, upper), options);
		this.#store.counters.deletes++;
	}

	/** Starts a batch of puts and deletes that are written together. */
	batch(): Batch;
	/** Writes operations together: all or none, also after a crash. */
	batch(operations: readonly BatchOperation[], options?: WriteOptions): Promise<void>;
	batch(operations?: readonly BatchOperation[], options?: WriteOptions): Batch | Promise<void> {
		if (operations !== undefined) return this.#batch(operations, options);
		this.#checkOpen();
		return new Batch({
			writeBatch: (encoder, writeOptions) => this.writeBatch((group) => group.take(encoder), writeOptions),
			writeBatchSync: (encoder, writeOptions) => this.writeBatchSync((group) => group.take(encoder), writeOptions),
			expiresAt: (ttl) => this.expiresAt(ttl),
		});
	}

	/** Writes operations together, on the calling thread, with their fsync. */
	batchSync(operations: readonly BatchOperation[], options?: WriteOptions): void {
		checkOperations(operations);
		this.writeBatchSync((encoder) => encodeOperations(encoder, operations, (ttl) => this.expiresAt(ttl)), options);
	}

	/** The value under a key, or `undefined` when there is none. */
	async get<const O extends ReadOptions = object>(key: Bytes, options?: O): Promise<ValueOf<O, E> | undefined> {
		const result = this.#read(key, readModeOf(options, this.#encoding), options);
		return (result instanceof Promise ? await result : result) as ValueOf<O, E> | undefined;
	}

	/** As {@link get}; reads files on the calling thread. */
	getSync<const O extends ReadOptions = object>(key: Bytes, options?: O): ValueOf<O, E> | undefined {
		this.#checkOpen();
		const mode = readModeOf(options, this.#encoding);
		return this.#store.reader.getSync(key, this.#sequence(options?.snapshot), mode, fillCacheOf(options)) as
			| ValueOf<O, E>
			| undefined;
	}

	/**
	 * Copies the value under a key to the front of `target`, which makes no garbage; reads files on the calling thread.
	 * @returns length of the value in bytes. If it is more than `target` has, nothing was copied: call again with a larger one. `undefined` when
	 * there is no value.
	 */
	getIntoSync(key: Bytes, target: Uint8Array, options?: Omit<ReadOptions, 'encoding'>): number | undefined {
		this.#checkOpen();
		readModeOf(options, this.#encoding);
		checkTarget(target);
		return this.#store.reader.getIntoSync(key, target, this.#sequence(options?.snapshot), fillCacheOf(options));
	}

	/** Is there a value under a key? */
	async has(key: Bytes, options?: ReadOptions): Promise<boolean> {
		readModeOf(options, this.#encoding);
		const result = this.#read(key, READ_PRESENCE, options);
		return (result instanceof Promise ? await result : result) === true;
	}

	/** As {@link has}; reads files on the calling thread. */
	hasSync(key: Bytes, options?: ReadOptions): boolean {
		this.#checkOpen();
		readModeOf(options, this.#encoding);
		return this.#store.reader.getSync(key, this.#sequence(options?.snapshot), READ_PRESENCE, fillCacheOf(options)) === true;
	}

	/** The values under many keys, all of one moment, in the order of the keys. */
	async getMany<const O extends ReadOptions = object>(
		keys: readonly Bytes[],
		options?: O,
	): Promise<(ValueOf<O, E> | undefined)[]> {
		const values = await this.#readMany(keys, readModeOf(options, this.#encoding), options);
		return values as (ValueOf<O, E> | undefined)[];
	}

	/** As {@link getMany}; reads files on the calling thread. */
	getManySync<const O extends ReadOptions = object>(keys: readonly Bytes[], options?: O): (ValueOf<O, E> | undefined)[] {
		return this.#readManySync(keys, readModeOf(options, this.#encoding), options) as (ValueOf<O, E> | undefined)[];
	}

	/** Is there a value under each key? All of one moment, in the order of the keys. */
	async hasMany(keys: readonly Bytes[], options?: ReadOptions): Promise<boolean[]> {
		readModeOf(options, this.#encoding);
		return (await this.#readMany(keys, READ_PRESENCE, options)).map((found) => found === true);
	}

	/** As {@link hasMany}; reads files on the calling thread. */
	hasManySync(keys: readonly Bytes[], options?: ReadOptions): boolean[] {
		readModeOf(options, this.#encoding);
		return this.#readManySync(keys, READ_PRESENCE, options).map((found) => found === true);
	}

	/** Iterates over a range as it is now (or was, with a snapshot). Close it when done; loops do so themselves. */
	iterator<const O extends IteratorOptions = object>(
		options?: O,
	): DatabaseIterator<PartOf<O, 'keys', E>, PartOf<O, 'values', E>> {
		this.#checkOpen();
		const given: IteratorOptions = options ?? {};
		checkIteratorOptions(given);
		throwIfAborted(given.signal);
		const { keys = true, values = true, reverse = false, limit = Number.POSITIVE_INFINITY, signal } = given;
		const parts = { reverse, keys, values, fillCache: fillCacheOf(given) };
		const encoding = encodingOf(given, this.#encoding);
		const shape = { keyEncoding: encoding, valueEncoding: encoding, limit };
		const reader = this.openReader(halfOpenRange(given), parts, shape, given.snapshot);
		return new DatabaseIterator(reader, { keys, values, signal });
	}

	/** @internal What iterators are made of: entries in packed chunks. */
	openReader(
		{ lower, upper }: HalfOpenRange,
		parts: CursorParts,
		shape: ReaderShape,
		snapshot: Snapshot | undefined,
	): ChunkReader {
		this.#checkOpen();
		const { reverse, keys, values, fillCache } = parts;
		const sequence = this.#sequence(snapshot);
		// A literal, as an object spread takes Node.js 20 over 2 µs.
		const handle = this.#store.openCursor({ sequence, lower, upper, reverse, keys, values, fillCache });
		return new ChunkReader(handle, this.#store.cursors, shape);
	}

	/**
	 * Deletes the entries of a range (default: all), as {@link deleteRange}. With `limit`, `reverse` or `snapshot` the keys are read and
	 * deleted in batches of about 1 MiB of keys: a range that fits one goes at once or not at all, a larger one batch by batch, and a signal
	 * ends it between two batches.
	 */
	async clear(options: ClearOptions = {}): Promise<void> {
		const durability = checkClearOptions(options, this.#store.options.sync);
		throwIfAborted(options.signal);
		const { reverse = false, limit = Number.POSITIVE_INFINITY, snapshot, sync, signal } = options;
		if (!reverse && limit === Number.POSITIVE_INFINITY && snapshot === undefined) {
			const { gt, gte, lt, lte, prefix } = options;
			return this.deleteRange({ gt, gte, lt, lte, prefix }, { sync, signal });
		}
		const parts = { reverse, keys: true, values: false, fillCache: false };
		const shape = { keyEncoding: 'buffer', valueEncoding: 'buffer', limit } as const;
		const reader = this.openReader(halfOpenRange(options), parts, shape, snapshot);
		await clearEntries(reader, this.#store.commits, durability, signal);
	}

	/** About how many bytes the entries of a range (default: all) take in tables; what is still in memory does not count. */
	approximateSize(range: RangeOptions = {}): number {
		this.#checkOpen();
		checkRangeOptions(range);
		return this.#store.approximateSize(halfOpenRange(range));
	}

	/** The store as it is now, to read at later. Close it when done: it keeps old versions on disk. */
	snapshot(): Snapshot {
		this.#checkOpen();
		return new Snapshot(this.#store.snapshots, this.#store.sequence);
	}

	/** Writes what is in memory to tables; resolves when they are durable and in the manifest. */
	async flush(options?: CallOptions): Promise<void> {
		throwIfAborted(options?.signal);
		this.#checkOpen();
		await withSignal(this.#store.flush(), options?.signal);
	}

	/**
	 * Merges all tables that overlap a range (default: all) into one level, dropping overwritten and deleted entries that no snapshot
	 * sees. Needs as much free space as these tables take.
	 */
	async compact(range: RangeOptions & CallOptions = {}): Promise<void> {
		const { signal, ...bounds } = range;
		throwIfAborted(signal);
		this.#checkOpen();
		checkRangeOptions(bounds);
		await withSignal(this.#store.compact(halfOpenRange(bounds)), signal);
	}

	/** No further compaction begins until {@link resumeCompactions}; those in flight go on, and so do flushes. */
	pauseCompactions(): void {
		this.#checkOpen();
		this.#store.compactor.pause();
	}

	/** Compactions begin again. */
	resumeCompactions(): void {
		this.#checkOpen();
		this.#store.compactor.resume();
	}

	/** The shape of the tree, counters and sizes. */
	stats(): DatabaseStats {
		this.#checkOpen();
		return { ...this.#store.stats(), latencies: this.#latencies?.stats() };
	}

	/** @internal The tables of each level. */
	tables(): readonly (readonly TableMetadata[])[] {
		this.#checkOpen();
		return this.#store.versions.current.levels;
	}

	/** The tree and its jobs drawn in text, for people; its form may change. */
	describe(): string {
		return describe(this.stats());
	}

	/** Calls `listener` at each event from now on. */
	on<N extends keyof DatabaseEvents>(event: N, listener: (detail: DatabaseEvents[N]) => void): this {
		this.#store.events.on(event, listener);
		return this;
	}

	/** Calls `listener` at the next event. */
	once<N extends keyof DatabaseEvents>(event: N, listener: (detail: DatabaseEvents[N]) => void): this {
		this.#store.events.once(event, listener);
		return this;
	}

	/** Takes a listener off. */
	off<N extends keyof DatabaseEvents>(event: N, listener: (detail: DatabaseEvents[N]) => void): this {
		this.#store.events.off(event, listener);
		return this;
	}

	/**
	 * Waits for writes and reads in flight, makes the log durable, stops background jobs, and lets go of the directory. Idempotent.
	 * @throws IOError when the last fsync failed; the directory is let go nevertheless.
	 */
	close(): Promise<void> {
		if (this.#closing === undefined) {
			this.#status = 'closing';
			this.#closing = this.#store.close().finally(() => {
				this.#status = 'closed';
			});
		}
		return this.#closing;
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}

	async #batch(operations: readonly BatchOperation[], options: WriteOptions | undefined): Promise<void> {
		checkOperations(operations);
		await this.writeBatch((encoder) => encodeOperations(encoder, operations, (ttl) => this.expiresAt(ttl)), options);
	}

	/** @internal When an entry that is put now expires, in milliseconds since the epoch; undefined without a ttl. */
	expiresAt(ttl: number | undefined): number | undefined {
		return expiryOf(ttl, this.#store.environment.clock);
	}

	/** @internal Writes what `encode` adds: all or, when it throws, nothing. */
	async writeBatch(encode: (encoder: BatchEncoder) => void, options: WriteOptions | undefined): Promise<void> {
		await this.#write(encode, options);
		this.#store.counters.batches++;
	}

	/** @internal As {@link writeBatch}, on the calling thread. */
	writeBatchSync(encode: (encoder: BatchEncoder) => void, options: WriteOptions | undefined): void {
		this.#writeSync(encode, options);
		this.#store.counters.batches++;
	}

	async #write(encode: (encoder: BatchEncoder) => void, options: WriteOptions | undefined): Promise<void> {
		return this.#add(encode, durabilityOf(options, this.#store.options.sync), options?.signal);
	}

	async #add(encode: (encoder: BatchEncoder) => void, durability: Durability, signal: AbortSignal | undefined): Promise<void> {
		throwIfAborted(signal);
		this.#checkOpen();
		return withSignal(this.#store.commits.add(encode, durability), signal);
	}

	#writeSync(encode: (encoder: BatchEncoder) => void, options: WriteOptions | undefined): void {
		this.#checkOpen();
		this.#store.commits.addSync(encode, durabilityOf(options, this.#store.options.sync));
	}

	/** No promise when the answer is in memory: one less to wait for. */
	#read(key: Bytes, mode: ReadMode, options: ReadOptions | undefined): unknown {
		throwIfAborted(options?.signal);
		this.#checkOpen();
		const result = this.#store.reader.get(key, this.#sequence(options?.snapshot), mode, fillCacheOf(options));
		return result instanceof Promise ? withSignal(result, options?.signal) : result;
	}

	async #readMany(keys: readonly Bytes[], mode: ReadMode, options: ReadOptions | undefined): Promise<ReadResult[]> {
		throwIfAborted(options?.signal);
		this.#checkOpen();
		checkKeys(keys);
		const result = this.#store.reader.getMany(keys, this.#sequence(options?.snapshot), mode, fillCacheOf(options));
		return withSignal(result, options?.signal);
	}

	#readManySync(keys: readonly Bytes[], mode: ReadMode, options: ReadOptions | undefined): ReadResult[] {
		this.#checkOpen();
		checkKeys(keys);
		return this.#store.reader.getManySync(keys, this.#sequence(options?.snapshot), mode, fillCacheOf(options));
	}

	#sequence(snapshot: Snapshot | undefined): number {
		if (snapshot === undefined) return this.#store.sequence;
		if (!(snapshot instanceof Snapshot)) throw new ConfigError("Option 'snapshot' takes what database.snapshot() returned.");
		return snapshot.sequenceFor(this.#store.snapshots);
	}

	#checkOpen(): void {
		if (this.#status === 'open') return;
		throw new ClosedError(`The database at ${this.path} is ${this.#status}.`, { path: this.path });
	}
}

const FIRST_KEY = new Uint8Array(0);

function deletedRange(range: RangeOptions): { lower: Uint8Array; upper: Uint8Array | undefined } {
	checkRangeOptions(range);
	const { lower = FIRST_KEY, upper } = halfOpenRange(range);
	return { lower, upper };
}

function checkOperations(operations: unknown): asserts operations is readonly BatchOperation[] {
	if (!Array.isArray(operations)) throw new ConfigError('batch takes an array of operations.');
}

function checkTarget(target: unknown): asserts target is Uint8Array {
	if (!(target instanceof Uint8Array)) throw new ConfigError('getIntoSync takes a Buffer or Uint8Array to copy the value to.');
}

function checkKeys(keys: unknown): asserts keys is readonly Bytes[] {
	if (!Array.isArray(keys)) throw new ConfigError('getMany takes an array of keys.');
}
