/**
 * A sorted list of internal keys for fast lower-bound search: the last keys of a table's blocks, the largest keys of a level's
 * tables.
 *
 * Invariants:
 *  1. Keys lie packed in one buffer, strictly ascending.
 *  2. `heads[i]` holds the six bytes of user key i behind the prefix that all user keys share: the search reads one array of
 *     doubles and compares bytes only where heads are equal.
 */
import { compareBytes, copyBytes, EMPTY, grow } from '../bytes';
import { compareInternalKeys, readHead, TRAILER_SIZE } from '../internal-key';

export class KeyIndex {
	private bytes: Buffer = EMPTY;
	private ends: Uint32Array = new Uint32Array(16);
	private heads: Float64Array = new Float64Array(0);
	private prefixLength = 0;
	count = 0;

	/** Appends `key[start, end)`; false (and nothing happens) when it is not above the last one. */
	append(key: Uint8Array, start: number, end: number): boolean {
		const at = this.keyEnd(this.count - 1);
		const before = this.keyEnd(this.count - 2);
		if (this.count > 0 && compareInternalKeys(this.bytes, before, at, key, start, end) >= 0) return false;
		if (this.count === this.ends.length) {
			const larger = new Uint32Array(this.ends.length * 2);
			larger.set(this.ends);
			this.ends = larger;
		}
		this.bytes = grow(this.bytes, at, at + end - start);
		this.ends[this.count++] = copyBytes(key, start, end, this.bytes, at);
		return true;
	}

	/** Has packed keys, strictly ascending, and their ends instead of its own; nothing is appended afterwards. */
	take(bytes: Buffer, ends: Uint32Array): void {
		this.bytes = bytes;
		this.ends = ends;
		this.count = ends.length;
		this.finish();
	}

	/** Computes prefix and heads; nothing is appended afterwards. */
	finish(): this {
		this.bytes = Buffer.from(this.bytes.subarray(0, this.keyEnd(this.count - 1)));
		this.ends = this.ends.slice(0, this.count);
		this.prefixLength = this.commonPrefix();
		this.heads = this.makeHeads();
		return this;
	}

	/** Bytes held in memory. */
	get size(): number {
		return this.bytes.length + this.ends.byteLength + this.heads.byteLength;
	}

	/** Position of the first key at or after the internal key `target[start, end)`; `count` when there is none. */
	lowerBound(target: Uint8Array, start: number, end: number): number {
		if (this.count === 0) return 0;
		const userEnd = end - TRAILER_SIZE;
		const prefixEnd = Math.min(start + this.prefixLength, userEnd);
		const order = compareBytes(target, start, prefixEnd, this.bytes, 0, this.prefixLength);
		if (order !== 0) return order < 0 ? 0 : this.count;
		const head = readHead(target, prefixEnd, userEnd);
		let low = 0;
		let high = this.count;
		while (low < high) {
			const middle = (low + high) >>> 1;
			const other = this.heads[middle];
			if (other < head || (other === head && this.compareKey(middle, target, start, end) < 0)) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	private makeHeads(): Float64Array {
		const { bytes, ends, prefixLength } = this;
		const heads = new Float64Array(ends.length);
		let start = 0;
		for (let i = 0; i < ends.length; i++) {
			heads[i] = readHead(bytes, start + prefixLength, ends[i] - TRAILER_SIZE);
			start = ends[i];
		}
		return heads;
	}

	private compareKey(i: number, target: Uint8Array, start: number, end: number): number {
		return compareInternalKeys(this.bytes, this.keyEnd(i - 1), this.ends[i], target, start, end);
	}

	private keyEnd(i: number): number {
		return i < 0 ? 0 : this.ends[i];
	}

	private commonPrefix(): number {
		if (this.count === 0) return 0;
		const lastStart = this.keyEnd(this.count - 2);
		const lastEnd = this.keyEnd(this.count - 1) - TRAILER_SIZE;
		const limit = Math.min(this.ends[0] - TRAILER_SIZE, lastEnd - lastStart);
		let length = 0;
		while (length < limit && this.bytes[length] === this.bytes[lastStart + length]) length++;
		return length;
	}
}
