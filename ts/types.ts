/** The public types of the API. */
import type { FilterPolicyName } from './kernel/kernel';
import type { KernelChoice } from './kernel/load';
import type { Snapshot } from './snapshot/snapshot';

/** Keys and values as they go in. Strings are taken as UTF-8. */
export type Bytes = string | Uint8Array;

/** How keys and values come out: `Buffer`, or UTF-8 strings. */
export type Encoding = 'buffer' | 'utf8';

/** The type of a key or value that comes out under an encoding. */
export type Decoded<E extends Encoding> = E extends 'utf8' ? string : Buffer;

/**
 * When a write is acknowledged.
 * - `'always'`: once it survives power loss (fdatasync, shared by the writes of a group)
 * - `'interval'`: at once; it survives the death of the process, and power loss after at most `syncIntervalMs` or `syncIntervalBytes`
 * - `'never'`: at once; it survives the death of the process, the operating system decides about power loss
 */
export type Durability = 'always' | 'interval' | 'never';

/** When the indexes and filters of tables are read: while the store opens, or by the first read that needs them. */
export type TableLoading = 'eager' | 'lazy';
/** A codec for the data blocks of tables, or none. */
export type Compression = 'none' | 'lz4' | 'snappy' | 'zstd';

/** How the memory of filters is spread over the levels. */
export type FilterAllocation = 'uniform' | 'levels';

/**
 * Options that shape the store. They are kept in the manifest: a store opened without them has those of its last open.
 * All sizes are bytes.
 */
