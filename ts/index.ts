/** The public API of Varve. */
export {
	AbortError,
	Batch,
	ClosedError,
	ConcurrencyError,
	ConfigError,
	CorruptionError,
	Database,
	DatabaseIterator,
	type ErrorCode,
	IOError,
	LockedError,
	NotFoundError,
	ReadOnlyError,
	ResourceError,
	Snapshot,
	VarveError,
} from './internal';
export type {
	DatabaseEvents,
	DatabaseStats,
	FilterStats,
	JobStats,
	LatencyStats,
	LevelStats,
	MemoryStats,
	TimedOperation,
} from './introspection';
export type { FilterPolicyName, KernelStats, LevelFilterStats } from './kernel/kernel';
export type { KernelChoice } from './kernel/load';
export type { RepairReport } from './maintenance/repair';
export type {
	BatchOperation,
	Bytes,
	CallOptions,
	ClearOptions,
	Compression,
	DatabaseStatus,
	Decoded,
	Durability,
	Encoding,
	FilterAllocation,
	IteratorOptions,
	OpenOptions,
	PutOptions,
	RangeOptions,
	ReadOptions,
	StoreOptions,
	TableLoading,
	WriteOptions,
} from './types';
