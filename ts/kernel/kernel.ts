/**
 * The kernel interface: what the two kernels (native and TypeScript) do for the rest of the store.
 *
 * TypeScript above this line decides *when* and *what*; a kernel does the loops over entries: memtables, tables, the block cache,
 * merging cursors, and the bodies of flush and compaction jobs. Both kernels write the same bytes (docs/format.md).
 *
 * Invariants:
 *  1. One writer: `createMemtable`, `apply` and `installView` are called from one thread only.
 *  2. A view is immutable. Reads go against the view that was installed last; a cursor keeps the view it was opened on.
 *  3. A kernel keeps no file open, and no memtable alive, that neither its registry nor a living view or cursor refers to. It may close
 *     the file of a table that is in use and open it again by its path.
 *  4. A kernel validates what it reads from files, and trusts its caller for everything else: numbers are safe integers, keys and
 *     batches are within limits.
 */

import type { CompressionId } from './format';
import type { BlobSpec, CompactionJob, FilterPolicyName, FlushJob, ProgressListener, RunningJob, TableSpec } from './jobs';

export * from './format';
export * from './jobs';

export const DEFAULT_MAX_OPEN_FILES = 1000;

/** Bytes that an entry costs in a memtable on top of its key and value: its header and its share of the tree. */
export const MEMTABLE_ENTRY_OVERHEAD = 32;

/** What a read returns for a key that is there. */
export const READ_BUFFER = 0;
export const READ_UTF8 = 1;
/** The read returns `true` for a key that is there, and never copies the value. */
export const READ_PRESENCE = 2;
export type ReadMode = typeof READ_BUFFER | typeof READ_UTF8 | typeof READ_PRESENCE;
export type ReadResult = Buffer | string | true | undefined;

/** The read answers PENDING instead of reading a file. */
export const IO_NONE = 0;
/** It reads files, and keeps the blocks in the cache. */
export const IO_CACHE = 1;
/** It reads files, and leaves the cache as it is. */
export const IO_PASS = 2;
/**
 * It reads what the operating system has in memory and keeps the blocks in the cache, else it answers PENDING. A kernel that cannot find
 * that out reads nothing, as under IO_NONE: the native one can on Linux, on most of its file systems.
 */
export const IO_NO_WAIT = 3;
/** What a point read may do for a block that is not in memory. A block that is in the cache is used under each of these. */
export type IoPolicy = typeof IO_NONE | typeof IO_CACHE | typeof IO_PASS | typeof IO_NO_WAIT;

/** Answer of a read that may not touch the disk but would have to. */
export const PENDING: unique symbol = Symbol('varve.pending');
export type Pending = typeof PENDING;

/** Answers of {@link KernelCursor.fill} that are not a count. */
export const FILL_PENDING = -1;
export const FILL_TOO_SMALL = -2;

export interface CursorOptions {
	/** Highest sequence number that is visible. Range deletes that are applied after the cursor was opened never are. */
	sequence: number;
	/** Inclusive lower bound of user keys. */
	lower?: Uint8Array | undefined;
	/** Exclusive upper bound of user keys. */
	upper?: Uint8Array | undefined;
	/** Descending order. */
	reverse: boolean;
	/** Leave keys out of the chunks when false. */
	keys: boolean;
	/** Leave values out of the chunks when false. */
	values: boolean;
	/** Keep the blocks it reads out of the cache when false. */
	fillCache: boolean;
}

/** Visible entries of one view in one direction, packed into chunks. An entry that expires after the cursor was opened stays visible. */
export interface KernelCursor {
	/** The next `fill` starts at the first entry at or after `key` (reverse: at or before), within the bounds. */
	seek(key: Uint8Array): void;
	/**
	 * Packs entries from the current position into `chunk`: key bytes, value bytes, key bytes, … without gaps. `index[2i]` is the
	 * end of key i, `index[2i + 1]` the end of value i. Stops when the chunk, the index or `limit` is full.
	 *
	 * The first entry always decides: when it alone does not fit, nothing moves, `index[0]` is the number of bytes it needs and the
	 * answer is FILL_TOO_SMALL.
	 * @param allowIo when false, stops before the first block that is not in memory; FILL_PENDING when that is at once. A cursor that
	 *   fills the cache looks into the memory of the operating system as well (see IO_NO_WAIT), but not for the block behind its last one.
	 * @returns number of entries; 0 at the end.
	 */
	fill(chunk: Uint8Array, index: Uint32Array, limit: number, allowIo: boolean): number;
	/** As `fill` with I/O, off the calling thread. One at a time; `seek` and `fill` must wait for it. */
	fillAsync(chunk: Uint8Array, index: Uint32Array, limit: number): Promise<number>;
	/** Lets go of the view. Idempotent; waits for nothing (a fillAsync in flight keeps what it needs). */
	close(): void;
}

