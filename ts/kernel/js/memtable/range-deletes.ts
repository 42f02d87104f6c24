/**
 * The range deletes of a memtable, beside its tree.
 *
 * Invariant: they come in the order of their sequence numbers. Most reads see all of them: for these the coverage answers. A read
 * that is older than the newest one over its key looks through the list.
 */
import { Coverage } from '../coverage';
import { coversKey, type RangeDelete } from '../range-delete';

export class RangeDeletes {
	/** Oldest first. */
	readonly all: RangeDelete[] = [];
	private readonly newest = new Coverage();

	insert(rangeDelete: RangeDelete): void {
		this.newest.paint(rangeDelete);
		this.all.push(rangeDelete);
	}

	get isEmpty(): boolean {
		return this.all.length === 0;
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
