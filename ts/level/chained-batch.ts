/** The chained batch of abstract-level: encodes each operation as it comes, in the format of the write-ahead log. */
import { AbstractChainedBatch } from 'abstract-level';
import type { Batch } from '../batch/batch';
import type { Bytes } from '../types';
import { levelError, rethrow } from './errors';
import { type PrivatePutOptions, type PrivateWriteOptions, writeOptions } from './options';
import type { ChainedBatchPutOptions, ChainedBatchWriteOptions } from './types';

/** Made by `VarveLevel.batch()`. */
export class LevelChainedBatch<TDatabase, K, V> extends AbstractChainedBatch<TDatabase, K, V> {
	readonly #batch: Batch;

	/** @internal */
	constructor(db: TDatabase, batch: Batch) {
		super(db);
		this.#batch = batch;
	}

	_put(key: Bytes, value: Bytes, { ttl }: PrivatePutOptions): void {
		this.#encode(() => this.#batch.put(key, value, { ttl }));
	}

	_del(key: Bytes): void {
		this.#encode(() => this.#batch.delete(key));
	}

	_clear(): void {
		this.#batch.clear();
	}

	_write(options: PrivateWriteOptions): Promise<void> {
		return this.#batch.write(writeOptions(options)).catch(rethrow);
	}

	override put(key: K, value: V): this;
	override put<Key = K, Value = V>(key: Key, value: Value, options: ChainedBatchPutOptions<TDatabase, Key, Value>): this;
	override put(key: K, value: V, options?: ChainedBatchPutOptions<TDatabase, K, V>): this {
		return options === undefined ? super.put(key, value) : super.put(key, value, options);
	}

	override write(options?: ChainedBatchWriteOptions): Promise<void> {
		return options === undefined ? super.write() : super.write(options);
	}

	#encode(encode: () => void): void {
		try {
			encode();
		} catch (error) {
			throw levelError(error);
		}
	}
}
