/**
 * The block of a table's range deletes. Part of the file format: do not change.
 *
 * A block with restart interval 16. Of each entry the key is an internal key of kind 2, the start of the range; the value is its end.
 *
 * Invariants:
 *  1. Ranges are *fragments*: two of them are the same range, or share no key. Those of one range come newest first.
 *  2. There is at least one, and none is empty.
 */
import { CorruptionError } from '../../../errors';
import { KIND_RANGE_DELETE } from '../../kernel';
import { BlockBuilder } from '../block/builder';
import { BlockCursor, INTERNAL_KEYS } from '../block/cursor';
import { compareBytes } from '../bytes';
import { readSequence, TRAILER_SIZE, withTrailer } from '../internal-key';
import { compareKeys, isBefore, keyIsBefore, type RangeDelete } from '../range-delete';

const RESTART_INTERVAL = 16;

export function encodeRangeDeletes(fragments: readonly RangeDelete[]): Buffer {
	const block = new BlockBuilder(RESTART_INTERVAL, 512);
	for (const { start, end, sequence } of fragments) {
		const key = withTrailer(start, sequence, KIND_RANGE_DELETE);
		block.add(key, 0, key.length, end, 0, end.length);
	}
	return block.finish();
}

/** Decodes the block that stood at `origin` of `path`. */
export function decodeRangeDeletes(block: Buffer, path: string, origin: number): RangeDeletes {
	const fragments: RangeDelete[] = [];
	const cursor = new BlockCursor(INTERNAL_KEYS);
	cursor.reset(block, path, origin);
	for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
		const trailer = cursor.keyEnd - TRAILER_SIZE;
		const fragment = {
			start: Uint8Array.from(cursor.keyBytes.subarray(0, trailer)),
			end: Uint8Array.from(block.subarray(cursor.valueStart, cursor.valueEnd)),
			sequence: readSequence(cursor.keyBytes, trailer),
		};
		const last = fragments.at(-1);
		const isRange = cursor.keyBytes[trailer] === KIND_RANGE_DELETE && Number.isSafeInteger(fragment.sequence);
		if (!isRange || !keyIsBefore(fragment.start, fragment.end) || (last !== undefined && !follows(last, fragment))) {
			throw new CorruptionError(`the range deletes of ${path} are malformed at entry ${fragments.length}`, {
				path,
				offset: origin,
			});
		}
		fragments.push(fragment);
	}
	if (fragments.length > 0) return new RangeDeletes(fragments);
	throw new CorruptionError(`the block of range deletes of ${path} is empty`, { path, offset: origin });
}

function follows(last: RangeDelete, fragment: RangeDelete): boolean {
	const order = compareKeys(last.start, fragment.start);
	if (order === 0) return compareKeys(last.end, fragment.end) === 0 && last.sequence > fragment.sequence;
	return order < 0 && !keyIsBefore(fragment.start, last.end);
}

export class RangeDeletes {
	static readonly none = new RangeDeletes([]);

	/** The highest sequence number. */
	readonly newest: number;

	/** @param all fragments in the order of the block */
	constructor(readonly all: readonly RangeDelete[]) {
		this.newest = all.reduce((newest, { sequence }) => Math.max(newest, sequence), 0);
	}

	get isEmpty(): boolean {
		return this.all.length === 0;
	}

	/** Bytes in memory, about. */
	get size(): number {
		return this.all.reduce((bytes, { start, end }) => bytes + start.length + end.length + 8, 0);
	}

	/** The sequence number of the newest one over `key[0, length)` that `sequence` can see; 0 when there is none. */
	covering(key: Uint8Array, length: number, sequence: number): number {
		let i = this.lastAtOrBefore(key, length);
		if (i < 0 || !isBefore(key, 0, length, this.all[i].end)) return 0;
		const { start } = this.all[i];
		let newest = 0;
		for (; i >= 0 && compareKeys(this.all[i].start, start) === 0 && this.all[i].sequence <= sequence; i--) {
			newest = this.all[i].sequence;
		}
		return newest;
	}

	/** Position of the last fragment, the oldest of its range, that starts at or before a key; -1 when there is none. */
	private lastAtOrBefore(key: Uint8Array, length: number): number {
		let low = 0;
		let high = this.all.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			const { start } = this.all[middle];
			if (compareBytes(start, 0, start.length, key, 0, length) <= 0) low = middle + 1;
			else high = middle;
		}
		return low - 1;
	}
}
