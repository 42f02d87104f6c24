/**
 * Which range deletes of a job's input survive, and what they hide from its outputs.
 *
 * Invariants:
 *  1. Of the range deletes over a key only the newest of each stripe (see ./retention.ts) matters: the others look alike to every
 *     reader, and are dropped.
 *  2. An entry with a newer range delete over it in its own stripe is seen by no reader.
 *  3. What survives comes as fragments: two of them are the same range, or share no key.
 */
import { Coverage } from '../coverage';
import { compareKeys, keyIsBefore, partitionPoint, type RangeDelete } from '../range-delete';
import type { KeyRange } from './retention';

const END_OF_ALL = new Uint8Array(0);

export class RangeRetention {
	/** By stripe. */
	private readonly stripes = new Map<number, Coverage>();

	constructor(rangeDeletes: readonly RangeDelete[], stripeOf: (sequence: number) => number) {
		const byStripe = new Map<number, RangeDelete[]>();
		for (const rangeDelete of rangeDeletes) {
			const stripe = stripeOf(rangeDelete.sequence);
			const others = byStripe.get(stripe);
			if (others === undefined) byStripe.set(stripe, [rangeDelete]);
			else others.push(rangeDelete);
		}
		for (const [stripe, all] of byStripe) this.stripes.set(stripe, Coverage.of(all));
	}

	/** Is an entry of this stripe, of the user key `key[start, end)`, hidden from everybody? */
	hides(key: Uint8Array, start: number, end: number, sequence: number, stripe: number): boolean {
		const over = this.stripes.get(stripe)?.at(key, start, end);
		return over !== undefined && over.sequence > sequence;
	}

	/**
	 * The fragments that survive, in key order, those of one range newest first. In stripe 0 only those that overlap one of the ranges
	 * `keep` do; without ranges all do.
	 */
	fragments(keep: readonly KeyRange[] | undefined): RangeDelete[] {
		const edges = this.edges();
		const newestFirst = [...this.stripes].sort(([a], [b]) => b - a);
		const fragments: RangeDelete[] = [];
		for (const [i, start] of edges.entries()) {
			const end = edges[i + 1] ?? END_OF_ALL;
			for (const [stripe, coverage] of newestFirst) {
				const piece = coverage.at(start, 0, start.length);
				if (piece === undefined) continue;
				if (stripe > 0 || keep === undefined || overlapsAny(keep, start, end)) {
					fragments.push({ start, end, sequence: piece.sequence });
				}
			}
		}
		return fragments;
	}

	/** Where pieces start and end, ascending, each once. */
	private edges(): Uint8Array[] {
		const pieces = [...this.stripes.values()].flatMap((coverage) => coverage.pieces);
		const ends = pieces.map((piece) => piece.end).filter((end) => end.length > 0);
		const edges = [...pieces.map((piece) => piece.start), ...ends].sort(compareKeys);
		return edges.filter((edge, i) => i === 0 || compareKeys(edges[i - 1], edge) !== 0);
	}
}

/** `ranges` ascend and are disjoint. */
function overlapsAny(ranges: readonly KeyRange[], start: Uint8Array, end: Uint8Array): boolean {
	const passed = partitionPoint(ranges, ([, rangeEnd]) => !keyIsBefore(start, rangeEnd));
	return passed < ranges.length && keyIsBefore(ranges[passed][0], end);
}
