/**
 * The one shape of all internal cursors: block, table, memtable, level and merge.
 *
 * Invariants:
 *  1. While `valid`, the key is the internal key `keyBytes[keyStart, keyEnd)` and the value `valueBytes[valueStart, valueEnd)`.
 *  2. The bytes of the key hold until the cursor moves; those of the value as long as somebody refers to `valueBytes`.
 *  3. The direction may change at any step. A step past either end makes the cursor invalid; only a seek makes it valid again.
 *  4. A cursor that threw is invalid until the next seek.
 */
import type { PackedChunk } from './packed-chunk';
import type { RangeDelete } from './range-delete';

export interface Cursor {
	readonly valid: boolean;
	readonly keyBytes: Buffer;
	readonly keyStart: number;
	readonly keyEnd: number;
	readonly valueBytes: Buffer;
	readonly valueStart: number;
	readonly valueEnd: number;
	seekToFirst(): void;
	seekToLast(): void;
	/** First entry at or after the internal key `bytes[start, end)`. */
	seek(bytes: Uint8Array, start: number, end: number): void;
	/** Last entry at or before the internal key `bytes[start, end)`. */
	seekForPrev(bytes: Uint8Array, start: number, end: number): void;
	next(): void;
	prev(): void;
}

/** A cursor over one source of a scan. */
export interface SourceCursor extends Cursor {
	/**
	 * Moves on over what a range delete over the current entry hides, to its end or, in reverse, before its start, as far as nothing newer
	 * can be there: by one entry at least. Only while `valid`.
	 */
	pass(over: RangeDelete, reverse: boolean): void;
	/**
	 * Packs entries behind the current one, which was packed last with key and value, and moves to the last of them: those that lie at
	 * hand and are plain puts of other keys, at or below `sequence` and before the user key `upper`. It may stop at any; the caller goes on
	 * with `next`.
	 */
	packRun(into: PackedChunk, sequence: number, upper: Uint8Array | undefined): void;
	/**
	 * Going backward: packs entries from the current one on, whose key has no version behind it, and moves to the first that it does not pack.
	 * It takes those that lie at hand, are plain puts at or below `sequence`, the only versions of their keys, and not before the user key
	 * `lower`. It may stop at any.
	 */
	packRunBackward(into: PackedChunk, sequence: number, lower: Uint8Array | undefined): void;
}
