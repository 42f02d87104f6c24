/**
 * The functions of the native addon (crates/varve-node), as they are: raw, and checking little. Everything that calls them is in this
 * folder. What they throw and reject with is a {@link NativeError}.
 */
import type {
	BlobSpec,
	CompactionJob,
	FilterPolicyName,
	FlushJob,
	IoPolicy,
	KernelStats,
	LevelFilterStats,
	ProgressListener,
	ReadMode,
	ReadResult,
	TableSpec,
	TableSummary,
} from '../kernel';

/** Answers of lookups that are no value; the same in crates/varve-node/src/reads.rs. */
export const MISSING = -1;
export const LOOKUP_PENDING = -2;
/** The length of a missing value in the answer of `getMany`. */
export const NO_VALUE = 0xffffffff;

/** Bits of the flags of `openCursor`; the same in crates/varve-node/src/cursors.rs. */
export const CURSOR_REVERSE = 1;
export const CURSOR_KEYS = 2;
export const CURSOR_VALUES = 4;
export const CURSOR_FILL_CACHE = 8;

/** How an error comes out of the addon. */
export interface NativeError {
	kind: 'io' | 'corruption' | 'cancelled' | 'resource' | 'closed' | 'internal';
	message: string;
	path?: string;
	offset?: number;
}

/** Values one behind the other, and the length of each as 32-bit numbers of this machine. */
export interface NativeMany {
	values: Buffer;
	lengths: Buffer;
}

/** A fill that was made on another thread. */
export interface NativeFill {
	answer: number;
	chunk: Buffer;
	/** 32-bit numbers of this machine. */
	index: Buffer;
}

export interface NativeJob {
	done: Promise<TableSummary[]>;
	/** Blocks until the job has ended. */
	wait(): TableSummary[];
	cancel(): void;
}

/** An engine. Numbers are safe integers; the first bytes of the key buffer are the key of the next lookup. */
export interface NativeEngineFunctions {
	setKeys(keys: Uint8Array): void;
	setSlab(slab: Uint8Array): void;
	createMemtable(id: number, capacity: number): void;
	apply(record: Uint8Array, start: number, end: number): void;
	dropMemtable(id: number): void;
	openTables(specs: TableSpec[]): Promise<void>;
	openTablesSync(specs: TableSpec[]): void;
	dropTables(numbers: number[]): void;
	addBlobs(specs: BlobSpec[]): void;
	dropBlobs(numbers: number[]): void;
	installView(memtables: number[], levels: number[][]): void;
	approximateOffset(table: number, key: Uint8Array): number;
	setCacheCapacity(bytes: number): void;
	rawBytes(tables: number[], load: boolean): number;
	coveredTables(snapshots: number[]): number[];
	setTime(milliseconds: number | undefined): void;
	/** Length of the value, which is in the slab at `slabOffset`, or the value where it is too large for that, or MISSING or LOOKUP_PENDING. */
	get(keyLength: number, sequence: number, io: IoPolicy, slabOffset: number): number | Buffer;
	/** 0, MISSING or LOOKUP_PENDING. */
	has(keyLength: number, sequence: number, io: IoPolicy): number;
	/** The value, `undefined`, or LOOKUP_PENDING. */
	getString(keyLength: number, sequence: number, io: IoPolicy): string | undefined | number;
	/** Length of the value, which is in `target` if it fits there, or MISSING. */
	getInto(keyLength: number, sequence: number, io: IoPolicy, target: Uint8Array): number;
	getAsync(keyLength: number, sequence: number, mode: ReadMode, fillCache: boolean): Promise<ReadResult>;
	/** The values one behind the other, or LOOKUP_PENDING; `lengths` gets the length of each. */
	getMany(
		packed: Uint8Array,
		count: number,
		sequence: number,
		mode: ReadMode,
		io: IoPolicy,
		lengths: Uint32Array,
	): Buffer | number;
	getManyAsync(packed: Uint8Array, count: number, sequence: number, mode: ReadMode, fillCache: boolean): Promise<NativeMany>;
	openCursor(sequence: number, lower: Uint8Array | undefined, upper: Uint8Array | undefined, flags: number): number;
	seekCursor(id: number, key: Uint8Array): void;
	fillCursor(id: number, chunk: Uint8Array, index: Uint32Array, limit: number, allowIo: boolean): number;
	fillCursorAsync(id: number, chunkLength: number, indexLength: number, limit: number): Promise<NativeFill>;
	closeCursor(id: number): void;
	setJobRate(bytesPerSecond: number): void;
	flush(job: FlushJob, onProgress: ProgressListener | undefined): NativeJob;
	compact(job: CompactionJob, onProgress: ProgressListener | undefined): NativeJob;
	cancelJobs(): void;
	stats(): KernelStats;
	filterStats(): LevelFilterStats[];
	close(): void;
}

/** The addon. */
export interface NativeAddon {
	/** The version of the package that it was built for. */
	version: string;
	crc32(bytes: Uint8Array, initial: number): number;
	xxHash64(bytes: Uint8Array): bigint;
	buildFilter(policy: FilterPolicyName, keys: Uint8Array[], milliBitsPerKey: number, probes: number): Buffer;
	filterMayContain(policy: FilterPolicyName, filter: Uint8Array, key: Uint8Array): boolean;
	encodeBlock(entries: [Uint8Array, Uint8Array][], restartInterval: number): Buffer;
	decodeBlock(block: Uint8Array): [Buffer, Buffer][];
	seekBlock(block: Uint8Array, target: Uint8Array): [Buffer, Buffer] | undefined;
	mergeBlocks(blocks: Uint8Array[], restartInterval: number): Buffer;
	/** `undefined` when somebody else holds the lock. */
	tryLockFile(path: string): { release(): void } | undefined;
	createEngine(cacheBytes: number, maxOpenFiles: number, keys: Uint8Array, slab: Uint8Array): NativeEngineFunctions;
}