export interface StoreOptions {
	/** When a write is acknowledged. Default `'always'`. */
	sync?: Durability;
	/** With `sync: 'interval'`: longest time that a write waits for its fsync, in milliseconds. Default 100. */
	syncIntervalMs?: number;
	/** With `sync: 'interval'`: most bytes that wait for their fsync. Default 4 MiB. */
	syncIntervalBytes?: number;
	/** Size at which a memtable is frozen and flushed. Default 32 MiB, at least 4 KiB. */
	memtableSize?: number;
	/**
	 * Frozen memtables that may wait for their flush before writes are stopped; a synchronous write then waits, on the calling thread, until
	 * the oldest is flushed. Default 3.
	 */
	maxImmutableMemtables?: number;
	/** Limit of the block cache; 0 turns it off. Default 64 MiB. */
	cacheSize?: number;
	/**
	 * Bytes that memtables, indexes and filters of tables, background jobs and the block cache may take together; `stats().memory` shows them.
	 * Memtables get at most half of it (a quarter on the TypeScript kernel, where garbage and the heaps of threads count too), the block cache what
	 * the others leave, up to `cacheSize`. What Node.js itself takes is not in it.
	 * Default `false`: each part keeps to its own options. At least 8 MiB.
	 */
	memoryLimit?: number | false;
	/** Most files of tables that are kept open; the others are opened again when they are read. Default 1000, at least 16. */
	maxOpenFiles?: number;
	/**
	 * When the indexes and filters of tables are read and verified. `'eager'`: all of them while the store opens. `'lazy'`: by the first
	 * read that needs them, which shows damage as its CorruptionError; those with range deletes still while the store opens. Default
	 * `'eager'`.
	 */
	tableLoading?: TableLoading;
	/** Size at which a data block is cut. Default 4 KiB. */
	blockSize?: number;
	/** Entries between two restart points of a data block. Default 8. */
	restartInterval?: number;
	/** Share of missing keys that the filter of a table lets pass, 0.0001 to 0.5; `false` writes no filters. Default 0.01. */
	filterFalsePositiveRate?: number | false;
	/**
	 * Kind of the filters of new tables. `'blocked-bloom'`: a lookup touches one cache line of a filter. `'bloom'`: up to 12 % fewer bits for
	 * the same rate, and a lookup of a key that is there touches as many cache lines as the filter has probes, 7 at 1 %. Tables with filters of
	 * either kind are read whatever the option says. Default `'blocked-bloom'`.
	 */
	filterPolicy?: FilterPolicyName;
	/**
	 * Bits of a filter for each key, 1 to 40, instead of `filterFalsePositiveRate`; `false` goes back to the rate. Default `false`. To give
	 * both a rate and bits is a ConfigError; a store that had one of them and is opened with the other goes over to it.
	 */
	filterBitsPerKey?: number | false;
	/**
	 * How the memory of filters is spread. `'uniform'`: the same bits for each key everywhere. `'levels'`: the same memory in all, more
	 * bits for the upper, smaller levels and fewer for the deepest, so that a lookup of a missing key meets the fewest false positives. Default
	 * `'uniform'`.
	 */
	filterAllocation?: FilterAllocation;
	/** Write filters in the deepest level that has data, which needs most of the memory of all filters. Default true. */
	filterBottomLevel?: boolean;
	/**
	 * Spread the bits by what lookups of missing keys were seen to ask, level by level, with up to 10 % more memory. Takes effect on the tables
	 * that compactions write; what was seen is forgotten at close. Default false.
	 */
	filterAdaptive?: boolean;
	/**
	 * What data blocks are compressed with as they are written; every store reads them all. An array is per level from 0, its last
	 * element holds for the levels below. A block that does not shrink by an eighth is stored as it is. Default `'lz4'`.
	 */
	compression?: Compression | readonly Compression[];
	/** Level of zstd, 1 to 22: higher is smaller and slower to write. Default 3. */
	zstdLevel?: number;
	/** Size at which a compaction cuts its tables, before compression. Default 16 MiB, at least 4 KiB. */
	tableSize?: number;
	/**
	 * How tables are merged. Default `'leveled'`. See docs/compaction.md.
	 * - `'leveled'`: each level is one run of tables, ten times the one above; fewest tables to read, least space
	 * - `'tiered'`: runs of like sizes are merged; fewest bytes written, more to read, up to several times the space
	 * - `'fifo'`: nothing is merged, and the oldest tables are dropped; for entries that lose their worth with age
	 *
	 * It may change from open to open, but to `'fifo'` only while no table has been merged.
	 */
	compactionStrategy?: 'leveled' | 'tiered' | 'fifo';
	/** Leveled: tables in level 0 that start a compaction. Default 4. */
	level0CompactionTrigger?: number;
	/** Tables in level 0 from which writes are slowed; tiered counts those beyond `tieredMaxRuns`, fifo none. Default 6. */
	level0SlowdownTrigger?: number;
	/** Tables in level 0, counted in the same way, that stop writes until a compaction is through. Default 12. */
	level0StopTrigger?: number;
	/** Bytes that compactions still have to rewrite from which writes are slowed. Default 4 GiB. */
	compactionDebtSlowdown?: number;
	/** Bytes that compactions still have to rewrite that stop writes. Default 32 GiB. */
	compactionDebtStop?: number;
	/** Bytes a second that all compactions together may write; 0 sets no limit. Flushes pass. Default 0. */
	compactionRateLimit?: number;
	/** Compactions that may run at a time, 1 to 64; each has a thread on the native kernel. Default `'auto'`: cores less one, at most 4. */
	compactionThreads?: number | 'auto';
	/**
	 * Leveled: least target size of a level. The targets are derived from the largest level, each `levelMultiplier` times smaller than the
	 * one below; levels whose target would be less than this are skipped. Default 64 MiB, at least `tableSize`.
	 */
	levelBaseSize?: number;
	/** Leveled: how many times larger each level is than the one above. Default 10, at least 2. */
	levelMultiplier?: number;
	/** Tiered: number of runs that starts a merge. Default 8, at least 2. */
	tieredMaxRuns?: number;
	/** Tiered: how many times larger than the newer runs that are merged a run may be to be merged with them, 1 to 10. Default 1.25. */
	tieredSizeRatio?: number;
	/** Tiered: all runs are merged when together they take more than this many times the bytes of the oldest, 1.1 to 100. Default 3. */
	tieredMaxSpaceAmplification?: number;
	/** Fifo: bytes of tables, with their values in blob files, above which the oldest are dropped. Default 1 GiB, at least `memtableSize`. */
	fifoMaxSize?: number;
	/** Fifo: seconds after which a table is dropped; 0 for never. Default 0. */
	fifoMaxAgeSeconds?: number;
	/**
	 * Share of tombstones, 0.01 to 1, from which a table is compacted although its level is in shape; `false` for never. Tombstones that a
	 * snapshot needs do not count; entries that expire do, once the last of their table has. Not for fifo. Default 0.5.
	 */
	tombstoneRatio?: number | false;
	/** Seconds after which a table is rewritten although its level is in shape; 0 for never. Not for fifo. Default 0. */
	compactionPeriodSeconds?: number;
	/**
	 * Bytes, 16 to 1 GiB, from which on a value is kept in a blob file instead of a table; `false` keeps all in tables. It holds for what is written
	 * from then on; what lies in blob files stays readable, and with `false` `compact()` brings it back. Values with a ttl stay in tables. Default `false`. See docs/tuning.md.
	 */
	blobThreshold?: number | false;
	/**
	 * Share of garbage, 0.01 to 1, from which the values that are left in a blob file are moved, so that it can go; `false` for never, then a blob
	 * file goes when nothing of it is left. Not for fifo. Default 0.5.
	 */
	blobGarbageRatio?: number | false;
}

