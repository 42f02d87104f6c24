/** The public types of the API. */
import type { KernelStats } from './kernel/kernel';
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
	/** Frozen memtables that may wait for their flush before writes are stopped. Default 3. */
	maxImmutableMemtables?: number;
	/** Limit of the block cache; 0 turns it off. Default 64 MiB. */
	cacheSize?: number;
	/** Size at which a data block is cut. Default 16 KiB. */
	blockSize?: number;
	/** Entries between two restart points of a data block. Default 16. */
	restartInterval?: number;
	/** Share of missing keys that the filter of a table lets pass, 0.0001 to 0.5; `false` writes no filters. Default 0.01. */
	filterFalsePositiveRate?: number | false;
	/** Size at which a compaction cuts its tables. Default 16 MiB, at least 4 KiB. */
	tableSize?: number;
	/** Tables in level 0 that start a compaction. Default 4. */
	level0CompactionTrigger?: number;
	/** Tables in level 0 from which each group of writes waits a little. Default 12. */
	level0SlowdownTrigger?: number;
	/** Tables in level 0 that stop writes until a compaction is through. Default 24. */
	level0StopTrigger?: number;
	/** Target size of level 1. Default 64 MiB. */
	levelBaseSize?: number;
	/** How much larger each level may be than the one above. Default 10, at least 2. */
	levelMultiplier?: number;
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
	| { type: 'put'; key: Bytes; value: Bytes }
	| { type: 'delete'; key: Bytes }
	/** Deletes all keys from `start` to `end` (exclusive; default: to the end of all keys). An empty range deletes nothing. */
	| { type: 'deleteRange'; start: Bytes; end?: Bytes | undefined };

/** `'open'` until `close()` is called, `'closing'` until it is done, then `'closed'`. */
export type DatabaseStatus = 'open' | 'closing' | 'closed';

/** One level of the tree. */
export interface LevelStats {
	tables: number;
	bytes: number;
	entries: number;
	tombstones: number;
}

/** What `stats()` returns. Counters count since the store was opened. */
export interface DatabaseStats {
	kernel: 'native' | 'js';
	/** Options in force, with the version of the configuration and the options before its last change. */
	config: { version: number; options: Required<StoreOptions>; previous: Partial<StoreOptions> | undefined };
	/** Level 0 to 6. */
	levels: LevelStats[];
	/** Bytes of all live tables. */
	tableBytes: number;
	memtable: { bytes: number; immutables: number; immutableBytes: number };
	wal: { files: number; bytes: number; syncs: number };
	/** Highest sequence number given out. */
	sequence: number;
	operations: { puts: number; deletes: number; gets: number; batches: number };
	/** Bytes of keys and values that came in, and bytes written to logs and tables. */
	bytes: { user: number; wal: number; flushed: number; compactionRead: number; compacted: number };
	flushes: number;
	compactions: number;
	/** Tables that range deletes had emptied and that were dropped unread. */
	droppedTables: number;
	stalls: { count: number; milliseconds: number };
	backgroundErrors: number;
	/** Living iterators and snapshots, and how many were collected without `close()`. */
	handles: { iterators: number; snapshots: number; forgotten: number };
	/** Files that are no longer needed and could not be deleted; the next open tries again. */
	undeletedFiles: number;
	reads: KernelStats;
	/** Why writes are refused, when they are. */
	readOnly: Error | undefined;
}

/** Events and what their listeners get. */
export interface DatabaseEvents {
	flush: { state: 'begin' | 'end'; job: number; entries: number; bytes: number; milliseconds: number };
	compaction: {
		state: 'begin' | 'progress' | 'end';
		job: number;
		level: number;
		outputLevel: number;
		inputTables: number;
		inputBytes: number;
		doneBytes: number;
		outputTables: number;
		outputBytes: number;
		milliseconds: number;
	};
	stall: { state: 'begin' | 'end'; reason: 'memtables' | 'level0'; milliseconds: number };
	walRotation: { closed: number; opened: number; bytes: number };
	backgroundError: Error;
}
