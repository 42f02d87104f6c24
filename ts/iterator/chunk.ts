/**
 * A chunk of packed entries and the reading position in it.
 *
 * ```
 * bytes:  | key 0 | value 0 | key 1 | value 1 | …        no gaps
 * index:  | end of key 0 | end of value 0 | end of key 1 | …
 * ```
 *
 * Buffers that go out are views on `bytes`, so a chunk is filled once when they do. Strings are copies: then it is filled again.
 * Chunks begin small, for short scans, and double up to their largest size, for long ones.
 */
import type { Encoding } from '../types';

const SMALLEST_BYTES = 4 * 1024;
const LARGEST_BYTES = 64 * 1024;
const SMALLEST_ENTRIES = 16;
const LARGEST_ENTRIES = 1024;

/** A key or value as it goes out. */
export type Part = Buffer | string;

/** How the parts of entries go out. */
export interface ChunkOptions {
	keyEncoding: Encoding;
	valueEncoding: Encoding;
	/** Bytes at which a chunk stops growing, but for an entry that alone is larger. Default 64 KiB. */
	largestBytes?: number | undefined;
}

export class Chunk {
	readonly #keyEncoding: Encoding;
	readonly #valueEncoding: Encoding;
	readonly #largestBytes: number;
	bytes: Buffer = Buffer.alloc(0);
	index = new Uint32Array(2 * SMALLEST_ENTRIES);
	#entries = SMALLEST_ENTRIES;
	#size: number;
	#count = 0;
	#position = 0;

	constructor(options: ChunkOptions) {
		this.#keyEncoding = options.keyEncoding;
		this.#valueEncoding = options.valueEncoding;
		this.#largestBytes = Math.min(options.largestBytes ?? LARGEST_BYTES, LARGEST_BYTES);
		this.#size = Math.min(SMALLEST_BYTES, this.#largestBytes);
	}

	/** Entries that have not been taken. */
	get remaining(): number {
		return this.#count - this.#position;
	}

	/** Bytes of the entries that have been taken. */
	get takenBytes(): number {
		return this.#position === 0 ? 0 : this.index[2 * this.#position - 1];
	}

	/** Most entries that the next fill may bring. */
	get capacity(): number {
		return this.#entries;
	}

	/** Makes room for a fill of at least `needed` bytes. */
	prepare(needed: number): void {
		this.clear();
		const size = Math.max(this.#size, needed);
		const viewsWentOut = this.#keyEncoding === 'buffer' || this.#valueEncoding === 'buffer';
		if (viewsWentOut || this.bytes.length < size || this.bytes.length > 4 * size) {
			this.bytes = Buffer.allocUnsafeSlow(size);
		}
		if (this.index.length < 2 * this.#entries) this.index = new Uint32Array(2 * this.#entries);
	}

	/** A fill brought `count` entries. */
	filled(count: number): void {
		this.#count = count;
		this.#position = 0;
		this.#size = Math.min(this.#largestBytes, this.#size * 2);
		this.#entries = Math.min(LARGEST_ENTRIES, this.#entries * 2);
	}

	/** Forgets what has not been taken. */
	clear(): void {
		this.#count = 0;
		this.#position = 0;
	}

	/** Takes the next entry; only while there are any. Parts that were not asked for are `undefined`. */
	takeEntry(keys: boolean, values: boolean): [key: Part | undefined, value: Part | undefined] {
		const at = 2 * this.#position++;
		const start = at === 0 ? 0 : this.index[at - 1];
		const keyEnd = this.index[at];
		const valueEnd = this.index[at + 1];
		return [
			keys ? this.#part(this.#keyEncoding, start, keyEnd) : undefined,
			values ? this.#part(this.#valueEncoding, keyEnd, valueEnd) : undefined,
		];
	}

	/** Takes the next entry and returns its key. */
	takeKey(): Part {
		const at = 2 * this.#position++;
		return this.#part(this.#keyEncoding, at === 0 ? 0 : this.index[at - 1], this.index[at]);
	}

	/** Takes the next entry and returns its value. */
	takeValue(): Part {
		const at = 2 * this.#position++;
		return this.#part(this.#valueEncoding, this.index[at], this.index[at + 1]);
	}

	#part(encoding: Encoding, start: number, end: number): Part {
		return encoding === 'utf8' ? this.bytes.toString('utf8', start, end) : this.bytes.subarray(start, end);
	}
}