/** Counters since the engine was made. */
export interface KernelStats {
	cacheBytes: number;
	cacheCapacity: number;
	cacheHits: number;
	cacheMisses: number;
	/** Data blocks read from files by reads (not by jobs). */
	blockReads: number;
	/** Calls that these took: a scan reads several blocks at once. */
	fileReads: number;
	/** Values read from blob files by reads (not by jobs). */
	blobReads: number;
	filterProbes: number;
	/** Probes that ruled the table out. */
	filterNegatives: number;
	/** Probes that let a key pass which the table does not have. */
	filterFalsePositives: number;
	/** Tables that reads may be sent to. */
	openTables: number;
	/** Those whose index and filter are in memory. */
	loadedTables: number;
	/** Bytes of indexes and filters held for open tables. */
	tableMemory: number;
	/** Files of tables that are open now. */
	openFiles: number;
	/** Files of tables opened, for the first time or again. */
	fileOpens: number;
	/** Reads that found their file open. */
	fileHits: number;
	/** Memtables that were made and not yet dropped. */
	memtables: number;
	/** Bytes of their entries and of the trees over them. */
	memtableMemory: number;
}

/** The filters of one level: what the view holds, of tables that are loaded, and counters since the engine was made. */
export interface LevelFilterStats {
	/** Tables that have a filter. */
	tables: number;
	/** Tables whose filter this version does not know: they are read without it. */
	unknown: number;
	/** Bytes of the filters that it knows. */
	bytes: number;
	/** Distinct user keys of each table of the level, with a filter or without, added up. */
	keys: number;
	/** Lookups that asked a filter; one that turns to another thread to read a file asks anew. */
	probes: number;
	/** Probes that ruled the table out. */
	negatives: number;
	/** Probes that let a key pass which the table does not have: each is a useless look into a data block. */
	falsePositives: number;
}

export interface EngineOptions {
	/** Byte limit of the block cache; 0 keeps nothing. */
	cacheBytes: number;
	/** Most files of tables that are kept open. Default {@link DEFAULT_MAX_OPEN_FILES}. */
	maxOpenFiles?: number;
}

/** The state that a kernel holds for one database. */
export interface KernelEngine {
	// ── memtables ──────────────────────────────────────────────────────────────────────────────────────────────────────────
	/**
	 * Makes an empty memtable and directs `apply` to it. `capacity` bounds the sum of key length + value length +
	 * MEMTABLE_ENTRY_OVERHEAD over its entries; the caller keeps the bound.
	 */
	createMemtable(id: number, capacity: number): void;
	/** Inserts the operations of one WAL record, `record[start, end)`, into the newest memtable. */
	apply(record: Uint8Array, start: number, end: number): void;
	/** Forgets a memtable that has been flushed; views and cursors that hold it keep it alive. */
	dropMemtable(id: number): void;

	// ── tables and views ───────────────────────────────────────────────────────────────────────────────────────────────────
	/** Opens tables: their sizes are checked, and footers, indexes, filters and properties of those that are not lazy. All or none. */
	openTables(specs: TableSpec[]): Promise<void>;
	/** As {@link openTables}, on the calling thread. */
	openTablesSync(specs: TableSpec[]): void;
	/** Forgets tables and their cached blocks; views and cursors that hold them read on, so the files must stay until those are gone. */
	dropTables(numbers: number[]): void;
	/** Makes blob files known, which tables of later views and jobs refer to. Reads none. */
	addBlobs(specs: BlobSpec[]): void;
	/** Forgets and closes blob files that no read needs any more. */
	dropBlobs(numbers: number[]): void;
	/**
	 * Makes the view for all reads from now on.
	 * @param memtables ids, newest first
	 * @param levels table numbers: level 0 newest first, the others in key order
	 */
	installView(memtables: number[], levels: number[][]): void;
	/**
	 * Byte offset in the file of an open table at which the first data block begins that may hold user keys at or after `key`: 0 for
	 * a key before the table, the end of its data blocks for a key behind it. From the index alone, which it loads on the calling thread
	 * where it must.
	 */
	approximateOffset(table: number, key: Uint8Array): number;
	/**
	 * Bytes of keys and values that open tables hold, before compression.
	 * @param load loads tables that are not, on the calling thread; otherwise each of these counts with the size of its file.
	 */
	rawBytes(tables: number[], load: boolean): number;
	/** Changes the byte limit of the block cache, and lets go at once of the blocks that pass it; 0 keeps nothing. */
	setCacheCapacity(bytes: number): void;
	/**
	 * Tables of the view of which nobody can see anything any more, as range deletes in newer tables cover their whole span and no
	 * snapshot is in between. Reads no file.
	 * @param snapshots sequence numbers of living snapshots, ascending
	 */
	coveredTables(snapshots: number[]): number[];

