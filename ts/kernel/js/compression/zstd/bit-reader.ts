/**
 * The bit streams of zstd, which are read from their end: the highest bit that is set in the last byte marks the beginning.
 *
 * Invariants:
 *  1. Three bytes behind the stream may be looked at, and do not matter: the buffer goes on behind it with the trailer of the block.
 *  2. Behind the end come zeros, and `left` is negative: the caller looks at it when a stream must be at its end.
 */
export class BitReader {
	private bytes: Uint8Array = new Uint8Array(0);
	private start = 0;
	/** Bits that were not read yet; negative when more were read than there are. */
	left = 0;

	/** Begins with the stream `bytes[start, end)`; false when it has no beginning. */
	open(bytes: Uint8Array, start: number, end: number): boolean {
		if (start >= end || bytes[end - 1] === 0) return false;
		this.bytes = bytes;
		this.start = start;
		this.left = 8 * (end - 1 - start) + 31 - Math.clz32(bytes[end - 1]);
		return true;
	}

	/** The next bits as a number; at most 25. */
	read(count: number): number {
		this.left -= count;
		if (this.left >= 0) return this.at(this.left, count);
		const there = this.left + count;
		return there <= 0 ? 0 : this.at(0, there) << -this.left;
	}

	private at(position: number, count: number): number {
		const { bytes } = this;
		const at = this.start + (position >>> 3);
		const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
		return (word >>> (position & 7)) & ((1 << count) - 1);
	}
}
