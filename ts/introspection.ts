/** What a store tells of itself: `stats()` and events. */
import type { KernelStats, LevelFilterStats } from './kernel/kernel';
import type { Compression, StoreOptions } from './types';

/** One level of the tree. */
export interface LevelStats {
	tables: number;
	/** Bytes of the files. */
	bytes: number;
	/**
	 * Bytes of the keys, with eight more for each, and values that they hold, before compression. A table that no read has needed yet
	 * under `tableLoading: 'lazy'` counts with the size of its file.
	 */
	rawBytes: number;
	/** What new tables of the level are compressed with; older ones may have been with another. */
	compression: Compression;
	entries: number;
	tombstones: number;
	/** Entries that expire, or have expired and are there still; they count as entries, and not as tombstones. */
	expiring: number;
}

/** The filters of one level. Counters count since the store was opened. */
export interface FilterStats extends LevelFilterStats {
	/** Bits of filters for each key of the level; 0 without keys. */
	bitsPerKey: number;
	/** Share of the probes for keys that a table did not have which let them pass; `undefined` before the first. */
	falsePositiveRate: number | undefined;
}

/** How far a background job is. */
interface JobProgress {
	/** The number that its events carry. */
	job: number;
	level: number;
	outputLevel: number;
	inputTables: number;
	/** Bytes of tables, or of the memtable. */
	inputBytes: number;
	/** Ranges of keys that are done one by one, or side by side where threads are free: 1 unless it is a large compaction. */
	parts: number;
	/** Bytes of input that are done. */
	doneBytes: number;
	outputTables: number;
	outputBytes: number;
	milliseconds: number;
}

/** A background job that runs, or has ended. */
export interface JobStats extends JobProgress {
	kind: 'flush' | 'compaction';
	/** Why it began: `'memtable'` for a flush; what the compaction strategy says for a compaction, `'manual'` for `compact()`. */
	reason: string;
	/** Why it failed; `undefined` while it runs, and when it did not. */
	error: Error | undefined;
}

/** Bytes of memory that a store takes, by part. */
export interface MemoryStats {
	/** `memoryLimit`; `undefined` without one. */
	limit: number | undefined;
	memtables: number;
	/** Indexes, filters and range deletes of loaded tables. Of all parts this alone may pass the limit, when no room is left for the cache. */
	tables: number;
	/** Blocks in the cache. */
	cache: number;
	/** Set aside for background jobs and queues. */
	work: number;
	total: number;
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
	/** Blob files, their bytes, and how many of these are records that tables refer to; the rest is garbage, but for 48 bytes a file. */
	blobs: { files: number; bytes: number; liveBytes: number };
	memtable: { bytes: number; immutables: number; immutableBytes: number };
	wal: { files: number; bytes: number; syncs: number };
	/** Highest sequence number given out. */
	sequence: number;
	operations: { puts: number; deletes: number; gets: number; batches: number };
	/** With the option `latencyStats`: how long the calls took since the store was opened, for operations that were called. */
	latencies: Partial<Record<TimedOperation, LatencyStats>> | undefined;
	/** Bytes of keys and values that came in, and bytes written to logs, tables and blob files. */
	bytes: { user: number; wal: number; flushed: number; compactionRead: number; compacted: number };
	/** Bytes of data blocks that flushes and compactions wrote, before and after compression. */
	dataBlocks: { rawBytes: number; storedBytes: number };
	flushes: number;
	compactions: number;
	/** Tables that were dropped unread: range deletes had emptied them, or fifo let them go. */
	droppedTables: number;
	/** Background jobs: those that run, and the last 64 that ended, the oldest first. */
	jobs: { running: JobStats[]; ended: JobStats[] };
	/** Are compactions paused? */
	compactionsPaused: boolean;
	/** Bytes that compactions must rewrite before every level is in shape. */
	compactionDebt: number;
	/**
	 * Write: bytes written to logs, tables and blob files for each byte of keys and values that came in, since the store was opened. Read: sorted runs that
	 * a lookup may have to look into. Space: bytes of tables and blob files for each byte of the deepest level that has any and of live values in
	 * blob files, which is what would be left if all others were merged into it, about. `undefined` where there is nothing to divide by.
	 */
	amplification: { write: number | undefined; read: number; space: number | undefined };
	/** Times that writes were stopped and slowed, how long they waited, and how hard background work presses on them now: 0 not at all, 1 they are stopped. */
	stalls: { count: number; slowdowns: number; milliseconds: number; pressure: number };
	backgroundErrors: number;
	/** Living iterators and snapshots, and how many were collected without `close()`. */
	handles: { iterators: number; snapshots: number; forgotten: number };
	/** Files that are no longer needed and could not be deleted; the next open tries again. */
	undeletedFiles: number;
	memory: MemoryStats;
	reads: KernelStats;
	/** Filters of levels 0 to 6. */
	filters: FilterStats[];
	/** Why writes are refused, when they are. */
	readOnly: Error | undefined;
}

/** What the store itself knows of that. */
export type StoreStats = Omit<DatabaseStats, 'latencies'>;

/** Events and what their listeners get. */
export interface DatabaseEvents {
	flush: { state: 'begin' | 'end'; job: number; entries: number; bytes: number; milliseconds: number };
	compaction: JobProgress & { state: 'begin' | 'progress' | 'end' };
	stall: { state: 'begin' | 'end'; reason: 'memtables' | 'level0' | 'compaction'; milliseconds: number };
	walRotation: { closed: number; opened: number; bytes: number };
	backgroundError: Error;
}

/** Operations of `stats().latencies`, in promise and synchronous forms; reads of many keys and batches count once. */
export type TimedOperation = 'get' | 'getMany' | 'has' | 'put' | 'delete' | 'batch' | 'flush';

/** How long the calls of an operation took, in microseconds; percentiles are exact to two digits. */
export interface LatencyStats {
	count: number;
	mean: number;
	p50: number;
	p95: number;
	p99: number;
	max: number;
}
