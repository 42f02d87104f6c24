/**
 * A chunk of packed entries and the reading position in it.
 *
 * ```
 * bytes:  | key 0 | value 0 | key 1 | value 1 | …        no gaps
 * index:  | end of key 0 | end of value 0 | end of key 1 | …
 * ```
 *
 * Buffers that go out are views on `bytes`, so a chunk is filled once when they do. Strings that go out are slices of one string: where all
 * is ASCII, decoding a chunk at once costs a fifth of decoding its parts.
 * Chunks begin small, for short scans, and double up to their largest size, for long ones.
 */
import { asciiText, BufferView } from '../bytes';
import type { Encoding } from '../types';
import { type ChunkMemory, NO_ROOM } from './chunk-memory';

const SMALLEST_BYTES = 4 * 1024;
const LARGEST_BYTES = 64 * 1024;
const SMALLEST_ENTRIES = 16;
const LARGEST_ENTRIES = 1024;
const NO_INDEX = new Uint32Array(0);

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
	readonly #memory: ChunkMemory;
	readonly #keyEncoding: Encoding;
	readonly #valueEncoding: Encoding;
	readonly #viewsGoOut: boolean;
	readonly #largestBytes: number;
	index: Uint32Array = NO_INDEX;
	#room = NO_ROOM;
	/** All bytes as one string, when strings go out and all of them are ASCII. */
	#text: string | undefined;
	#entries = SMALLEST_ENTRIES;
	#size: number;
	#count = 0;
	#position = 0;

	constructor(memory: ChunkMemory, { keyEncoding, valueEncoding, largestBytes }: ChunkOptions) {
		this.#memory = memory;
		this.#keyEncoding = keyEncoding;
		this.#valueEncoding = valueEncoding;
		this.#viewsGoOut = keyEncoding === 'buffer' || valueEncoding === 'buffer';
		this.#largestBytes = Math.min(largestBytes ?? LARGEST_BYTES, LARGEST_BYTES);
		this.#size = Math.min(SMALLEST_BYTES, this.#largestBytes);
	}

	get bytes(): Buffer {
		return this.#room.bytes;
	}

	/** Entries that have not been taken. */
	get remaining(): number {
		return this.#count - this.#position;
	}

	/** Bytes of the entries that have been taken. */
	get takenBytes(): number {
		return this.#position === 0 ? 0 : this.index[2 * this.#position - 1];
	}

	/** Most entries that the next fill may bring, of `wanted`: a first chunk has no more, all others as many as come to lie in it. */
	capacity(wanted: number): number {
		return this.#entries === SMALLEST_ENTRIES ? Math.min(wanted, SMALLEST_ENTRIES) : this.#entries;
	}

	/** Makes room for a fill of at least `needed` bytes. */
	prepare(needed: number): void {
		this.clear();
		const size = Math.max(this.#size, needed);
		if (this.#viewsGoOut || this.bytes.length < size || this.bytes.length > 4 * size) this.#room = this.#memory.room(size);
		if (this.index.length < 2 * this.#entries) {
			this.#memory.giveBackIndex(this.index);
			this.index = this.#memory.index(this.#entries);
		}
	}

	/** A fill brought `count` entries. */
	filled(count: number): void {
		this.#count = count;
		this.#position = 0;
		this.#size = Math.min(this.#largestBytes, this.#size * 2);
		this.#entries = Math.min(LARGEST_ENTRIES, this.#entries * 2);
		const used = count === 0 ? 0 : this.index[2 * count - 1];
		if (this.#viewsGoOut) this.#memory.giveBack(this.#room, used);
		if (this.#keyEncoding === 'utf8' || this.#valueEncoding === 'utf8') this.#text = asciiText(this.bytes.subarray(0, used));
	}

	/** Forgets what has not been taken. */
	clear(): void {
		this.#count = 0;
		this.#position = 0;
		this.#text = undefined;
	}

	/** Forgets what has not been taken, and begins small again. */
	restart(): void {
		this.clear();
		this.#size = Math.min(SMALLEST_BYTES, this.#largestBytes);
		this.#entries = SMALLEST_ENTRIES;
	}

	/** Gives back what can be used again; no fill is in flight. */
	release(): void {
		this.clear();
		if (!this.#viewsGoOut) this.#memory.giveBack(this.#room, 0);
		this.#memory.giveBackIndex(this.index);
		this.#room = NO_ROOM;
		this.index = NO_INDEX;
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
		if (encoding === 'buffer') return new BufferView(this.#room.memory, this.#room.offset + start, end - start);
		return this.#text === undefined ? this.bytes.toString('utf8', start, end) : this.#text.slice(start, end);
	}
}
