/**
 * The chained batch: collects operations, encoded as they come, and writes them as one.
 */
import { ClosedError } from '../errors';
import { ttlOf } from '../options/calls';
import type { Bytes, PutOptions, WriteOptions } from '../types';
import { BatchEncoder } from '../wal/batch-encoder';

/** Where a batch goes. */
export interface BatchTarget {
	writeBatch(encoder: BatchEncoder, options: WriteOptions | undefined): Promise<void>;
	writeBatchSync(encoder: BatchEncoder, options: WriteOptions | undefined): void;
	/** When an entry that is put now expires. */
	expiresAt(ttl: number | undefined): number | undefined;
}

/** Operations that take effect together or not at all. Made by `Database.batch()`. */
export class Batch {
	readonly #target: BatchTarget;
	readonly #encoder = new BatchEncoder();
	/** How many operations were written; undefined until then. */
	#written: number | undefined;

	/** @internal */
	constructor(target: BatchTarget) {
		this.#target = target;
	}

	/** Operations collected so far. */
	get length(): number {
		return this.#written ?? this.#encoder.count;
	}

	/** Adds a put. The bytes are copied. With `ttl`, in milliseconds from now on, the entry expires. */
	put(key: Bytes, value: Bytes, options?: Pick<PutOptions, 'ttl'>): this {
		this.#checkUnwritten();
		this.#encoder.put(key, value, this.#target.expiresAt(ttlOf(options)));
		return this;
	}

	/** Adds a delete. */
	delete(key: Bytes): this {
		this.#checkUnwritten();
		this.#encoder.delete(key);
		return this;
	}

	/** Adds a delete of all keys from `start` to `end` (exclusive; default: to the end of all keys). An empty range adds nothing. */
	deleteRange(start: Bytes, end?: Bytes): this {
		this.#checkUnwritten();
		this.#encoder.deleteRange(start, end);
		return this;
	}

	/** Drops the operations collected so far. */
	clear(): this {
		this.#checkUnwritten();
		this.#encoder.reset();
		return this;
	}

	/** Writes the batch; afterwards it is used up. An empty batch resolves at once. */
	async write(options?: WriteOptions): Promise<void> {
		this.#checkUnwritten();
		this.#written = this.#encoder.count;
		await this.#target.writeBatch(this.#encoder, options);
	}

	/** As {@link write}, on the calling thread. */
	writeSync(options?: WriteOptions): void {
		this.#checkUnwritten();
		this.#written = this.#encoder.count;
		this.#target.writeBatchSync(this.#encoder, options);
	}

	#checkUnwritten(): void {
		if (this.#written !== undefined) throw new ClosedError('The batch has been written. Start a new one with database.batch().');
	}
}