/** Options of `Database.open`. */
export interface OpenOptions<E extends Encoding = Encoding> extends StoreOptions {
	/** Which kernel runs the store. Default `'auto'`: VARVE_KERNEL, else native where there is a binary, else TypeScript. */
	kernel?: KernelChoice;
	/** Make the directory and the store when they are missing. Default true. */
	createIfMissing?: boolean;
	/** Refuse to open a store that exists. Default false. */
	errorIfExists?: boolean;
	/**
	 * When a write-ahead log is damaged in its middle, keep what comes before the damage, give up what comes after and open,
	 * instead of refusing. Default false.
	 */
	salvage?: boolean;
	/** How keys and values come out where a call does not say. Default `'buffer'`. */
	encoding?: E;
	/** Measure how long calls take, for `stats().latencies`. About a microsecond a call. Default false. */
	latencyStats?: boolean;
}

/** Options of every promise form. */
export interface CallOptions {
	/** Aborted before the call: nothing happens. Aborted later: a read rejects at once, a write that is queued goes on. */
	signal?: AbortSignal | undefined;
}

/** Options of a write. */
export interface WriteOptions extends CallOptions {
	/** `true` is `'always'`, `false` is `'never'`. Default: that of the database. */
	sync?: boolean | Durability | undefined;
}

/** Options of a put. */
export interface PutOptions extends WriteOptions {
	/** Milliseconds, more than 0, after which the entry is gone. Default: it stays. See docs/tuning.md, "Expiry". */
	ttl?: number | undefined;
}

/** Options of a read. */
export interface ReadOptions<E extends Encoding = Encoding> extends CallOptions {
	/** Read the store as it was. Default: as it is. */
	snapshot?: Snapshot | undefined;
	/** Default: that of the database. */
	encoding?: E | undefined;
	/** Keep the blocks that are read in the block cache. Default true. */
	fillCache?: boolean | undefined;
}

/** A range of keys. */
export interface RangeOptions {
	/** Keys greater than this. */
	gt?: Bytes | undefined;
	/** Keys greater than this, or equal. */
	gte?: Bytes | undefined;
	/** Keys less than this. */
	lt?: Bytes | undefined;
	/** Keys less than this, or equal. */
	lte?: Bytes | undefined;
	/** Keys that begin with these bytes. */
	prefix?: Bytes | undefined;
}

/** Options of `iterator`. */
export interface IteratorOptions<E extends Encoding = Encoding> extends ReadOptions<E>, RangeOptions {
	/** Descending order. Default false. */
	reverse?: boolean | undefined;
	/** Most entries to return. Default: no limit. */
	limit?: number | undefined;
	/** Return keys; when false they are `undefined`. Default true. */
	keys?: boolean | undefined;
	/** Return values; when false they are `undefined` and never copied. Default true. */
	values?: boolean | undefined;
}

/** Options of `clear`. */
export interface ClearOptions extends WriteOptions, RangeOptions {
	/** Delete what the snapshot sees. Default: what the store holds now. */
	snapshot?: Snapshot | undefined;
	/** Begin with the greatest key; of use with a limit. Default false. */
	reverse?: boolean | undefined;
	/** Most entries to delete. Default: no limit. */
	limit?: number | undefined;
}

/** One operation of a batch. */
export type BatchOperation =
	/** With `ttl`: milliseconds, more than 0, after which the entry is gone. */
	| { type: 'put'; key: Bytes; value: Bytes; ttl?: number | undefined }
	| { type: 'delete'; key: Bytes }
	/** Deletes all keys from `start` to `end` (exclusive; default: to the end of all keys). An empty range deletes nothing. */
	| { type: 'deleteRange'; start: Bytes; end?: Bytes | undefined };

/** `'open'` until `close()` is called, `'closing'` until it is done, then `'closed'`. */
export type DatabaseStatus = 'open' | 'closing' | 'closed';