	// ── reads ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
	/** The caller writes the key here and passes its length. May be replaced by `reserveKey`. */
	readonly keyScratch: Buffer;
	/** Makes `keyScratch` at least `length` bytes long. */
	reserveKey(length: number): void;
	/**
	 * Fixes the time that reads see, in milliseconds since the epoch: an entry that expires at it or before is not there. Undefined, as at
	 * first: that of the system, which is looked at when a read meets an entry that expires.
	 */
	setTime(milliseconds: number | undefined): void;
	/**
	 * Looks up the first `keyLength` bytes of `keyScratch`.
	 * @param io only IO_NONE and IO_NO_WAIT make it answer PENDING.
	 */
	get(keyLength: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult | Pending;
	/**
	 * As `get`, but copies the value to the front of `target`, if it fits there whole.
	 * @param io IO_CACHE or IO_PASS
	 * @returns length of the value, whether it fits or not; undefined when there is none
	 */
	getInto(keyLength: number, sequence: number, target: Uint8Array, io: IoPolicy): number | undefined;
	/**
	 * As `get` with I/O, off the calling thread; the key is copied before it returns.
	 * @param fillCache IO_CACHE when true, IO_PASS when false.
	 */
	getAsync(keyLength: number, sequence: number, mode: ReadMode, fillCache: boolean): Promise<ReadResult>;
	/** Looks up `count` keys, packed as length (4) and bytes each, all at one time. */
	getMany(packed: Uint8Array, count: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult[] | Pending;
	getManyAsync(packed: Uint8Array, count: number, sequence: number, mode: ReadMode, fillCache: boolean): Promise<ReadResult[]>;
	openCursor(options: CursorOptions): KernelCursor;

	// ── jobs ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
	/** Limits what compactions write to so many bytes a second together; 0 takes the limit off. Flushes pass. */
	setJobRate(bytesPerSecond: number): void;
	flush(job: FlushJob, onProgress?: ProgressListener): RunningJob;
	compact(job: CompactionJob, onProgress?: ProgressListener): RunningJob;

	stats(): KernelStats;
	/** The filters of each level of the tree. */
	filterStats(): LevelFilterStats[];
	/** Cancels jobs, waits for them, and frees everything. */
	close(): Promise<void>;
}

/** One kernel: its primitives one by one (for tests and benchmarks), and engines. */
export interface Kernel {
	readonly name: 'native' | 'js';
	/** Can it write blocks with this compression? Every kernel reads all of them. */
	canCompress(compression: CompressionId): boolean;
	/** CRC-32 (IEEE, as zlib); `initial` continues an earlier one. */
	crc32(bytes: Uint8Array, initial?: number): number;
	/** xxHash64 with seed 0. */
	xxHash64(bytes: Uint8Array): bigint;
	/** Contents of a filter block over distinct keys. */
	buildFilter(policy: FilterPolicyName, keys: Uint8Array[], milliBitsPerKey: number, probes: number): Uint8Array;
	/** May the filter block hold this key? Throws CorruptionError on a malformed filter. */
	filterMayContain(policy: FilterPolicyName, filter: Uint8Array, key: Uint8Array): boolean;
	/** Contents of a block from entries in order. */
	encodeBlock(entries: [key: Uint8Array, value: Uint8Array][], restartInterval: number): Uint8Array;
	/** Contents of a data block from entries with internal keys in order: they have fingerprints. */
	encodeDataBlock(entries: [key: Uint8Array, value: Uint8Array][], restartInterval: number): Uint8Array;
	/** All entries of a block. Throws CorruptionError on a malformed block. */
	decodeBlock(block: Uint8Array): [key: Uint8Array, value: Uint8Array][];
	/** First entry of a block of internal keys at or after the target internal key. */
	seekBlock(block: Uint8Array, target: Uint8Array): [key: Uint8Array, value: Uint8Array] | undefined;
	/** The first of these that is of the same user key. */
	findInBlock(block: Uint8Array, target: Uint8Array): [key: Uint8Array, value: Uint8Array] | undefined;
	/** Merges blocks of internal keys, newest first, into one; keeps every version. */
	mergeBlocks(blocks: Uint8Array[], restartInterval: number): Uint8Array;
	createEngine(options: EngineOptions): KernelEngine;
}
