/**
 * Which stretches of the key space are covered by range deletes, and the newest one of each.
 *
 * However range deletes overlap, there are never more than twice as many pieces.
 *
 * Invariant: pieces are in key order and disjoint.
 */
import { compareBytes } from './bytes';
import { compareEnds, compareKeys, isBefore, keyIsBefore, partitionPoint, type RangeDelete } from './range-delete';

const END_OF_ALL = new Uint8Array(0);

export class Coverage {
	private constructor(readonly pieces: RangeDelete[]) {}

	static empty(): Coverage {
		return new Coverage([]);
	}

	/** The coverage by range deletes in any order. */
	static of(rangeDeletes: readonly RangeDelete[]): Coverage {
		const newestFirst = rangeDeletes.filter(({ start, end }) => keyIsBefore(start, end)).sort((a, b) => b.sequence - a.sequence);
		const ends = newestFirst.map((one) => one.end).filter((end) => end.length > 0);
		const sorted = [...newestFirst.map((one) => one.start), ...ends].sort(compareKeys);
		const edges = sorted.filter((edge, i) => i === 0 || compareKeys(sorted[i - 1], edge) !== 0);
		const slots = new Slots(edges.length);
		for (const { start, end, sequence } of newestFirst) {
			const from = partitionPoint(edges, (edge) => compareKeys(edge, start) < 0);
			slots.fill(
				from,
				partitionPoint(edges, (edge) => keyIsBefore(edge, end)),
				sequence,
			);
		}
		const pieces: { start: Uint8Array; end: Uint8Array; sequence: number }[] = [];
		for (const [slot, start] of edges.entries()) {
			const sequence = slots.sequences[slot];
			if (sequence === 0) continue;
			const end = edges[slot + 1] ?? END_OF_ALL;
			const last = pieces.at(-1);
			if (last?.sequence === sequence && last.end === start) last.end = end;
			else pieces.push({ start, end, sequence });
		}
		return new Coverage(pieces);
	}

	/** One that further range deletes can be painted on, while this one stays as it is. */
	copy(): Coverage {
		return new Coverage([...this.pieces]);
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

/** A row of slots, each of which takes the first sequence number that it is filled with. */
class Slots {
	/** 0: free. */
	readonly sequences: Float64Array;
	/** For each slot, and the end, one at or behind it, from which the next free one is found. */
	private readonly next: Uint32Array;

	constructor(count: number) {
		this.sequences = new Float64Array(count);
		this.next = Uint32Array.from({ length: count + 1 }, (_, slot) => slot);
	}

	fill(from: number, to: number, sequence: number): void {
		for (let slot = this.free(from); slot < to; slot = this.free(slot + 1)) {
			this.sequences[slot] = sequence;
			this.next[slot] = slot + 1;
		}
	}

	/** The first free slot at or behind one. Halves the way that it went. */
	private free(slot: number): number {
		const { next } = this;
		while (next[slot] !== slot) {
			next[slot] = next[next[slot]];
			slot = next[slot];
		}
		return slot;
	}
}
