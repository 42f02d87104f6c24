/** The public API of Varve. */
export { Batch } from './batch/batch';
export { Database } from './database/database';
export {
	AbortError,
	ClosedError,
	ConcurrencyError,
	ConfigError,
	CorruptionError,
	type ErrorCode,
	IOError,
	LockedError,
	NotFoundError,
	ReadOnlyError,
	ResourceError,
	VarveError,
} from './errors';
export { DatabaseIterator } from './iterator/iterator';
export type { FilterPolicyName, KernelStats, LevelFilterStats } from './kernel/kernel';
export type { KernelChoice } from './kernel/load';
export type { RepairReport } from './maintenance/repair';
export { Snapshot } from './snapshot/snapshot';
export type {
	BatchOperation,
	Bytes,
	CallOptions,
	ClearOptions,
	Compression,
	DatabaseEvents,
	DatabaseStats,
	DatabaseStatus,
	Decoded,
	Durability,
	Encoding,
	FilterAllocation,
	FilterStats,
	IteratorOptions,
	JobStats,
	LatencyStats,
	LevelStats,
	MemoryStats,
	OpenOptions,
	PutOptions,
	RangeOptions,
	ReadOptions,
	StoreOptions,
	TableLoading,
	TimedOperation,
	WriteOptions,
} from './types';
