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
import { DatabaseIterator } from '../iterator/iterator';
import { halfOpenRange } from '../iterator/range';
import { READ_PRESENCE, type ReadMode } from '../kernel/kernel';
import { checkIteratorOptions, checkRangeOptions, durabilityOf, encodingOf, readModeOf } from '../options/calls';
import { Snapshot } from '../snapshot/snapshot';
import type { Store } from '../store/store';
import type {
	BatchOperation,
	Bytes,
	CallOptions,
	DatabaseEvents,
	DatabaseStats,
	DatabaseStatus,
	Decoded,
	Encoding,
	IteratorOptions,
	OpenOptions,
	RangeOptions,
	ReadOptions,
	WriteOptions,
} from '../types';
import type { BatchEncoder } from '../wal/batch-encoder';
import { openStore } from './open';

/** The encoding of a read: its own, else that of the database. */
type EncodingOf<O, E extends Encoding> = O extends { encoding: infer Own extends Encoding } ? Own : E;
/** The type of a value that a read returns. */
type ValueOf<O, E extends Encoding> = Decoded<EncodingOf<O, E>>;
/** The type of one part of an iterator's entries. */
type PartOf<O, Part extends 'keys' | 'values', E extends Encoding> = O extends { [P in Part]: false } ? undefined : ValueOf<O, E>;

/** An open store. E is the encoding of keys and values that come out. */
export class Database<E extends Encoding = 'buffer'> {
	readonly #store: Store;
	readonly #encoding: Encoding;
	#status: DatabaseStatus = 'open';
	#closing: Promise<void> | undefined;

	private constructor(store: Store, encoding: Encoding) {
		this.#store = store;
		this.#encoding = encoding;
	}

