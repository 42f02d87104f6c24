/**
 * Merges cursors, newest source first, into one ordered walk over all their entries; drops nothing.
 *
 * Invariants:
 *  1. Going forward every other source stands at its first entry behind the current one, going backward at its last before it.
 *  2. A change of direction moves all other sources to the other side of the current key.
 */
import { copyBytes, EMPTY, grow } from '../bytes';
import type { Cursor, SourceCursor } from '../cursor';
import { compareInternalKeys } from '../internal-key';
import type { PackedChunk } from '../packed-chunk';
import { MergeHeap } from './heap';

export class MergeCursor<C extends Cursor = Cursor> implements Cursor {
	private readonly heap: MergeHeap;
	private current: C;
	private turnKey: Buffer = EMPTY;
	valid = false;

	/** @param cursors newest source first */
	constructor(private readonly cursors: readonly C[]) {
		this.heap = new MergeHeap(cursors);
		this.current = cursors[0];
	}

	get keyBytes(): Buffer {
		return this.current.keyBytes;
	}

	get keyStart(): number {
		return this.current.keyStart;
	}

	get keyEnd(): number {
		return this.current.keyEnd;
	}

	get valueBytes(): Buffer {
		return this.current.valueBytes;
	}

	get valueStart(): number {
		return this.current.valueStart;
	}

	get valueEnd(): number {
		return this.current.valueEnd;
	}

	/** The cursor that the current entry comes from. */
	get source(): C {
		return this.current;
	}

	seekToFirst(): void {
		this.valid = false;
		for (const cursor of this.cursors) cursor.seekToFirst();
		this.rebuild(false);
	}

	seekToLast(): void {
		this.valid = false;
		for (const cursor of this.cursors) cursor.seekToLast();
		this.rebuild(true);
	}

	seek(bytes: Uint8Array, start: number, end: number): void {
		this.valid = false;
		for (const cursor of this.cursors) cursor.seek(bytes, start, end);
		this.rebuild(false);
	}

	seekForPrev(bytes: Uint8Array, start: number, end: number): void {
		this.valid = false;
		for (const cursor of this.cursors) cursor.seekForPrev(bytes, start, end);
		this.rebuild(true);
	}

	next(): void {
		this.valid = false;
		if (this.heap.reverse) this.turn(false);
		this.current.next();
		this.settle();
	}

	prev(): void {
		this.valid = false;
		if (!this.heap.reverse) this.turn(true);
		this.current.prev();
		this.settle();
	}

	/** Moves the source of the current entry, and no other, by `go`, which goes on in the direction of the merge. Only while `valid`. */
	moveTop(go: (source: C) => void): void {
		this.valid = false;
		go(this.current);
		this.settle();
	}

	/** Has the source of the current entry pack what follows it, where no other source is left to come in between. Going forward only. */
	packRun(this: MergeCursor<SourceCursor>, into: PackedChunk, sequence: number, upper: Uint8Array | undefined): void {
		if (this.heap.size === 1) this.current.packRun(into, sequence, upper);
	}

	/** As {@link packRun}, going backward only. */
	packRunBackward(this: MergeCursor<SourceCursor>, into: PackedChunk, sequence: number, lower: Uint8Array | undefined): void {
		if (this.heap.size === 1) this.current.packRunBackward(into, sequence, lower);
	}

	private rebuild(reverse: boolean): void {
		this.heap.rebuild(reverse);
		this.takeTop();
	}

	private settle(): void {
		this.heap.topMoved();
		this.takeTop();
	}

	private takeTop(): void {
		this.valid = this.heap.size > 0;
		if (this.valid) this.current = this.cursors[this.heap.top];
	}

	/** Moves all sources but the current one across the current key, in the order (key, source). */
	private turn(reverse: boolean): void {
		const { current } = this;
		const length = current.keyEnd - current.keyStart;
		this.turnKey = grow(this.turnKey, 0, length);
		copyBytes(current.keyBytes, current.keyStart, current.keyEnd, this.turnKey, 0);
		let before = true;
		for (const cursor of this.cursors) {
			if (cursor === current) before = false;
			else if (reverse) this.moveBefore(cursor, length, !before);
			else this.moveAfter(cursor, length, before);
		}
		this.heap.rebuild(reverse);
	}

	private moveBefore(cursor: Cursor, length: number, strictly: boolean): void {
		cursor.seekForPrev(this.turnKey, 0, length);
		if (strictly && cursor.valid && this.isTurnKey(cursor, length)) cursor.prev();
	}

	private moveAfter(cursor: Cursor, length: number, strictly: boolean): void {
		cursor.seek(this.turnKey, 0, length);
		if (strictly && cursor.valid && this.isTurnKey(cursor, length)) cursor.next();
	}

	private isTurnKey(cursor: Cursor, length: number): boolean {
		return compareInternalKeys(cursor.keyBytes, cursor.keyStart, cursor.keyEnd, this.turnKey, 0, length) === 0;
	}
}
