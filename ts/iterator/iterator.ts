/**
 * The public iterator: entries of one moment, in one direction.
 *
 * Invariants:
 *  1. It sees the store as it was when it was made (or its snapshot), whatever is written, flushed or compacted meanwhile.
 *  2. A promise form resolves without leaving the calling thread as long as the blocks are in memory.
 *  3. One promise form at a time: a second one meanwhile is a ConcurrencyError.
 */
import { throwIfAborted, withSignal } from '../abort';
import { toBytes } from '../bytes';
import { ClosedError, ConcurrencyError, ConfigError } from '../errors';
import { checkBytes, checkKeyLength } from '../limits';
import type { Bytes } from '../types';
import type { ChunkReader } from './chunk-reader';
import { SyncEntries } from './sync-entries';

/** How an iterator was asked for. */
export interface IteratorShape {
	keys: boolean;
	values: boolean;
	signal: AbortSignal | undefined;
}

/** Iterates over entries `[key, value]`; K and V are `undefined` where they were not asked for. */
export class DatabaseIterator<K, V> implements AsyncIterable<[K, V]>, Iterable<[K, V]> {
	readonly #reader: ChunkReader;
	readonly #shape: IteratorShape;
	#busy = false;

	/** @internal */
	constructor(reader: ChunkReader, shape: IteratorShape) {
		this.#reader = reader;
		this.#shape = shape;
	}

	/** The next entry, or `undefined` at the end. */
	next(): Promise<[K, V] | undefined> {
		return this.#exclusive(async () => ((await this.#reader.ready()) ? this.#take() : undefined));
	}

	/** The next entry, or `undefined` at the end; reads files on the calling thread. */
	nextSync(): [K, V] | undefined {
		this.#checkIdle();
		return this.#reader.readySync() ? this.#take() : undefined;
	}

	/** Up to `count` entries; fewer only at the end. */
	nextMany(count: number): Promise<[K, V][]> {
		return this.#exclusive(async () => {
			checkCount(count);
			const entries: [K, V][] = [];
			while (entries.length < count && (await this.#reader.ready(count))) this.#takeInto(entries, count);
			return entries;
		});
	}

	/** Up to `count` entries; reads files on the calling thread. */
	nextManySync(count: number): [K, V][] {
		this.#checkIdle();
		checkCount(count);
		const entries: [K, V][] = [];
		while (entries.length < count && this.#reader.readySync(count)) this.#takeInto(entries, count);
		return entries;
	}

	/** All entries that are left; closes the iterator. */
	async all(): Promise<[K, V][]> {
		try {
			return await this.nextMany(Number.MAX_SAFE_INTEGER);
		} finally {
			this.close();
		}
	}

	/** All entries that are left; reads files on the calling thread; closes the iterator. */
	allSync(): [K, V][] {
		try {
			return this.nextManySync(Number.MAX_SAFE_INTEGER);
		} finally {
			this.close();
		}
	}

	/** Goes on at the first entry at or after `key` (reverse: at or before), within the bounds; back or forth. */
	seek(key: Bytes): void {
		this.#checkIdle();
		checkBytes(key, 'key');
		const bytes = toBytes(key);
		checkKeyLength(bytes.length);
		this.#reader.seek(bytes);
	}

	/** Lets go of the files and memory that it pins. Idempotent. */
	close(): void {
		this.#reader.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
		await this.#reader.idle();
	}

	async *[Symbol.asyncIterator](): AsyncGenerator<[K, V], void, undefined> {
		const reader = this.#reader;
		try {
			while (await this.#exclusive(async () => reader.ready())) {
				// A chunk at a time, with the checks of `next` but not its promises. The loop's body may seek or close.
				while (reader.available > 0 && !reader.closed) {
					throwIfAborted(this.#shape.signal);
					yield this.#take();
				}
			}
		} finally {
			this.close();
		}
	}

	[Symbol.iterator](): IterableIterator<[K, V]> {
		return new SyncEntries(this);
	}

	#take(): [K, V] {
		return this.#reader.takeEntry(this.#shape.keys, this.#shape.values) as [K, V];
	}

	#takeInto(entries: [K, V][], count: number): void {
		for (let i = Math.min(this.#reader.available, count - entries.length); i > 0; i--) entries.push(this.#take());
	}

	async #exclusive<T>(work: () => Promise<T>): Promise<T> {
		this.#checkIdle();
		throwIfAborted(this.#shape.signal);
		this.#busy = true;
		const result = work().finally(() => {
			this.#busy = false;
		});
		return withSignal(result, this.#shape.signal);
	}

	#checkIdle(): void {
		if (this.#reader.closed) throw new ClosedError('The iterator is closed, or its database is.');
		if (this.#busy) throw new ConcurrencyError('The iterator is busy: await the call before this one.');
	}
}

function checkCount(count: number): void {
	if (Number.isInteger(count) && count > 0) return;
	throw new ConfigError(`nextMany takes a positive integer; got ${count}.`);
}
