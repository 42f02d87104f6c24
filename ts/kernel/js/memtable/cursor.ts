/**
 * Walks a memtable in internal key order.
 *
 * Invariants:
 *  1. The position holds until the next insertion; whoever keeps a cursor compares `tree.entries` and seeks again.
 *  2. The arena has user keys and trailers apart: the cursor puts the internal key of its entry together.
 */
import { copyBytes, grow } from '../bytes';
import type { SourceCursor } from '../cursor';
import { compareInternalKeys, firstKey, TRAILER_SIZE, writeTrailer } from '../internal-key';
import type { RangeDelete } from '../range-delete';
import { varint } from '../varint';
import { NO_LEAF, type Tree } from './tree';

export class MemtableCursor implements SourceCursor {
	private leaf = NO_LEAF;
	private slot = 0;
	valid = false;
	readonly keyStart = 0;
	keyEnd = 0;
	valueStart = 0;
	valueEnd = 0;
	keyBytes: Buffer = Buffer.allocUnsafeSlow(64);
	readonly valueBytes: Buffer;

	constructor(readonly tree: Tree) {
		this.valueBytes = tree.arena.bytes;
	}

	seekToFirst(): void {
		this.moveTo(this.tree.firstLeaf, 0);
	}

	seekToLast(): void {
		this.moveTo(this.tree.lastLeaf, this.tree.leafCount(this.tree.lastLeaf) - 1);
	}

	seek(bytes: Uint8Array, start: number, end: number): void {
		this.tree.lowerBound(bytes, start, end);
		this.moveTo(this.tree.leaf, this.tree.slot);
	}

	seekForPrev(bytes: Uint8Array, start: number, end: number): void {
		this.seek(bytes, start, end);
		if (!this.valid) this.seekToLast();
		else if (compareInternalKeys(this.keyBytes, this.keyStart, this.keyEnd, bytes, start, end) > 0) this.prev();
	}

	next(): void {
		if (this.slot + 1 < this.tree.leafCount(this.leaf)) this.moveTo(this.leaf, this.slot + 1);
		else this.moveTo(this.tree.nextLeaf(this.leaf), 0);
	}

	prev(): void {
		if (this.slot > 0) {
			this.moveTo(this.leaf, this.slot - 1);
			return;
		}
		const leaf = this.tree.previousLeaf(this.leaf);
		this.moveTo(leaf, leaf === NO_LEAF ? 0 : this.tree.leafCount(leaf) - 1);
	}

	pass(over: RangeDelete, reverse: boolean): void {
		const isOlder = this.tree.arena.newestSequence < over.sequence;
		if (!isOlder) {
			if (reverse) this.prev();
			else this.next();
		} else if (reverse) {
			const target = firstKey(over.start);
			this.seekForPrev(target, 0, target.length);
		} else if (over.end.length === 0) {
			this.valid = false;
		} else {
			const target = firstKey(over.end);
			this.seek(target, 0, target.length);
		}
	}

	/** Its entries lie apart: there is nothing to be gained. */
	packRun(): void {}

	packRunBackward(): void {}

	private moveTo(leaf: number, slot: number): void {
		this.leaf = leaf;
		this.slot = slot;
		this.valid = leaf !== NO_LEAF && slot >= 0 && slot < this.tree.leafCount(leaf);
		if (!this.valid) return;
		const { arena } = this.tree;
		const entry = this.tree.entry(leaf, slot);
		const start = arena.keyStart(entry);
		const end = arena.keyEnd(entry);
		const length = end - start + TRAILER_SIZE;
		if (length > this.keyBytes.length) this.keyBytes = grow(this.keyBytes, 0, length);
		const trailer = copyBytes(arena.bytes, start, end, this.keyBytes, 0);
		this.keyEnd = writeTrailer(this.keyBytes, trailer, arena.sequence(entry), arena.kind(entry));
		this.valueStart = arena.valueStart(entry);
		this.valueEnd = varint.end;
	}
}
