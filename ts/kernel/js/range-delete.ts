/**
 * Range deletes: all entries of a stretch of user keys, deleted by one record.
 *
 * Invariants:
 *  1. `start` is inside, `end` is not. An empty end stands for the end of all keys: no range ends at the empty key, below which there
 *     is nothing. Every end of this kernel is meant so, those of tables too.
 *  2. A range delete hides the entries of its keys with smaller sequence numbers from the readers that see its own.
 */
import { compareBytes } from './bytes';

export interface RangeDelete {
	readonly start: Uint8Array;
	readonly end: Uint8Array;
	readonly sequence: number;
}

/** Is the user key `key[start, end)` in the range? */
export function coversKey(rangeDelete: RangeDelete, key: Uint8Array, start: number, end: number): boolean {
	return (
		compareBytes(rangeDelete.start, 0, rangeDelete.start.length, key, start, end) <= 0 &&
		isBefore(key, start, end, rangeDelete.end)
	);
}

/** Is the user key `key[start, end)` before a range's end? */
export function isBefore(key: Uint8Array, start: number, end: number, rangeEnd: Uint8Array): boolean {
	return rangeEnd.length === 0 || compareBytes(key, start, end, rangeEnd, 0, rangeEnd.length) < 0;
}

/** {@link isBefore} of a whole array. */
export function keyIsBefore(key: Uint8Array, rangeEnd: Uint8Array): boolean {
	return isBefore(key, 0, key.length, rangeEnd);
}

/** The order of two user keys. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
	return compareBytes(a, 0, a.length, b, 0, b.length);
}

/** The order of two ends; the end of all keys is the greatest. */
export function compareEnds(a: Uint8Array, b: Uint8Array): number {
	if (a.length === 0 || b.length === 0) return b.length - a.length;
	return compareKeys(a, b);
}

/** How many of the items that come first pass the test: those that do all come before those that do not. */
export function partitionPoint<T>(items: readonly T[], passes: (item: T) => boolean): number {
	let low = 0;
	let high = items.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (passes(items[middle])) low = middle + 1;
		else high = middle;
	}
	return low;
}
