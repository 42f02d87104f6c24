/** Ranges of user keys, and what of a level lies in one. */
import { compareBytes } from '../bytes';
import { isBefore } from '../manifest/table-metadata';

/** User keys from `smallest` (inclusive) to `end` (exclusive; empty: the end of all keys). */
export interface KeyRange {
	smallest: Uint8Array;
	end: Uint8Array;
}

export function overlaps(a: KeyRange, b: KeyRange): boolean {
	return isBefore(a.smallest, b.end) && isBefore(b.smallest, a.end);
}

/** The smallest range around ranges, of which there is at least one. */
export function hull(ranges: readonly KeyRange[]): KeyRange {
	let { smallest, end } = ranges[0];
	for (const range of ranges) {
		if (compareBytes(range.smallest, smallest) < 0) smallest = range.smallest;
		end = greaterEnd(end, range.end);
	}
	return { smallest, end };
}

export function greaterEnd(a: Uint8Array, b: Uint8Array): Uint8Array {
	return isBefore(b, a) && b.length > 0 ? a : b;
}

/** Those that overlap a range. */
export function overlapping<T extends KeyRange>(ranges: readonly T[], range: KeyRange): T[] {
	return ranges.filter((one) => overlaps(one, range));
}

/** As {@link overlapping} for ranges that are disjoint and in key order, as those of a level from 1 on are: a binary search. */
export function overlappingSorted<T extends KeyRange>(ranges: readonly T[], range: KeyRange): T[] {
	const first = lowerBound(ranges, range.smallest);
	let end = first;
	while (end < ranges.length && isBefore(ranges[end].smallest, range.end)) end++;
	return ranges.slice(first, end);
}

/** Index of the first of sorted disjoint ranges that ends behind a key. */
function lowerBound(ranges: readonly KeyRange[], key: Uint8Array): number {
	let low = 0;
	let high = ranges.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (isBefore(key, ranges[middle].end)) high = middle;
		else low = middle + 1;
	}
	return low;
}

/** Do none of the ranges share a key? */
export function areDisjoint(ranges: readonly KeyRange[]): boolean {
	const sorted = [...ranges].sort((a, b) => compareBytes(a.smallest, b.smallest));
	return sorted.every((range, i) => i === 0 || !isBefore(range.smallest, sorted[i - 1].end));
}
