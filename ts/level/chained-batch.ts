/** The chained batch of abstract-level: encodes each operation as it comes, in the format of the write-ahead log. */
import { AbstractChainedBatch } from 'abstract-level';
import type { Batch } from '../batch/batch';
import type { Bytes } from '../types';
import { levelError, rethrow } from './errors';
import { type PrivateWriteOptions, writeOptions } from './options';
import type { ChainedBatchWriteOptions } from './types';

/** Made by `VarveLevel.batch()`. */
export class LevelChainedBatch<TDatabase, K, V> extends AbstractChainedBatch<TDatabase, K, V> {
	readonly #batch: Batch;

	/** @internal */
	constructor(db: TDatabase, batch: Batch) {
		super(db);
		this.#batch = batch;
	}

	_put(key: Bytes, value: Bytes): void {
		this.#encode(() => this.#batch.put(key, value));
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