	/**
	 * Opens the store in a directory, making it when it is missing, and recovers what an earlier process left.
	 * @throws ConfigError for options, LockedError when another `Database` has it open, CorruptionError for damaged files,
	 * IOError when the operating system refuses.
	 */
	static async open<E extends Encoding = 'buffer'>(path: string, options: OpenOptions<E> = {}): Promise<Database<E>> {
		return new Database<E>(await openStore(path, options), options.encoding ?? 'buffer');
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

	/** Stores a value under a key. */
	async put(key: Bytes, value: Bytes, options?: WriteOptions): Promise<void> {
		await this.#write((encoder) => encoder.put(key, value), options);
		this.#store.counters.puts++;
	}

	/** As {@link put}, on the calling thread, with its fsync. */
	putSync(key: Bytes, value: Bytes, options?: WriteOptions): void {
		this.#writeSync((encoder) => encoder.put(key, value), options);
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

	/** Starts a batch of puts and deletes that are written together. */
	batch(): Batch;
	/** Writes operations together: all or none, also after a crash. */
	batch(operations: readonly BatchOperation[], options?: WriteOptions): Promise<void>;
	batch(operations?: readonly BatchOperation[], options?: WriteOptions): Batch | Promise<void> {
		if (operations !== undefined) return this.#batch(operations, options);
		this.#checkOpen();
		return new Batch({
			writeBatch: async (encoder, writeOptions) => {
				await this.#write((group) => group.append(encoder), writeOptions);
				this.#store.counters.batches++;
			},
			writeBatchSync: (encoder, writeOptions) => {
				this.#writeSync((group) => group.append(encoder), writeOptions);
				this.#store.counters.batches++;
			},
		});
	}

	/** Writes operations together, on the calling thread, with their fsync. */
	batchSync(operations: readonly BatchOperation[], options?: WriteOptions): void {
		checkOperations(operations);
		this.#writeSync((encoder) => encodeOperations(encoder, operations), options);
		this.#store.counters.batches++;
	}

	/** The value under a key, or `undefined` when there is none. */
	async get<const O extends ReadOptions = object>(key: Bytes, options?: O): Promise<ValueOf<O, E> | undefined> {
		return this.#read(key, readModeOf(options, this.#encoding), options) as Promise<ValueOf<O, E> | undefined>;
	}

	/** As {@link get}; reads files on the calling thread. */
	getSync<const O extends ReadOptions = object>(key: Bytes, options?: O): ValueOf<O, E> | undefined {
		this.#checkOpen();
		const mode = readModeOf(options, this.#encoding);
		return this.#store.reader.getSync(key, this.#sequence(options), mode) as ValueOf<O, E> | undefined;
	}

	/** Is there a value under a key? */
	async has(key: Bytes, options?: ReadOptions): Promise<boolean> {
		readModeOf(options, this.#encoding);
		return (await this.#read(key, READ_PRESENCE, options)) === true;
	}

	/** As {@link has}; reads files on the calling thread. */
	hasSync(key: Bytes, options?: ReadOptions): boolean {
		this.#checkOpen();
		readModeOf(options, this.#encoding);
		return this.#store.reader.getSync(key, this.#sequence(options), READ_PRESENCE) === true;
	}

	/** The values under many keys, all of one moment, in the order of the keys. */
	async getMany<const O extends ReadOptions = object>(
		keys: readonly Bytes[],
		options?: O,
	): Promise<(ValueOf<O, E> | undefined)[]> {
		throwIfAborted(options?.signal);
		this.#checkOpen();
		checkKeys(keys);
		const mode = readModeOf(options, this.#encoding);
		const result = this.#store.reader.getMany(keys, this.#sequence(options), mode);
		return withSignal(result, options?.signal) as Promise<(ValueOf<O, E> | undefined)[]>;
	}

	/** As {@link getMany}; reads files on the calling thread. */
	getManySync<const O extends ReadOptions = object>(keys: readonly Bytes[], options?: O): (ValueOf<O, E> | undefined)[] {
		this.#checkOpen();
		checkKeys(keys);
		const mode = readModeOf(options, this.#encoding);
		return this.#store.reader.getManySync(keys, this.#sequence(options), mode) as (ValueOf<O, E> | undefined)[];
	}

	/** Iterates over a range as it is now (or was, with a snapshot). Close it when done; loops do so themselves. */
	iterator<const O extends IteratorOptions = object>(
		options?: O,
	): DatabaseIterator<PartOf<O, 'keys', E>, PartOf<O, 'values', E>> {
		this.#checkOpen();
		const given: IteratorOptions = options ?? {};
		checkIteratorOptions(given);
		throwIfAborted(given.signal);
		const { keys = true, values = true, reverse = false, limit = Number.POSITIVE_INFINITY, fillCache = true } = given;
		const sequence = this.#sequence(given);
		const handle = this.#store.openCursor({ sequence, ...halfOpenRange(given), reverse, keys, values, fillCache });
		const encoding = encodingOf(given, this.#encoding);
		return new DatabaseIterator(handle, this.#store.cursors, {
			encoding,
			limit: Math.min(limit, Number.MAX_SAFE_INTEGER),
			keys,
			values,
			signal: given.signal,
		});
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

	/** The shape of the tree, counters and sizes. */
	stats(): DatabaseStats {
		this.#checkOpen();
		return this.#store.stats();
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
		await this.#write((encoder) => encodeOperations(encoder, operations), options);
		this.#store.counters.batches++;
	}

	async #write(encode: (encoder: BatchEncoder) => void, options: WriteOptions | undefined): Promise<void> {
		throwIfAborted(options?.signal);
		this.#checkOpen();
		return withSignal(this.#store.commits.add(encode, durabilityOf(options, this.#store.options.sync)), options?.signal);
	}

	#writeSync(encode: (encoder: BatchEncoder) => void, options: WriteOptions | undefined): void {
		this.#checkOpen();
		this.#store.commits.addSync(encode, durabilityOf(options, this.#store.options.sync));
	}

	async #read(key: Bytes, mode: ReadMode, options: ReadOptions | undefined): Promise<unknown> {
		throwIfAborted(options?.signal);
		this.#checkOpen();
		const result = this.#store.reader.get(key, this.#sequence(options), mode);
		return result instanceof Promise ? withSignal(result, options?.signal) : result;
	}

	#sequence(options: ReadOptions | undefined): number {
		const snapshot = options?.snapshot;
		if (snapshot === undefined) return this.#store.sequence;
		if (!(snapshot instanceof Snapshot)) throw new ConfigError("Option 'snapshot' takes what database.snapshot() returned.");
		return snapshot.sequenceFor(this.#store.snapshots);
	}

	#checkOpen(): void {
		if (this.#status === 'open') return;
		throw new ClosedError(`The database at ${this.path} is ${this.#status}.`, { path: this.path });
	}
}

function checkOperations(operations: unknown): asserts operations is readonly BatchOperation[] {
	if (!Array.isArray(operations)) throw new ConfigError('batch takes an array of operations.');
}

function checkKeys(keys: unknown): asserts keys is readonly Bytes[] {
	if (!Array.isArray(keys)) throw new ConfigError('getMany takes an array of keys.');
}
