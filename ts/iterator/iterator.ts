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
import { Fairness, throughEventLoop } from '../fairness';
import { FILL_PENDING, FILL_TOO_SMALL } from '../kernel/kernel';
import { checkBytes, checkKeyLength } from '../limits';
import type { Bytes, Encoding } from '../types';
import { Chunk } from './chunk';
import type { CursorHandle, CursorRegistry } from './cursor-handle';

/** Chunks between two turns through the event loop: about a millisecond. */
const FAIR_CHUNKS = 8;

/** How an iterator was asked for. */
export interface IteratorShape {
	encoding: Encoding;
	limit: number;
	keys: boolean;
	values: boolean;
	signal: AbortSignal | undefined;
}

/** Iterates over entries `[key, value]`; K and V are `undefined` where they were not asked for. */
export class DatabaseIterator<K, V> implements AsyncIterable<[K, V]>, Iterable<[K, V]> {
	readonly #handle: CursorHandle;
	readonly #registry: CursorRegistry;
	readonly #shape: IteratorShape;
	readonly #chunk: Chunk;
	readonly #fairness = new Fairness(FAIR_CHUNKS);
	#left: number;
	#busy = false;

	/** @internal */
	constructor(handle: CursorHandle, registry: CursorRegistry, shape: IteratorShape) {
		this.#handle = handle;
		this.#registry = registry;
		this.#shape = shape;
		this.#chunk = new Chunk(shape.encoding);
		this.#left = shape.limit;
		registry.watch(this, handle);
	}

	/** The next entry, or `undefined` at the end. */
	next(): Promise<[K, V] | undefined> {
		return this.#exclusive(async () => ((await this.#ready()) ? this.#take() : undefined));
	}

	/** The next entry, or `undefined` at the end; reads files on the calling thread. */
	nextSync(): [K, V] | undefined {
		this.#checkIdle();
		return this.#readySync() ? this.#take() : undefined;
	}

	/** Up to `count` entries; fewer only at the end. */
	nextMany(count: number): Promise<[K, V][]> {
		return this.#exclusive(async () => {
			checkCount(count);
			const entries: [K, V][] = [];
			while (entries.length < count && (await this.#ready())) this.#takeInto(entries, count);
			return entries;
		});
	}

	/** Up to `count` entries; reads files on the calling thread. */
	nextManySync(count: number): [K, V][] {
		this.#checkIdle();
		checkCount(count);
		const entries: [K, V][] = [];
		while (entries.length < count && this.#readySync()) this.#takeInto(entries, count);
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
		this.#chunk.clear();
		this.#handle.cursor.seek(bytes);
	}

	/** Lets go of the files and memory that it pins. Idempotent. */
	close(): void {
		if (this.#handle.closed) return;
		this.#registry.unwatch(this.#handle);
		this.#handle.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
		await this.#handle.idle();
	}

	async *[Symbol.asyncIterator](): AsyncGenerator<[K, V], void, undefined> {
		try {
			while (await this.#exclusive(() => this.#ready())) {
				// A chunk at a time, with the checks of `next` but not its promises. The loop's body may seek or close.
				while (this.#chunk.remaining > 0 && this.#left > 0 && !this.#handle.closed) {
					throwIfAborted(this.#shape.signal);
					yield this.#take();
				}
			}
		} finally {
			this.close();
		}
	}

	*[Symbol.iterator](): Generator<[K, V], void, undefined> {
		try {
			for (let entry = this.nextSync(); entry !== undefined; entry = this.nextSync()) yield entry;
		} finally {
			this.close();
		}
	}

	#take(): [K, V] {
		this.#left--;
		return this.#chunk.take(this.#shape.keys, this.#shape.values) as [K, V];
	}

	#takeInto(entries: [K, V][], count: number): void {
		for (let i = Math.min(this.#chunk.remaining, this.#left, count - entries.length); i > 0; i--) entries.push(this.#take());
	}

	async #ready(): Promise<boolean> {
		if (this.#chunk.remaining > 0 && this.#left > 0) return true;
		if (this.#left === 0) return false;
		const { cursor } = this.#handle;
		for (let needed = 0; ; needed = this.#chunk.index[0]) {
			this.#chunk.prepare(needed);
			const { bytes, index } = this.#chunk;
			const limit = Math.min(this.#left, this.#chunk.capacity);
			let count = cursor.fill(bytes, index, limit, false);
			if (count > 0 && this.#fairness.due()) await throughEventLoop(undefined);
			if (count === FILL_PENDING) count = await this.#handle.during(cursor.fillAsync(bytes, index, limit));
			if (count !== FILL_TOO_SMALL) return this.#filled(count);
		}
	}

	#readySync(): boolean {
		if (this.#chunk.remaining > 0 && this.#left > 0) return true;
		if (this.#left === 0) return false;
		for (let needed = 0; ; needed = this.#chunk.index[0]) {
			this.#chunk.prepare(needed);
			const limit = Math.min(this.#left, this.#chunk.capacity);
			const count = this.#handle.cursor.fill(this.#chunk.bytes, this.#chunk.index, limit, true);
			if (count !== FILL_TOO_SMALL) return this.#filled(count);
		}
	}

	#filled(count: number): boolean {
		this.#checkOpen();
		this.#chunk.filled(count);
		return count > 0;
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
		this.#checkOpen();
		if (this.#busy) throw new ConcurrencyError('The iterator is busy: await the call before this one.');
	}

	#checkOpen(): void {
		if (this.#handle.closed) throw new ClosedError('The iterator is closed, or its database is.');
	}
}

function checkCount(count: number): void {
	if (Number.isInteger(count) && count > 0) return;
	throw new ConfigError(`nextMany takes a positive integer; got ${count}.`);
}
