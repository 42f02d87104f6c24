/**
 * Memory for values that leave the kernel: many small values share one 64 KiB buffer.
 *
 * Invariants:
 *  1. A range is handed out once; the receiver owns it, and the slab lives as long as one of its values.
 *  2. A value over an eighth of the slab gets a buffer of its own, so a small value never keeps a large one alive.
 *  3. The receiver may transfer the slab away: a slab without bytes is replaced.
 */
import { BufferView } from '../../bytes';
import { copyBytes } from './bytes';

const SLAB_SIZE = 64 * 1024;
const LARGEST_SHARED = SLAB_SIZE / 8;

export class Slab {
	private slab: Buffer = Buffer.allocUnsafeSlow(SLAB_SIZE);
	private memory = this.slab.buffer;
	private used = 0;

	/** A copy of `bytes[start, end)`. */
	copy(bytes: Buffer, start: number, end: number): Buffer {
		const length = end - start;
		if (length > LARGEST_SHARED) {
			const own = Buffer.allocUnsafeSlow(length);
			bytes.copy(own, 0, start, end);
			return own;
		}
		if (this.slab.length === 0 || this.used + length > this.slab.length) {
			this.slab = Buffer.allocUnsafeSlow(SLAB_SIZE);
			this.memory = this.slab.buffer;
			this.used = 0;
		}
		const at = this.used;
		this.used = copyBytes(bytes, start, end, this.slab, at);
		return new BufferView(this.memory, at, length);
	}
}
