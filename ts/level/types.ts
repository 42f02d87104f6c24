/** The public types of `varve/level`: those of abstract-level 3 with the options that classic-level 3 adds. */
import type {
	AbstractBatchDelOperation,
	AbstractBatchOptions,
	AbstractBatchPutOperation,
	AbstractChainedBatchPutOptions,
	AbstractChainedBatchWriteOptions,
	AbstractDatabaseOptions,
	AbstractDelOptions,
	AbstractGetManyOptions,
	AbstractGetOptions,
	AbstractHasManyOptions,
	AbstractHasOptions,
	AbstractIterator,
	AbstractIteratorOptions,
	AbstractKeyIterator,
	AbstractKeyIteratorOptions,
	AbstractOpenOptions,
	AbstractPutOptions,
	AbstractSnapshot,
	AbstractValueIterator,
	AbstractValueIteratorOptions,
	Transcoder,
} from 'abstract-level';
import type { KernelChoice } from '../kernel/load';

/** Options of the constructor. */
export interface DatabaseOptions<K, V> extends AbstractDatabaseOptions<K, V>, Omit<OpenOptions, 'passive'> {}

/** Options of `open()`. Sizes are bytes; out of Varve's limits they are moved to the nearest one. */
export interface OpenOptions extends AbstractOpenOptions {
	/**
	 * False: tables are written without compression. True: with Varve's default. Undefined: as the store has it, which is the default at
	 * first. Tables that are there stay as they are.
	 */
	compression?: boolean | undefined;
	/** Limit of the block cache. Default 64 MiB. */
	cacheSize?: number | undefined;
	/** Size at which the table in memory is frozen and flushed. Default 32 MiB. */
	writeBufferSize?: number | undefined;
	/** Size at which a data block is cut. Default 4 KiB. */
	blockSize?: number | undefined;
	/** Most files of tables that are kept open. Default 1000. */
	maxOpenFiles?: number | undefined;
	/** Entries between two restart points of a data block. Default 8. */
	blockRestartInterval?: number | undefined;
	/** Size at which a compaction cuts its tables. Default 16 MiB. */
	maxFileSize?: number | undefined;
	/** Several instances on one directory: refused with `LEVEL_NOT_SUPPORTED` when true. */
	multithreading?: boolean | undefined;
	/** Which kernel runs the store. Default `'auto'`: native where there is a binary, else TypeScript. */
	kernel?: KernelChoice | undefined;
	/** Open a store whose write-ahead log is damaged in its middle with what comes before the damage. Default false. */
	salvage?: boolean | undefined;
}

/** Additional options of reads. */
export interface ReadOptions {
	/** Keep the blocks that are read in the block cache. Default true. */
	fillCache?: boolean | undefined;
}

/** Additional options of writes. */
export interface WriteOptions {
	/** Wait until the write survives power loss. Default false: it survives the end of the process. */
	sync?: boolean | undefined;
}

/** Additional options of puts. */
export interface ExpiryOptions {
	/** Milliseconds, more than 0, after which the entry is gone. Default: it stays. Of a batch: for its puts that do not say. */
	ttl?: number | undefined;
}

/** Additional options of iterators. */
export interface AdditionalIteratorOptions extends ReadOptions {
	/** A call of `nextv()` returns once it has more bytes than this, and no more are read ahead. Default: no limit. */
	highWaterMarkBytes?: number | undefined;
}

/** Options of `approximateSize` and `compactRange`. */
export interface StartEndOptions<K> {
	/** Encoding of `start` and `end`. Default: that of the database. */
	keyEncoding?: string | Transcoder.PartialEncoder<K> | undefined;
}

export interface GetOptions<K, V> extends AbstractGetOptions<K, V>, ReadOptions {}
export interface GetManyOptions<K, V> extends AbstractGetManyOptions<K, V>, ReadOptions {}
export interface HasOptions<K> extends AbstractHasOptions<K>, ReadOptions {}
export interface HasManyOptions<K> extends AbstractHasManyOptions<K>, ReadOptions {}
export interface PutOptions<K, V> extends AbstractPutOptions<K, V>, WriteOptions, ExpiryOptions {}
export interface DelOptions<K> extends AbstractDelOptions<K>, WriteOptions {}
export interface BatchOptions<K, V> extends AbstractBatchOptions<K, V>, WriteOptions, ExpiryOptions {}
export interface ChainedBatchWriteOptions extends AbstractChainedBatchWriteOptions, WriteOptions {}
export type BatchOperation<TDatabase, K, V> =
	| (AbstractBatchPutOperation<TDatabase, K, V> & ExpiryOptions)
	| AbstractBatchDelOperation<TDatabase, K>;
export type ChainedBatchPutOptions<TDatabase, K, V> = AbstractChainedBatchPutOptions<TDatabase, K, V> & ExpiryOptions;
export type Iterator<TDatabase, K, V> = AbstractIterator<TDatabase, K, V>;
export type KeyIterator<TDatabase, K> = AbstractKeyIterator<TDatabase, K>;
export type ValueIterator<TDatabase, K, V> = AbstractValueIterator<TDatabase, K, V>;
export type IteratorOptions<K, V> = AbstractIteratorOptions<K, V> & AdditionalIteratorOptions;
export type KeyIteratorOptions<K> = AbstractKeyIteratorOptions<K> & AdditionalIteratorOptions;
export type ValueIteratorOptions<K, V> = AbstractValueIteratorOptions<K, V> & AdditionalIteratorOptions;
export type Snapshot = AbstractSnapshot;
