/**
 * A binary heap of source numbers for a k-way merge.
 *
 * Invariants:
 *  1. The source at the root comes first in the direction of the merge; equal keys go by source number, the newest source first
 *     going forward and last going backward.
 *  2. Only valid cursors are in the heap.
 *  3. The bounds of each source's key, and its head, are copied here after each move: comparing two sources reads arrays, and
 *     mostly two doubles.
 */
import type { Cursor } from '../cursor';
import { compareInternalKeys, readHead, TRAILER_SIZE } from '../internal-key';

export class MergeHeap {
	/** Going backward when true. */
	reverse = false;
	size = 0;
	private readonly slots: Int32Array;
	private readonly heads: Float64Array;

	constructor(private readonly cursors: readonly Cursor[]) {
		this.slots = new Int32Array(cursors.length);
		this.heads = new Float64Array(cursors.length);
	}

	/** Source that comes first. */
	get top(): number {
		return this.slots[0];
	}

	/** Builds the heap anew from the cursors that are valid. */
	rebuild(reverse: boolean): void {
		this.reverse = reverse;
		this.size = 0;
		for (let source = 0; source < this.cursors.length; source++) {
			if (!this.cursors[source].valid) continue;
			this.readHead(source);
			this.slots[this.size++] = source;
		}
		for (let at = (this.size >> 1) - 1; at >= 0; at--) this.sink(at);
	}

	/** Puts the root in its place after its cursor moved. */
	topMoved(): void {
		const source = this.slots[0];
		if (this.cursors[source].valid) {
			if (this.size === 1) return;
			this.readHead(source);
		} else {
			this.slots[0] = this.slots[--this.size];
		}
		this.sink(0);
	}

	private readHead(source: number): void {
		const cursor = this.cursors[source];
		this.heads[source] = readHead(cursor.keyBytes, cursor.keyStart, cursor.keyEnd - TRAILER_SIZE);
	}

	private sink(at: number): void {
		const source = this.slots[at];
		for (;;) {
			let child = 2 * at + 1;
			if (child >= this.size) break;
			if (child + 1 < this.size && this.isBefore(this.slots[child + 1], this.slots[child])) child++;
			if (!this.isBefore(this.slots[child], source)) break;
			this.slots[at] = this.slots[child];
			at = child;
		}
		this.slots[at] = source;
	}

	private isBefore(a: number, b: number): boolean {
		let order = this.heads[a] - this.heads[b];
		if (order === 0) order = this.compareKeys(this.cursors[a], this.cursors[b]);
		if (order === 0) order = a - b;
		return this.reverse ? order > 0 : order < 0;
	}

	private compareKeys(a: Cursor, b: Cursor): number {
		return compareInternalKeys(a.keyBytes, a.keyStart, a.keyEnd, b.keyBytes, b.keyStart, b.keyEnd);
	}
}
