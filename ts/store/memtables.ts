/**
 * The active memtable and the queue of immutable ones that wait for their flush. The entries live in the kernel; this is the
 * bookkeeping.
 *
 * Invariants:
 *  1. `usage` never passes `capacity`: a memtable is frozen before the batch that would not fit.
 *  2. Immutable memtables are flushed oldest first, so that tables enter level 0 in the order of their sequence numbers.
 *  3. `walNumber` is the oldest log that holds entries of the memtable; it never decreases from one memtable to the next.
 */

import type { KernelEngine } from '../kernel/kernel';

/** A memtable that holds as many is frozen: what one more costs, and a scan that is older than some, grows with their number. */
const MAX_RANGE_DELETES = 16_384;

/** One memtable. Sizes are bytes as the kernel interface counts them: keys, values and MEMTABLE_ENTRY_OVERHEAD for each entry. */
export interface Memtable {
	readonly id: number;
	readonly walNumber: number;
	readonly capacity: number;
	usage: number;
	entries: number;
	rangeDeletes: number;
	/** Highest sequence number in it. */
	lastSequence: number;
}

export class Memtables {
	readonly #engine: KernelEngine;
	#nextId = 1;
	#active: Memtable;
	/** Oldest first. */
	readonly #immutables: Memtable[] = [];

	constructor(engine: KernelEngine, capacity: number, walNumber: number) {
		this.#engine = engine;
		this.#active = this.#make(capacity, walNumber);
	}

	get active(): Memtable {
		return this.#active;
	}

	get immutables(): readonly Memtable[] {
		return this.#immutables;
	}

	/** Does the active memtable take `needed` bytes more? */
	fits(needed: number): boolean {
		const { usage, capacity, rangeDeletes } = this.#active;
		return usage + needed <= capacity && rangeDeletes < MAX_RANGE_DELETES;
	}

	/** Freezes the active memtable and puts an empty one in its place. The view must be installed anew. */
	rotate(capacity: number, walNumber: number): void {
		this.#immutables.push(this.#active);
		this.#active = this.#make(capacity, walNumber);
	}

	/** Puts another empty memtable in the place of an active one that is empty. The view must be installed anew. */
	replaceEmpty(capacity: number, walNumber: number): void {
		const { id } = this.#active;
		this.#active = this.#make(capacity, walNumber);
		this.#engine.dropMemtable(id);
	}

	/** Counts a record that the kernel has applied to the active memtable. */
	applied(usage: number, entries: number, rangeDeletes: number, lastSequence: number): void {
		this.#active.usage += usage;
		this.#active.entries += entries;
		this.#active.rangeDeletes += rangeDeletes;
		this.#active.lastSequence = lastSequence;
	}

	/** Takes the oldest immutable memtable out: it is in a table. The view must be installed anew. */
	removeOldest(): void {
		const oldest = this.#immutables.shift();
		if (oldest !== undefined) this.#engine.dropMemtable(oldest.id);
	}

	/** Oldest log that the memtables need, once the oldest immutable one is flushed. */
	walNumberAfterOldest(): number {
		return (this.#immutables[1] ?? this.#active).walNumber;
	}

	/** Oldest log that the memtables need. */
	oldestWalNumber(): number {
		return (this.#immutables[0] ?? this.#active).walNumber;
	}

	/** Ids, newest first, as a view wants them. */
	ids(): number[] {
		return [this.#active.id, ...this.#immutables.map((memtable) => memtable.id).reverse()];
	}

	immutableBytes(): number {
		return this.#immutables.reduce((sum, memtable) => sum + memtable.usage, 0);
	}

	#make(capacity: number, walNumber: number): Memtable {
		const id = this.#nextId++;
		this.#engine.createMemtable(id, capacity);
		return { id, walNumber, capacity, usage: 0, entries: 0, rangeDeletes: 0, lastSequence: 0 };
	}
}
