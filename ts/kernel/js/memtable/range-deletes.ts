/**
 * The range deletes of a memtable, beside its tree.
 *
 * Invariant: they come in the order of their sequence numbers. Most reads see all of them: for these the coverage answers. A read
 * that is older than the newest one over its key looks through the list.
 */
import { Coverage } from '../coverage';
import { coversKey, type RangeDelete } from '../range-delete';

/** What a range delete takes beside its bytes. */
const OBJECT_BYTES = 200;

export class RangeDeletes {
	/** Oldest first. */
	readonly all: RangeDelete[] = [];
	private newest = Coverage.empty();
	/** A scan has it: it must stay as it is. */
	private newestIsShared = false;
	/** Bytes in memory, of the list and the coverage, about. */
	memory = 0;

	insert(rangeDelete: RangeDelete): void {
		if (this.newestIsShared) this.newest = this.newest.copy();
		this.newestIsShared = false;
		this.newest.paint(rangeDelete);
		this.memory += 2 * (rangeDelete.start.length + rangeDelete.end.length + OBJECT_BYTES);
		this.all.push(rangeDelete);
	}

	get isEmpty(): boolean {
		return this.all.length === 0;
	}

	/** What those cover that `sequence` can see. */
	coverage(sequence: number): Coverage {
		if ((this.all.at(-1)?.sequence ?? 0) > sequence) return Coverage.of(this.all.filter((one) => one.sequence <= sequence));
		this.newestIsShared = true;
		return this.newest;
	}

	/** The sequence number of the newest one over `key[0, length)` that `sequence` can see; 0 when there is none. */
	covering(key: Uint8Array, length: number, sequence: number): number {
		const newest = this.newest.at(key, 0, length);
		if (newest === undefined) return 0;
		if (newest.sequence <= sequence) return newest.sequence;
		const visible = this.all.findLast((one) => one.sequence <= sequence && coversKey(one, key, 0, length));
		return visible?.sequence ?? 0;
	}
}
