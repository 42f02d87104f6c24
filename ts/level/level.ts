/**
 * `VarveLevel`: a Varve store as a database of abstract-level 3, with the options and extra methods of classic-level 3.
 *
 * abstract-level checks, encodes and defers, then calls a private method (`_get`, `_put`, …); each of them here is one call to the
 * {@link Database}.
 *
 * Invariants:
 *  1. A read sees the store as it was when it was called: its sequence number is taken before the private method returns.
 *  2. A write without `sync` survives the end of the process, one with `sync: true` also power loss.
 *  3. Errors carry a `LEVEL_…` code, with the Varve error as their cause.
 */
import { AbstractLevel, type AbstractSnapshot } from 'abstract-level';
import { Database, successor, toBytes } from '../internal';
import type { HalfOpenRange } from '../iterator/range';
import type { Bytes, Encoding } from '../types';
import type { BatchEncoder } from '../wal/batch-encoder';
import { LevelChainedBatch } from './chained-batch';
import { LevelError, levelError, rethrow } from './errors';
import { LevelIterator, LevelKeyIterator, LevelValueIterator, type PrivateIteratorOptions } from './iterators';
import {
	type Format,
	limitOf,
	openOptions,
	type PrivatePutOptions,
	type PrivateRangeOptions,
	type PrivateReadOptions,
	type PrivateWriteOptions,
	putOptions,
	rangeOf,
	readOptions,
	writeOptions,
} from './options';
import { property } from './properties';
import { LevelSnapshot, snapshotOf } from './snapshot';
import type * as Types from './types';

const MANIFEST = {
	encodings: { buffer: true, utf8: true, view: true },
	has: true,
	getSync: true,
	createIfMissing: true,
	errorIfExists: true,
	explicitSnapshots: true,
	additionalMethods: { approximateSize: true, compactRange: true },
	signals: { iterators: true },
};

/** One operation as `_batch` gets it. */
interface PrivateOperation {
	type: 'put' | 'del';
	key: Bytes;
	value: Bytes;
	ttl?: number | undefined;
}

