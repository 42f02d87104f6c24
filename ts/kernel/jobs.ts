/**
 * Tables, blob files and jobs as the kernels are told of them, and what they answer: what is opened, what a flush or a compaction reads and
 * writes, and how a table that was written is summed up.
 */
import type { CompressionId } from './format';

/** Kinds of filters; the names are part of the file format. */
export type FilterPolicyName = 'blocked-bloom' | 'bloom';

/** How tables are written. Integers only: both kernels must cut alike. */
export interface TableOptions {
	/** Encoded bytes at which a data block is finished. */
	blockSize: number;
	/** Entries between two restart points of a data block. */
	restartInterval: number;
	/** Kind of the filter. */
	filterPolicy: FilterPolicyName;
	/** Thousandths of a filter bit for each distinct user key; 0 leaves the filter out. */
	filterMilliBitsPerKey: number;
	/** Bits that the filter sets for each key, 1 … 30. */
	filterProbes: number;
	/** Bytes at which a compaction starts its next output table, before compression. */
	tableSize: number;
	/** What data blocks are compressed with; one that does not shrink by an eighth is stored as it is. */
	compression: CompressionId;
	/** Level of zstd, 1 … 22; the others have none. */
	compressionLevel: number;
}

/** A table to open. */
export interface TableSpec {
	number: number;
	path: string;
	/** Size in bytes as the manifest has it; another size on disk is corruption. */
	size: number;
	/**
	 * The span of a table without range deletes, as the manifest has it; another span in the file, or a range delete, is corruption. With
	 * it the first read that needs the table loads it; without it the table is loaded when it is opened.
	 */
	lazy?: TableSpan | undefined;
}

/** A blob file: values outside of tables. */
export interface BlobSpec {
	number: number;
	path: string;
	/** Size in bytes as the manifest has it; another size on disk is corruption. */
	size: number;
}

/** A blob file, and how many of its bytes something refers to. */
export type BlobReference = readonly [file: number, bytes: number];

/** The entries of a table that expire. */
export interface TableExpiry {
	/** How many: at least one. */
	entries: number;
	/** When the last of them does, in milliseconds since the epoch. */
	latest: number;
}

/** What a table spans. */
export type TableSpan = Pick<TableSummary, 'smallestKey' | 'largestKey' | 'smallestSequence' | 'largestSequence'>;

/** What is known of a table that a job wrote; becomes an "added table" of the manifest. */
export interface TableSummary {
	number: number;
	/** Level in the file name: where the table was born. */
	birthLevel: number;
	/** Nanoseconds since the epoch. */
	createdAt: bigint;
	size: number;
	entries: number;
	tombstones: number;
	rangeDeletes: number;
	smallestSequence: number;
	largestSequence: number;
	/**
	 * Internal keys. The span of range deletes is within: where it reaches behind the last entry, the largest key is its end, with a
	 * trailer of all ones (docs/format.md).
	 */
	smallestKey: Uint8Array;
	largestKey: Uint8Array;
	/** Bytes of data blocks, before and after compression. */
	rawDataBytes: number;
	storedDataBytes: number;
	/** Blob files that hold values of the table, ascending, and the bytes of their records. Absent: there are none. */
	blobReferences?: BlobReference[];
	/** Undefined when no entry expires. */
	expiry?: TableExpiry | undefined;
}

/** Where and how a job writes its outputs. */
export interface JobOutput {
	/** The `sst` directory. */
	directory: string;
	level: number;
	/** Outputs take this number and those after it, in order. */
	firstNumber: number;
	/** How many numbers were set aside; a job that needs more fails. */
	numberCount: number;
	/**
	 * Nanoseconds since the epoch, written into the file name and properties of every output. What has expired by then is a tombstone to
	 * the job, whatever the snapshots.
	 */
	createdAt: bigint;
	table: TableOptions;
	/** What to do with values that lie, or should lie, in blob files. Undefined: they stay where they are. */
	blobs?: BlobOutput | undefined;
}

/** How a job treats values outside of tables. The references of its output tables to a blob file that it writes add up to the records of that file. */
export interface BlobOutput {
	/** The `blob` directory. */
	directory: string;
	/** Bytes from which on a value that the job has in hand goes to a blob file. MAX_SAFE_INTEGER: none does. */
	threshold: number;
	/** Bytes at which a blob file is ended and the next one begun. */
	fileSize: number;
	/** Blob files take this number and those after it, in order. */
	firstNumber: number;
	/** How many numbers were set aside; a job that needs more fails. */
	numberCount: number;
	/** Known blob files out of which values are taken. */
	collect: number[];
	/**
	 * Leave out an entry whose value is to be taken out of a blob file and cannot be read there. A blob file that is not known counts as one
	 * to be collected.
	 */
	salvage: boolean;
}

export interface FlushJob {
	/** Id of a memtable that no longer changes. */
	memtable: number;
	/** Sequence numbers of living snapshots, ascending. */
	snapshots: number[];
	output: JobOutput;
}

export interface CompactionJob {
	/** Sorted runs, newest first; each is a list of open tables in key order. */
	runs: number[][];
	/** Sequence numbers of living snapshots, ascending. */
	snapshots: number[];
	/**
	 * Ranges of user keys, `[start, end]` (the end exclusive, an empty one the end of all keys; ascending, disjoint), that levels below
	 * the output hold: a tombstone within one of them is kept, and a range delete that overlaps one.
	 */
	keepTombstones: [Uint8Array, Uint8Array][];
	/** Only user keys at or after this one are taken, of whatever the runs hold; undefined: from the first. */
	lower?: Uint8Array | undefined;
	/** Only user keys before this one are taken; undefined: to the last. */
	upper?: Uint8Array | undefined;
	/** User keys, ascending: no output holds keys from both sides of one. Undefined: none. */
	cuts?: readonly Uint8Array[];
	output: JobOutput;
}

/** Called from time to time while a job runs: bytes of input read so far, of all. */
export type ProgressListener = (done: number, total: number) => void;

/** A job on its own thread. */
export interface RunningJob {
	/**
	 * Outputs in key order, each written, synced, renamed into place and its directory synced; not yet opened. Empty when nothing
	 * survived. Rejects with IOError or CorruptionError, or with AbortError after `cancel()`; then no output is left.
	 */
	readonly done: Promise<TableSummary[]>;
	/** As {@link done}, blocking the calling thread; for whoever cannot return to the event loop. `done` settles as well. */
	waitSync(): TableSummary[];
	/** Asks the job to stop; returns at once. */
	cancel(): void;
}
