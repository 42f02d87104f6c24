/**
 * What the three iterators of abstract-level share: items (entries, keys or values) taken from packed chunks.
 *
 * Invariants:
 *  1. What is in the chunk is given out without a promise of its own.
 *  2. A `seek` outside of the range ends the iterator until the next `seek`, as in LevelDB.
 *  3. When the signal fires, a read that waits for the disk is rejected at once; what the disk brings later is dropped.
 */
import { compareBytes, throwIfAborted, toBytes, withSignal } from '../internal';
import type { ChunkReader } from '../iterator/chunk-reader';
import type { HalfOpenRange } from '../iterator/range';
import type { Bytes } from '../types';
import { LevelError, levelError } from './errors';

/** What an iterator was asked for, by the names of abstract-level. */
export interface ItemsOptions {
	signal?: AbortSignal | null;
	/** `nextMany` returns once it has more bytes than this. Default: no limit. */
	highWaterMarkBytes?: number;
}

/** How the items of an iterator are taken and given out. */
export interface ItemsForm<T> {
	/** Takes the next item from the reader, as it is stored. */
	take(): T;
	/** Makes of an item as it is stored one as it is given out. abstract-level does so itself for all but {@link Items.iterate}. */
	decode(item: T): T;
}

/** The public side of an iterator of abstract-level. */
interface PublicIterator<T> {
	next(): Promise<T | undefined>;
	close(): Promise<void>;
}

export class Items<T> {
	readonly #reader: ChunkReader;
	readonly #range: HalfOpenRange;
	readonly #signal: AbortSignal | undefined;
	readonly #highWaterMarkBytes: number;
	readonly #form: ItemsForm<T>;
	#outOfRange = false;
	/** Items that {@link Items.iterate} gave out, and abstract-level did not count. */
	iterated = 0;

	constructor(reader: ChunkReader, range: HalfOpenRange, options: ItemsOptions, form: ItemsForm<T>) {
		this.#reader = reader;
		this.#range = range;
		this.#signal = options.signal ?? undefined;
		this.#highWaterMarkBytes = options.highWaterMarkBytes ?? Number.POSITIVE_INFINITY;
		this.#form = form;
	}

	/** Items that can be taken at once. */
	get available(): number {
		return this.#outOfRange || this.#reader.closed ? 0 : this.#reader.available;
	}

	/** Takes the next item; only while one is available. */
	take(): T {
		return this.#form.take();
	}

	/** The next item, or `undefined` at the end. */
	next(): T | undefined | Promise<T | undefined> {
		return this.available > 0 ? this.take() : this.#nextOfNewChunk();
	}

	/** Up to `size` items; fewer at the end or the high-water mark, none at the end only. */
	async nextMany(size: number): Promise<T[]> {
		const highWaterMarkBytes = this.#highWaterMarkBytes;
		const items: T[] = [];
		let bytes = 0;
		while (items.length < size && bytes <= highWaterMarkBytes && (await this.#ready())) {
			const before = this.#reader.takenBytes;
			while (this.available > 0 && items.length < size && bytes + this.#reader.takenBytes - before <= highWaterMarkBytes) {
				items.push(this.take());
			}
			bytes += this.#reader.takenBytes - before;
		}
		return items;
	}

	/** All items that are left. */
	async all(): Promise<T[]> {
		const items: T[] = [];
		while (await this.#ready()) while (this.available > 0) items.push(this.take());
		return items;
	}

	/**
	 * `for await`: what repeated `next()` gives, errors included. `next()` is asked for the first item of a chunk only: it makes all
	 * checks and fills the chunk. The loop's body may seek and close.
	 */
	async *iterate(iterator: PublicIterator<T>): AsyncGenerator<T, void, unknown> {
		const signal = this.#signal;
		try {
			for (let item = await iterator.next(); item !== undefined; item = await iterator.next()) {
				yield item;
				while (this.available > 0 && !signal?.aborted) {
					const next = this.#decoded(this.take());
					this.iterated++;
					yield next;
				}
			}
		} finally {
			await iterator.close();
		}
	}

	seek(target: Bytes): void {
		const key = toBytes(target);
		const { lower, upper } = this.#range;
		const below = lower !== undefined && compareBytes(key, lower) < 0;
		const above = upper !== undefined && compareBytes(key, upper) >= 0;
		this.#outOfRange = below || above;
		this.#reader.seek(key);
	}

	close(): void {
		this.#reader.close();
	}

	#decoded(item: T): T {
		try {
			return this.#form.decode(item);
		} catch (error) {
			throw new LevelError('LEVEL_DECODE_ERROR', 'Iterator could not decode data', error);
		}
	}

	async #nextOfNewChunk(): Promise<T | undefined> {
		return (await this.#ready()) ? this.take() : undefined;
	}

	async #ready(): Promise<boolean> {
		if (this.#outOfRange) return false;
		try {
			throwIfAborted(this.#signal);
			const ready = this.#reader.ready();
			return typeof ready === 'boolean' ? ready : await withSignal(ready, this.#signal);
		} catch (error) {
			throw levelError(error);
		}
	}
}