/** A Varve store behind the interface of abstract-level. K and V are the types of keys and values where an operation does not say. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the interface adds options to methods that AbstractLevel implements.
export class VarveLevel<K = string, V = string> extends AbstractLevel<string | Buffer | Uint8Array, K, V> {
	readonly #location: string;
	#database: Database | undefined;

	/**
	 * Opens the store in a directory in the background, as every database of abstract-level; `open()` waits for it.
	 * @param location directory of the store; made when it is missing
	 */
	constructor(location: string, options?: Types.DatabaseOptions<K, V>) {
		checkLocation(location);
		super(MANIFEST, options);
		this.#location = location;
	}

	/** The directory as it was given. */
	get location(): string {
		return this.#location;
	}

	/**
	 * The store underneath: `stats()`, `flush()`, events such as `backgroundError`. Close it with this object, not by itself.
	 * @throws LEVEL_DATABASE_NOT_OPEN before it is open and after it is closed
	 */
	get database(): Database {
		if (this.#database === undefined) throw new LevelError('LEVEL_DATABASE_NOT_OPEN', 'Database is not open');
		return this.#database;
	}

	/** About how many bytes of tables the keys from `start` to `end` (exclusive) take; what is still in memory does not count. */
	async approximateSize<Key = K>(start: Key, end: Key, options?: Types.StartEndOptions<Key>): Promise<number> {
		return this.#onRange(start, end, options, (range) => this.database.approximateSize(range));
	}

	/** Merges the tables that hold keys from `start` to `end` (inclusive), dropping what is overwritten or deleted. */
	async compactRange<Key = K>(start: Key, end: Key, options?: Types.StartEndOptions<Key>): Promise<void> {
		const compact = ({ gte, lt }: { gte: Bytes; lt: Bytes }) => this.database.compact({ gte, lt: successor(toBytes(lt)) });
		return this.#onRange(start, end, options, compact);
	}

	/**
	 * Internal details in the words of LevelDB: `leveldb.num-files-at-level<N>`, `leveldb.stats`, `leveldb.sstables`,
	 * `leveldb.approximate-memory-usage`. `''` for others. `database.stats()` has more.
	 */
	getProperty(name: string): string {
		if (typeof name !== 'string') throw new TypeError("The first argument 'property' must be a string");
		return property(this.database, name);
	}

	/** Removes the files of a store that is not open, and its directory when nothing else is in it. */
	static async destroy(location: string): Promise<void> {
		checkLocation(location);
		await Database.destroy(location).catch(rethrow);
	}

	/** Makes a damaged store that is not open openable again, out of the tables and logs that can be read. `Database.repair` tells what was lost. */
	static async repair(location: string): Promise<void> {
		checkLocation(location);
		await Database.repair(location).catch(rethrow);
	}

	async _open(options: Types.OpenOptions): Promise<void> {
		this.#database = await Database.open(this.#location, openOptions(options)).catch(rethrow);
	}

	async _close(): Promise<void> {
		const database = this.#database;
		// Whatever becomes of the last fsync, the directory is let go: a second close finds nothing to do.
		this.#database = undefined;
		await database?.close().catch(rethrow);
	}

	_get(key: Bytes, options: PrivateReadOptions): Promise<Bytes | undefined> {
		return this.database.get(key, readOptions(options)).catch(rethrow);
	}

	_getSync(key: Bytes, options: PrivateReadOptions): Bytes | undefined {
		try {
			return this.database.getSync(key, readOptions(options));
		} catch (error) {
			throw levelError(error);
		}
	}

	_getMany(keys: Bytes[], options: PrivateReadOptions): Promise<(Bytes | undefined)[]> {
		return this.database.getMany(keys, readOptions(options)).catch(rethrow);
	}

	_has(key: Bytes, options: PrivateReadOptions): Promise<boolean> {
		return holding(options.snapshot, this.database.has(key, readOptions(options)));
	}

	_hasMany(keys: Bytes[], options: PrivateReadOptions): Promise<boolean[]> {
		return holding(options.snapshot, this.database.hasMany(keys, readOptions(options)));
	}

	_put(key: Bytes, value: Bytes, options: PrivatePutOptions): Promise<void> {
		return this.database.put(key, value, putOptions(options)).catch(rethrow);
	}

	_del(key: Bytes, options: PrivateWriteOptions): Promise<void> {
		return this.database.delete(key, writeOptions(options)).catch(rethrow);
	}

	async _batch(operations: PrivateOperation[], options: PrivateWriteOptions): Promise<void> {
		const encode = (encoder: BatchEncoder) => {
			for (const { type, key, value, ttl } of operations) {
				if (type === 'put') encoder.put(key, value, this.database.expiresAt(ttl));
				else encoder.delete(key);
			}
		};
		await this.database.writeBatch(encode, writeOptions(options)).catch(rethrow);
	}

	_chainedBatch(): LevelChainedBatch<this, K, V> {
		return new LevelChainedBatch(this, this.database.batch());
	}

	async _clear(options: PrivateRangeOptions & { snapshot?: unknown }): Promise<void> {
		const { reverse } = options;
		const { lower: gte, upper: lt } = rangeOf(options);
		const snapshot = snapshotOf(options.snapshot);
		await this.database.clear({ gte, lt, reverse, limit: limitOf(options), snapshot, sync: 'never' }).catch(rethrow);
	}

	_iterator(options: PrivateIteratorOptions): LevelIterator<this, K, V> {
		const range = rangeOf(options);
		return new LevelIterator(this, options, this.#reader(options, range, options.keys, options.values), range);
	}

	_keys(options: PrivateIteratorOptions): LevelKeyIterator<this, K> {
		const range = rangeOf(options);
		return new LevelKeyIterator(this, options, this.#reader(options, range, true, false), range);
	}

	_values(options: PrivateIteratorOptions): LevelValueIterator<this, K, V> {
		const range = rangeOf(options);
		return new LevelValueIterator(this, options, this.#reader(options, range, false, true), range);
	}

	_snapshot(options: object): LevelSnapshot {
		return new LevelSnapshot(options, this.database.snapshot());
	}

	#reader(options: PrivateIteratorOptions, range: HalfOpenRange, keys = true, values = true) {
		const { reverse, fillCache = true, snapshot, highWaterMarkBytes } = options;
		const shape = {
			keyEncoding: encodingOf(options.keyEncoding),
			valueEncoding: encodingOf(options.valueEncoding),
			limit: limitOf(options),
			largestBytes: highWaterMarkBytes,
		};
		try {
			return this.database.openReader(range, { reverse, keys, values, fillCache }, shape, snapshotOf(snapshot));
		} catch (error) {
			throw levelError(error);
		}
	}

	async #onRange<Key, T>(
		start: Key,
		end: Key,
		options: Types.StartEndOptions<Key> | undefined,
		work: (range: { gte: Bytes; lt: Bytes }) => T | Promise<T>,
	): Promise<T> {
		if (start === undefined || end === undefined) throw new TypeError("The arguments 'start' and 'end' are required");
		if (this.status === 'opening') return this.deferAsync(() => this.#onRange(start, end, options, work));
		const encoding = this.keyEncoding(options?.keyEncoding as 'utf8');
		try {
			return await work({ gte: encoding.encode(start as string), lt: encoding.encode(end as string) });
		} catch (error) {
			throw levelError(error);
		}
	}
}

function checkLocation(location: unknown): asserts location is string {
	if (typeof location === 'string' && location !== '') return;
	throw new TypeError("The first argument 'location' must be a non-empty string");
}

function encodingOf(format: Format): Encoding {
	return format === 'utf8' ? 'utf8' : 'buffer';
}

/** A read on a snapshot that must not be closed meanwhile: abstract-level 3.1 lets go of it before `_has` and `_hasMany` have settled. */
async function holding<T>(snapshot: unknown, read: Promise<T>): Promise<T> {
	const held = snapshot as AbstractSnapshot | undefined;
	held?.ref();
	try {
		return await read;
	} catch (error) {
		throw levelError(error);
	} finally {
		held?.unref();
	}
}

/** The methods of abstract-level, with the options that are added here. */
export interface VarveLevel<K = string, V = string> {
	open(options?: Types.OpenOptions): Promise<void>;

	get(key: K): Promise<V | undefined>;
	get<Key = K, Value = V>(key: Key, options: Types.GetOptions<Key, Value>): Promise<Value | undefined>;

	getSync(key: K): V | undefined;
	getSync<Key = K, Value = V>(key: Key, options: Types.GetOptions<Key, Value>): Value | undefined;

	getMany(keys: K[]): Promise<(V | undefined)[]>;
	getMany<Key = K, Value = V>(keys: Key[], options: Types.GetManyOptions<Key, Value>): Promise<(Value | undefined)[]>;

	has(key: K): Promise<boolean>;
	has<Key = K>(key: Key, options: Types.HasOptions<Key>): Promise<boolean>;

	hasMany(keys: K[]): Promise<boolean[]>;
	hasMany<Key = K>(keys: Key[], options: Types.HasManyOptions<Key>): Promise<boolean[]>;

	put(key: K, value: V): Promise<void>;
	put<Key = K, Value = V>(key: Key, value: Value, options: Types.PutOptions<Key, Value>): Promise<void>;

	del(key: K): Promise<void>;
	del<Key = K>(key: Key, options: Types.DelOptions<Key>): Promise<void>;

	batch(operations: Types.BatchOperation<this, K, V>[]): Promise<void>;
	batch<Key = K, Value = V>(
		operations: Types.BatchOperation<this, Key, Value>[],
		options: Types.BatchOptions<Key, Value>,
	): Promise<void>;
	batch(): LevelChainedBatch<this, K, V>;

	iterator(): Types.Iterator<this, K, V>;
	iterator<Key = K, Value = V>(options: Types.IteratorOptions<Key, Value>): Types.Iterator<this, Key, Value>;

	keys(): Types.KeyIterator<this, K>;
	keys<Key = K>(options: Types.KeyIteratorOptions<Key>): Types.KeyIterator<this, Key>;

	values(): Types.ValueIterator<this, K, V>;
	values<Key = K, Value = V>(options: Types.ValueIteratorOptions<Key, Value>): Types.ValueIterator<this, Key, Value>;
}
