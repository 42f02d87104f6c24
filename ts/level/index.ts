/** `varve/level`: Varve behind the interface of abstract-level 3. */
export { LevelChainedBatch as ChainedBatch } from './chained-batch';
export { VarveLevel } from './level';
export type {
	AdditionalIteratorOptions,
	BatchOperation,
	BatchOptions,
	ChainedBatchPutOptions,
	ChainedBatchWriteOptions,
	DatabaseOptions,
	DelOptions,
	ExpiryOptions,
	GetManyOptions,
	GetOptions,
	HasManyOptions,
	HasOptions,
	Iterator,
	IteratorOptions,
	KeyIterator,
	KeyIteratorOptions,
	OpenOptions,
	PutOptions,
	ReadOptions,
	Snapshot,
	StartEndOptions,
	ValueIterator,
	ValueIteratorOptions,
	WriteOptions,
} from './types';
