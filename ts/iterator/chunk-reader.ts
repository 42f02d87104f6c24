/**
 * Reads a cursor chunk by chunk: what every kind of iterator is built on.
 *
 * Invariants:
 *  1. It sees the store as it was when it was made (or its snapshot), whatever is written, flushed or compacted meanwhile.
 *  2. As long as the blocks are in memory, `ready` answers without another thread.
 *  3. One `ready` at a time; `seek` and `close` may come between two of them. The callers see to it.
 */
import { ClosedError } from '../errors';
import { Fairness, throughEventLoop } from '../fairness';
import { FILL_PENDING, FILL_TOO_SMALL } from '../kernel/kernel';
import { Chunk, type ChunkOptions, type Part } from './chunk';
import type { CursorHandle, CursorRegistry } from './cursor-handle';

/** Chunks between two turns through the event loop: about a millisecond. */
const FAIR_CHUNKS = 8;

/** What is read, and how it goes out. */
export interface ReaderShape extends ChunkOptions {
	/** Most entries to read; may be Infinity. */
	limit: number;
}

export class ChunkReader {
	readonly #handle: CursorHandle;
	readonly #registry: CursorRegistry;
	readonly #chunk: Chunk;
	readonly #fairness = new Fairness(FAIR_CHUNKS);
	#left: number;

	/** The handle is closed when the reader is collected without having been closed. */
	constructor(handle: CursorHandle, registry: CursorRegistry, shape: ReaderShape) {
		this.#handle = handle;
		this.#registry = registry;
		this.#chunk = new Chunk(registry.memory, shape);
		this.#left = Math.min(shape.limit, Number.MAX_SAFE_INTEGER);
		registry.watch(this, handle);
	}

	get closed(): boolean {
		return this.#handle.closed;
	}

	/** Entries that can be taken at once. */
	get available(): number {
		return Math.min(this.#chunk.remaining, this.#left);
	}

	/** Bytes of the entries that have been taken from the present chunk. */
	get takenBytes(): number {
		return this.#chunk.takenBytes;
	}

	/**
	 * Fills the next chunk when nothing is available; false at the end or the limit.
	 * @param wanted entries that the caller has a use for now; the first chunk has no more. Default: many
	 */
	ready(wanted = Number.POSITIVE_INFINITY): boolean | Promise<boolean> {
		if (this.available > 0) return true;
		return this.#left === 0 ? false : this.#fill(wanted);
	}

	/** As {@link ready}; reads files on the calling thread. */
	readySync(wanted = Number.POSITIVE_INFINITY): boolean {
		if (this.available > 0) return true;
		if (this.#left === 0) return false;
		for (let needed = 0; ; needed = this.#chunk.index[0]) {
			this.#chunk.prepare(needed);
			const limit = Math.min(this.#left, this.#chunk.capacity(wanted));
			const count = this.#handle.cursor.fill(this.#chunk.bytes, this.#chunk.index, limit, true);
			if (count !== FILL_TOO_SMALL) return this.#filled(count);
		}
	}

	/** Takes the next entry; only while one is available. Parts that were not asked for are `undefined`. */
	takeEntry(keys: boolean, values: boolean): [key: Part | undefined, value: Part | undefined] {
		this.#left--;
		return this.#chunk.takeEntry(keys, values);
	}

	/** Takes the next entry and returns its key. */
	takeKey(): Part {
		this.#left--;
		return this.#chunk.takeKey();
	}

	/** Takes the next entry and returns its value. */
	takeValue(): Part {
		this.#left--;
		return this.#chunk.takeValue();
	}

	/** Goes on at the first entry at or after `key` (reverse: at or before), within the bounds. */
	seek(key: Uint8Array): void {
		this.#chunk.restart();
		this.#handle.cursor.seek(key);
	}

	/** Lets go of the files and memory that it pins. Idempotent. */
	close(): void {
		if (this.#handle.closed) return;
		this.#registry.unwatch(this.#handle);
		if (!this.#handle.busy) this.#chunk.release();
		this.#handle.close();
	}

	/** Resolves when no fill is in flight. */
	idle(): Promise<void> {
		return this.#handle.idle();
	}

	async #fill(wanted: number): Promise<boolean> {
		const { cursor } = this.#handle;
		for (let needed = 0; ; needed = this.#chunk.index[0]) {
			this.#chunk.prepare(needed);
			const { bytes, index } = this.#chunk;
			const limit = Math.min(this.#left, this.#chunk.capacity(wanted));
			let count = cursor.fill(bytes, index, limit, false);
			if (count > 0 && this.#fairness.due()) await throughEventLoop(undefined);
			if (count === FILL_PENDING) count = await this.#handle.during(cursor.fillAsync(bytes, index, limit));
			if (count !== FILL_TOO_SMALL) return this.#filled(count);
		}
	}

	#filled(count: number): boolean {
		if (this.#handle.closed) throw new ClosedError('The iterator is closed, or its database is.');
		this.#chunk.filled(count);
		return count > 0;
	}
}
