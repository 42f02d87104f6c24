/**
 * Which entries of a job's input survive.
 *
 * `stripe(s)` is the number of living snapshots strictly below sequence number s: two versions of a user key in the same stripe
 * look alike to every reader, so only the newer one is needed.
 *
 * Invariants:
 *  1. Entries come in internal key order. One whose stripe equals that of the next newer entry of its user key is dropped.
 *  2. After that check a compaction drops a tombstone in stripe 0 whose user key no level below the output holds. It still
 *     counts as the next newer entry, so what it hid goes with it.
 *  3. A flush keeps every other tombstone: tables may hold what they delete.
 *  4. An entry that has expired is a tombstone, whatever the snapshots: it is dropped where one is, and becomes one where not.
 *  5. Last, an entry is dropped that a range delete of the input hides from everybody, see ./range-retention.ts.
 */
import { KIND_DELETE } from '../../kernel';
import { compareBytes, copyBytes, EMPTY, grow } from '../bytes';
import { readSequence, TRAILER_SIZE } from '../internal-key';
import { isBefore, type RangeDelete } from '../range-delete';
import { RangeRetention } from './range-retention';

/** What becomes of an entry. */
export const DROPPED = 0;
export const KEPT = 1;
/** It stays as a tombstone with its sequence number. */
export const BURIED = 2;
export type Fate = typeof DROPPED | typeof KEPT | typeof BURIED;

/** From a user key to an end. */
export type KeyRange = [start: Uint8Array, end: Uint8Array];

export class Retention {
	private readonly snapshots: Float64Array;
	private lastKey: Buffer = EMPTY;
	private lastKeyLength = -1;
	private lastStripe = 0;
	private range = 0;
	/** Undefined when the input has no range deletes. */
	private readonly ranges: RangeRetention | undefined;

	/**
	 * @param keepTombstones ascending, disjoint; undefined keeps all tombstones
	 * @param rangeDeletes in any order
	 */
	constructor(
		snapshots: readonly number[],
		private readonly keepTombstones: readonly KeyRange[] | undefined,
		rangeDeletes: readonly RangeDelete[],
	) {
		this.snapshots = Float64Array.from(snapshots);
		if (rangeDeletes.length > 0) this.ranges = new RangeRetention(rangeDeletes, (sequence) => this.stripe(sequence));
	}

	/** The range deletes that survive, as fragments in order. */
	rangeDeletes(): RangeDelete[] {
		return this.ranges?.fragments(this.keepTombstones) ?? [];
	}

	/** What becomes of the entry with the internal key `key[start, end)`? */
	fate(key: Uint8Array, start: number, end: number, hasExpired: boolean): Fate {
		const userEnd = end - TRAILER_SIZE;
		const sequence = readSequence(key, userEnd);
		const stripe = this.stripe(sequence);
		const sameKey = this.lastKeyLength >= 0 && compareBytes(this.lastKey, 0, this.lastKeyLength, key, start, userEnd) === 0;
		if (sameKey && stripe === this.lastStripe) return DROPPED;
		this.lastStripe = stripe;
		if (!sameKey) {
			this.lastKeyLength = userEnd - start;
			this.lastKey = grow(this.lastKey, 0, this.lastKeyLength);
			copyBytes(key, start, userEnd, this.lastKey, 0);
		}
		if (this.ranges?.hides(key, start, userEnd, sequence, stripe) === true) return DROPPED;
		const isTombstone = hasExpired || key[userEnd] === KIND_DELETE;
		if (isTombstone && stripe === 0 && this.keepTombstones !== undefined) {
			if (!this.isBelow(this.keepTombstones, key, start, userEnd)) return DROPPED;
		}
		return hasExpired ? BURIED : KEPT;
	}

	private stripe(sequence: number): number {
		let low = 0;
		let high = this.snapshots.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (this.snapshots[middle] < sequence) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/** Is the user key in one of the ranges? Keys ascend from call to call. */
	private isBelow(ranges: readonly KeyRange[], key: Uint8Array, start: number, end: number): boolean {
		while (this.range < ranges.length) {
			const [rangeStart, rangeEnd] = ranges[this.range];
			if (isBefore(key, start, end, rangeEnd)) {
				return compareBytes(key, start, end, rangeStart, 0, rangeStart.length) >= 0;
			}
			this.range++;
		}
		return false;
	}
}
