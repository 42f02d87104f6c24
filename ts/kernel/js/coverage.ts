/**
 * Which stretches of the key space are covered by range deletes, and the newest one of each.
 *
 * Range deletes are painted one over the other, the oldest first. However they overlap, there are never more than twice as many
 * pieces.
 *
 * Invariant: pieces are in key order and disjoint. Two that touch have different sequence numbers, if those that share a sequence
 * number were painted in key order.
 */
import { compareBytes } from './bytes';
import { compareEnds, compareKeys, isBefore, keyIsBefore, partitionPoint, type RangeDelete } from './range-delete';

export class Coverage {
	readonly pieces: RangeDelete[] = [];

	/** The coverage by range deletes in any order. */
	static of(rangeDeletes: readonly RangeDelete[]): Coverage {
		const ordered = [...rangeDeletes].sort((a, b) => a.sequence - b.sequence || compareKeys(a.start, b.start));
		const coverage = new Coverage();
		for (const rangeDelete of ordered) coverage.paint(rangeDelete);
		return coverage;
	}

	/** Adds a range delete that is not older than those before. An empty range changes nothing. */
	paint(rangeDelete: RangeDelete): void {
		const { pieces } = this;
		const { end, sequence } = rangeDelete;
		let { start } = rangeDelete;
		if (!keyIsBefore(start, end)) return;
		let from = partitionPoint(pieces, (piece) => !keyIsBefore(start, piece.end));
		const to = partitionPoint(pieces, (piece) => keyIsBefore(piece.start, end));
		const replacement: RangeDelete[] = [];
		const count = to - from;
		if (count > 0 && compareKeys(pieces[from].start, start) < 0) replacement.push({ ...pieces[from], end: start });
		const before = pieces[from - 1];
		const touches = before?.sequence === sequence && compareKeys(before.end, start) === 0;
		if (touches) {
			start = before.start;
			from--;
		}
		replacement.push({ start, end, sequence });
		if (count > 0 && compareEnds(pieces[to - 1].end, end) > 0) replacement.push({ ...pieces[to - 1], start: end });
		pieces.splice(from, to - from, ...replacement);
	}

	get isEmpty(): boolean {
		return this.pieces.length === 0;
	}

	/** The piece that the user key `key[start, end)` lies in. */
	at(key: Uint8Array, start: number, end: number): RangeDelete | undefined {
		const { pieces } = this;
		let low = 0;
		let high = pieces.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			const other = pieces[middle].start;
			if (compareBytes(other, 0, other.length, key, start, end) <= 0) low = middle + 1;
			else high = middle;
		}
		const piece = pieces[low - 1];
		return piece !== undefined && isBefore(key, start, end, piece.end) ? piece : undefined;
	}

	/**
	 * The highest sequence number over the keys from `start` to `end`, if all of them are covered by numbers above `sequence`; else
	 * undefined.
	 */
	spans(start: Uint8Array, end: Uint8Array, sequence: number): number | undefined {
		const { pieces } = this;
		let next = start;
		let highest = 0;
		for (let i = partitionPoint(pieces, (piece) => !keyIsBefore(start, piece.end)); i < pieces.length; i++) {
			const piece = pieces[i];
			if (compareKeys(piece.start, next) > 0 || piece.sequence <= sequence) return undefined;
			highest = Math.max(highest, piece.sequence);
			if (compareEnds(end, piece.end) <= 0) return highest;
			next = piece.end;
		}
		return undefined;
	}
}
