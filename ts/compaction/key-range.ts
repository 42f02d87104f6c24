/** Ranges of user keys, and what of a level lies in one. */
import { compareBytes } from '../bytes';

/** User keys from `smallest` to `largest`, both inclusive. */
export interface KeyRange {
	smallest: Uint8Array;
	largest: Uint8Array;
}

export function overlaps(a: KeyRange, b: KeyRange): boolean {
	return compareBytes(a.smallest, b.largest) <= 0 && compareBytes(b.smallest, a.largest) <= 0;
}

/** The smallest range around ranges, of which there is at least one. */
export function hull(ranges: readonly KeyRange[]): KeyRange {
	let { smallest, largest } = ranges[0];
	for (const range of ranges) {
		if (compareBytes(range.smallest, smallest) < 0) smallest = range.smallest;
		if (compareBytes(range.largest, largest) > 0) largest = range.largest;
	}
	return { smallest, largest };
}

/** Those that overlap a range. */
export function overlapping<T extends KeyRange>(ranges: readonly T[], range: KeyRange): T[] {
	return ranges.filter((one) => overlaps(one, range));
}

/** As {@link overlapping} for ranges that are disjoint and in key order, as those of a level from 1 on are: a binary search. */
export function overlappingSorted<T extends KeyRange>(ranges: readonly T[], range: KeyRange): T[] {
	const first = lowerBound(ranges, range.smallest);
	let end = first;
	while (end < ranges.length && compareBytes(ranges[end].smallest, range.largest) <= 0) end++;
	return ranges.slice(first, end);
}

/** Index of the first of sorted disjoint ranges that ends at a key or behind it. */
function lowerBound(ranges: readonly KeyRange[], key: Uint8Array): number {
	let low = 0;
	let high = ranges.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (compareBytes(ranges[middle].largest, key) < 0) low = middle + 1;
		else high = middle;
	}
	return low;
}

/** Do none of the ranges share a key? */
export function areDisjoint(ranges: readonly KeyRange[]): boolean {
	const sorted = [...ranges].sort((a, b) => compareBytes(a.smallest, b.smallest));
	return sorted.every((range, i) => i === 0 || compareBytes(sorted[i - 1].largest, range.smallest) < 0);
}
