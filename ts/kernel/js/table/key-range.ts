/**
 * The user keys that a table may hold, prepared for the question whether a key is among them: every lookup asks it of one table or more.
 *
 * Invariant: the heads are the six bytes behind the prefix that both bounds share. Keys that differ there need not be compared whole.
 */
import { compareBytes } from '../bytes';
import { readHead } from '../internal-key';
import { isBefore } from '../range-delete';

export class KeyRange {
	private readonly prefixLength: number;
	private readonly startHead: number;
	private readonly endHead: number;

	/** @param end of the range; empty for the end of all keys */
	constructor(
		private readonly start: Uint8Array,
		private readonly end: Uint8Array,
	) {
		this.prefixLength = commonPrefix(start, end);
		this.startHead = readHead(start, this.prefixLength, start.length);
		this.endHead = end.length === 0 ? Number.POSITIVE_INFINITY : readHead(end, this.prefixLength, end.length);
	}

	/** Does the user key `key[0, length)` lie in the range? */
	contains(key: Uint8Array, length: number): boolean {
		const { start, end, prefixLength, startHead, endHead } = this;
		if (length < prefixLength) return false;
		for (let i = 0; i < prefixLength; i++) if (key[i] !== start[i]) return false;
		const head = readHead(key, prefixLength, length);
		if (head > startHead && head < endHead) return true;
		if (head < startHead || head > endHead) return false;
		return compareBytes(key, 0, length, start, 0, start.length) >= 0 && isBefore(key, 0, length, end);
	}
}

function commonPrefix(a: Uint8Array, b: Uint8Array): number {
	const limit = Math.min(a.length, b.length);
	let length = 0;
	while (length < limit && a[length] === b[length]) length++;
	return length;
}
