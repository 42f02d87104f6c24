/**
 * Memory that the chunks of all iterators of a database share: to allocate it anew costs a short scan more than to read its entries.
 *
 * Invariants:
 *  1. A room belongs to one chunk until it is given back; what is kept of it, because views of it went out, is never handed out again.
 *  2. A receiver may transfer the slab away: one without bytes is replaced.
 *  3. An index is given back by a chunk that is done with it, and goes out to nobody else but chunks.
 */
import { BufferView } from '../bytes';

const SLAB_SIZE = 64 * 1024;
/** A larger room gets memory of its own: it would fill the slab in no time. */
const LARGEST_SHARED = SLAB_SIZE / 8;
const NO_BYTES = Buffer.alloc(0);
/** Entries of the indexes that are kept for reuse. */
const POOLED_ENTRIES = 16;
const MOST_POOLED = 16;

/** Bytes, and where they lie: to ask them for it each time takes longer than to make a view of them. */
export interface Room {
	bytes: Buffer;
	memory: ArrayBufferLike;
	/** Where the bytes begin in the memory. */
	offset: number;
}

export const NO_ROOM: Room = { bytes: NO_BYTES, memory: NO_BYTES.buffer, offset: 0 };

export class ChunkMemory {
	#slab = NO_BYTES;
	#slabMemory = NO_BYTES.buffer;
	#used = 0;
	readonly #indexes: Uint32Array[] = [];

	/** Memory of `size` bytes. */
	room(size: number): Room {
		if (size > LARGEST_SHARED) {
			const bytes = Buffer.allocUnsafeSlow(size);
			return { bytes, memory: bytes.buffer, offset: 0 };
		}
		if (this.#used + size > this.#slab.length) {
			this.#slab = Buffer.allocUnsafeSlow(SLAB_SIZE);
			this.#slabMemory = this.#slab.buffer;
			this.#used = 0;
		}
		const offset = this.#used;
		this.#used += size;
		return { bytes: new BufferView(this.#slabMemory, offset, size), memory: this.#slabMemory, offset };
	}

	/** Takes back what lies behind the first `kept` bytes of a room, when it was the last to be handed out. */
	giveBack(room: Room, kept: number): void {
		if (room.memory === this.#slabMemory && room.offset + room.bytes.length === this.#used) this.#used = room.offset + kept;
	}

	/** An index for so many entries: two ends each. */
	index(entries: number): Uint32Array {
		return (
			(entries <= POOLED_ENTRIES ? this.#indexes.pop() : undefined) ?? new Uint32Array(2 * Math.max(entries, POOLED_ENTRIES))
		);
	}

	giveBackIndex(index: Uint32Array): void {
		if (index.length === 2 * POOLED_ENTRIES && this.#indexes.length < MOST_POOLED) this.#indexes.push(index);
	}
}
