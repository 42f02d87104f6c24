/**
 * A memtable: an arena of entries and the tree that orders them.
 *
 * Invariants:
 *  1. One writer. Readers on the same thread see whole batches; the flush thread sees only frozen memtables.
 *  2. Sequence numbers are unique, so no two internal keys are equal.
 */
import { KIND_RANGE_DELETE } from '../../kernel';
import { forEachOperation, type OperationSink, RECORD_HEADER_SIZE } from '../batch';
import { compareBytes } from '../bytes';
import { TRAILER_SIZE } from '../internal-key';
import type { RangeDelete } from '../range-delete';
import type { Arena } from './arena';
import { MemtableCursor } from './cursor';
import { RangeDeletes } from './range-deletes';
import { NO_LEAF, type SharedTree, Tree } from './tree';

/** Answer of {@link Memtable.find} for a key it knows nothing of. */
export const NOT_FOUND = -1;

export class Memtable implements OperationSink {
	readonly rangeDeletes = new RangeDeletes();

	/** How far the arena has moved the operations of the record that is being inserted. */
	private moved = 0;

	private constructor(private readonly tree: Tree) {}

	/** @throws ResourceError when there is no memory for `capacity` bytes in one piece. */
	static create(capacity: number): Memtable {
		return new Memtable(Tree.create(capacity));
	}

	/** Inserts the operations of the WAL record `record[start, end)`. */
	apply(record: Uint8Array, start: number, end: number): void {
		const operations = Math.min(start + RECORD_HEADER_SIZE, end);
		this.moved = this.tree.arena.copyOperations(record, operations, end) - operations;
		forEachOperation(record, start, end, this);
	}

	insert(
		record: Uint8Array,
		keyStart: number,
		keyEnd: number,
		valueStart: number,
		valueEnd: number,
		sequence: number,
		kind: number,
	): void {
		if (kind === KIND_RANGE_DELETE) {
			this.rangeDeletes.insert(rangeDeleteOf(record, keyStart, keyEnd, valueStart, valueEnd, sequence));
			return;
		}
		this.tree.insert(keyStart + this.moved, keyEnd + this.moved, sequence, kind);
	}

	/** The newest visible entry of a user key; the target is an internal key with the highest visible sequence. */
	find(target: Uint8Array, length: number): number {
		const { tree } = this;
		if (tree.entries === 0) return NOT_FOUND;
		tree.lowerBound(target, 0, length);
		if (tree.leaf === NO_LEAF) return NOT_FOUND;
		const { arena } = tree;
		const entry = tree.entry(tree.leaf, tree.slot);
		const start = arena.keyStart(entry);
		return compareBytes(arena.bytes, start, arena.keyEnd(entry), target, 0, length - TRAILER_SIZE) === 0 ? entry : NOT_FOUND;
	}

	get arena(): Arena {
		return this.tree.arena;
	}

	/** Entries inserted so far. */
	get entries(): number {
		return this.tree.entries;
	}

	/** Bytes of entries and of the tree over them. */
	get memory(): number {
		return this.tree.memory + this.rangeDeletes.memory;
	}

	cursor(): MemtableCursor {
		return new MemtableCursor(this.tree);
	}

	share(): SharedTree {
		return this.tree.share();
	}
}

/** Copies: the record goes away, and a thread that is sent one must not get the memory around it. */
function rangeDeleteOf(
	record: Uint8Array,
	keyStart: number,
	keyEnd: number,
	valueStart: number,
	valueEnd: number,
	sequence: number,
): RangeDelete {
	const start = Uint8Array.from(record.subarray(keyStart, keyEnd));
	return { start, end: Uint8Array.from(record.subarray(valueStart, valueEnd)), sequence };
}
