/**
 * A chunk of packed entries and the reading position in it.
 *
 * ```
 * bytes:  | key 0 | value 0 | key 1 | value 1 | …        no gaps
 * index:  | end of key 0 | end of value 0 | end of key 1 | …
 * ```
 *
 * Buffers that go out are views on `bytes`, so a chunk is filled once when they do. Strings are copies: then it is filled again.
 * Chunks begin small, for short scans, and double up to {@link LARGEST_BYTES}, for long ones.
 */
import type { Encoding } from '../types';

const SMALLEST_BYTES = 4 * 1024;
const LARGEST_BYTES = 64 * 1024;
const SMALLEST_ENTRIES = 16;
const LARGEST_ENTRIES = 1024;

export class Chunk {
	readonly #encoding: Encoding;
	bytes: Buffer = Buffer.alloc(0);
	index = new Uint32Array(2 * SMALLEST_ENTRIES);
	#entries = SMALLEST_ENTRIES;
	#size = SMALLEST_BYTES;
	#count = 0;
	#position = 0;

	constructor(encoding: Encoding) {
		this.#encoding = encoding;
	}

	/** Entries that have not been taken. */
	get remaining(): number {
		return this.#count - this.#position;
	}

	/** Most entries that the next fill may bring. */
	get capacity(): number {
		return this.#entries;
	}

	/** Makes room for a fill of at least `needed` bytes. */
	prepare(needed: number): void {
		this.clear();
		const size = Math.max(this.#size, needed);
		if (this.#encoding === 'buffer' || this.bytes.length < size || this.bytes.length > 4 * size) {
			this.bytes = Buffer.allocUnsafeSlow(size);
		}
		if (this.index.length < 2 * this.#entries) this.index = new Uint32Array(2 * this.#entries);
	}

	/** A fill brought `count` entries. */
	filled(count: number): void {
		this.#count = count;
		this.#position = 0;
		this.#size = Math.min(LARGEST_BYTES, this.#size * 2);
		this.#entries = Math.min(LARGEST_ENTRIES, this.#entries * 2);
	}

	/** Forgets what has not been taken. */
	clear(): void {
		this.#count = 0;
		this.#position = 0;
	}

	/** Takes the next entry; only while there are any. Parts that were not asked for are `undefined`. */
	take(keys: boolean, values: boolean): [key: Buffer | string | undefined, value: Buffer | string | undefined] {
		const at = 2 * this.#position++;
		const start = at === 0 ? 0 : this.index[at - 1];
		const keyEnd = this.index[at];
		const valueEnd = this.index[at + 1];
		return [keys ? this.#part(start, keyEnd) : undefined, values ? this.#part(keyEnd, valueEnd) : undefined];
	}

	#part(start: number, end: number): Buffer | string {
		if (this.#encoding === 'utf8') return this.bytes.toString('utf8', start, end);
		return this.bytes.subarray(start, end);
	}
}
