/**
 * Memory through which values leave the addon: many small values share one 64 KiB buffer, of which they are views.
 *
 * Invariants:
 *  1. A range is handed out once; the receiver owns it, and the slab lives as long as one of its values.
 *  2. The receiver may transfer the slab away: {@link Slab.offset} replaces one that has no bytes any more, before native code writes to it.
 */
import { BufferView } from '../../bytes';

const SLAB_SIZE = 64 * 1024;
/** The addon puts values up to an eighth of the slab into it; less room than that is not offered. */
const LEAST_ROOM = SLAB_SIZE / 8;

export class Slab {
	bytes: Buffer = Buffer.allocUnsafeSlow(SLAB_SIZE);
	#memory = this.bytes.buffer;
	#used = 0;
	readonly #onReplaced: (bytes: Buffer) => void;

	/** @param onReplaced tells the addon of a new buffer. */
	constructor(onReplaced: (bytes: Buffer) => void) {
		this.#onReplaced = onReplaced;
	}

	/** Where the next value may be put. */
	offset(): number {
		if (this.#used + LEAST_ROOM > this.bytes.length) this.#replace();
		return this.#used;
	}

	/** The value that was put at the offset. */
	take(length: number): Buffer {
		const start = this.#used;
		this.#used = start + length;
		return new BufferView(this.#memory, start, length);
	}

	#replace(): void {
		this.bytes = Buffer.allocUnsafeSlow(SLAB_SIZE);
		this.#memory = this.bytes.buffer;
		this.#used = 0;
		this.#onReplaced(this.bytes);
	}
}
