/**
 * The chunk that a scan fills: keys and values one behind the other, their ends in the index (see ../../iterator/chunk.ts).
 *
 * Invariant: what is refused leaves it as it was.
 */
import { copyBytes, EMPTY } from './bytes';

const NO_INDEX = new Uint32Array(0);

export class PackedChunk {
	bytes: Uint8Array = EMPTY;
	index: Uint32Array = NO_INDEX;
	/** Most entries. */
	limit = 0;
	/** Entries packed. */
	count = 0;
	/** Bytes packed. */
	used = 0;
	/** Did the first entry not fit? */
	tooSmall = false;

	/** @param keys, values which of them are packed */
	constructor(
		readonly keys: boolean,
		readonly values: boolean,
	) {}

	begin(bytes: Uint8Array, index: Uint32Array, limit: number): void {
		this.bytes = bytes;
		this.index = index;
		this.limit = Math.min(limit, index.length >> 1);
		this.count = 0;
		this.used = 0;
		this.tooSmall = false;
	}

	/** Lets go of the memory. */
	end(): void {
		this.bytes = EMPTY;
		this.index = NO_INDEX;
	}

	/** Start of the entry that was packed last. */
	get lastStart(): number {
		return this.count === 1 ? 0 : this.index[2 * this.count - 3];
	}

	/** Is there room for so many bytes? */
	fits(needed: number): boolean {
		if (this.used + needed <= this.bytes.length) return true;
		if (this.count === 0) {
			this.tooSmall = true;
			this.index[0] = needed;
		}
		return false;
	}

	/** Appends an entry; false when it does not fit. */
	pack(key: Uint8Array, keyStart: number, keyEnd: number, value: Uint8Array, valueStart: number, valueEnd: number): boolean {
		const { keys, values } = this;
		if (!this.fits((keys ? keyEnd - keyStart : 0) + (values ? valueEnd - valueStart : 0))) return false;
		const middle = keys ? copyBytes(key, keyStart, keyEnd, this.bytes, this.used) : this.used;
		this.added(middle, values ? copyBytes(value, valueStart, valueEnd, this.bytes, middle) : middle);
		return true;
	}

	/** Counts an entry whose bytes were written behind the others. */
	added(keyEnd: number, valueEnd: number): void {
		this.index[2 * this.count] = keyEnd;
		this.index[2 * this.count + 1] = valueEnd;
		this.used = valueEnd;
		this.count++;
	}
}
