/**
 * Spreads the memory of filters over the levels of a tree so that a lookup of a missing key meets the fewest false positives: Dayan, Athanassoulis,
 * Idreos, "Monkey: Optimal Navigable Key-Value Store" (SIGMOD 2017), section 4.1.
 *
 * A lookup asks every sorted run, so what it costs is the sum of their rates; a bit for each key costs as many bits as the level has keys.
 * Where a rate is exp(−bits × ln² 2), the sum is least when the rates are proportional to the sizes: each level has ln(multiplier) / ln² 2 bits fewer for
 * each key than the one above, 4.8 with a multiplier of 10. Blocked filters have another curve, so the memory is handed out step by
 * step, each step to the level where it saves most for what it costs; on a convex curve that is the optimum.
 *
 * Invariants:
 *  1. Results are whole numbers. They depend on + − × ÷ of doubles only, which IEEE 754 rounds alike everywhere: rates are whole parts of 10^12,
 *     so that the last bits of exp and pow, which a JavaScript engine may choose, decide nothing.
 *  2. The sum of size × bits is at most the budget, unless what each level gets at least is more.
 */
import type { FilterPolicyName } from '../kernel/kernel';
import { rateOfBits, STEP_MILLI_BITS } from './filter-policy';

/** Beyond this, one false positive in 10,000, more bits save nothing that could be measured. */
const MOST_MILLI_BITS = 22_000;
/** So small that what the largest level leaves over does not distort the others. */
const STEP = 25;
const RATE_PARTS = 1e12;

/** A level as the allocation sees it. */
export interface FilteredLevel {
	/** Bytes or keys: only ratios count. */
	size: number;
	/** How often a lookup of a missing key asks its filters: the number of its sorted runs, or what was measured. */
	weight: number;
	/** Thousandths of a bit for each key that it gets in any case. */
	least: number;
}

/** A size of filters, and their false positives in 10^12 lookups. */
interface Rung {
	milliBits: number;
	rate: number;
}

const ladders = new Map<FilterPolicyName, readonly Rung[]>();

/**
 * Thousandths of a bit for each key, level by level.
 * @param policy whose curve from bits to rate counts
 * @param budget sum of size × thousandths of a bit over all levels
 */
export function allocateFilterBits(policy: FilterPolicyName, levels: readonly FilteredLevel[], budget: number): number[] {
	const ladder = ladderOf(policy);
	const places = levels.map(({ least }) =>
		Math.max(
			0,
			ladder.findLastIndex(({ milliBits }) => milliBits <= least),
		),
	);
	let left = levels.reduce((rest, { size }, i) => rest - size * ladder[places[i]].milliBits, budget);
	for (;;) {
		let best = -1;
		let most = 0;
		for (const [i, { size, weight }] of levels.entries()) {
			const saved = fits(ladder, places[i], size, left) ? (weight * slope(ladder, places[i])) / Math.max(size, 1) : 0;
			if (saved <= most) continue;
			most = saved;
			best = i;
		}
		if (best < 0) return places.map((place) => ladder[place].milliBits);
		const place = places[best]++;
		left -= levels[best].size * (ladder[place + 1].milliBits - ladder[place].milliBits);
	}
}

function fits(ladder: readonly Rung[], place: number, size: number, left: number): boolean {
	return place + 1 < ladder.length && size * (ladder[place + 1].milliBits - ladder[place].milliBits) <= left;
}

/** False positives that the next step saves, for each thousandth of a bit. */
function slope(ladder: readonly Rung[], place: number): number {
	const [here, next] = [ladder[place], ladder[place + 1]];
	return (here.rate - next.rate) / (next.milliBits - here.milliBits);
}

function ladderOf(policy: FilterPolicyName): readonly Rung[] {
	const ladder = ladders.get(policy) ?? makeLadder(policy);
	ladders.set(policy, ladder);
	return ladder;
}

/**
 * The lower convex hull of the curve from bits to rate, which whole numbers of probes make uneven, in steps of equal bits. The first step
 * leads from no filter to one that is worth having.
 */
function makeLadder(policy: FilterPolicyName): Rung[] {
	const corners: Rung[] = [{ milliBits: 0, rate: RATE_PARTS }];
	for (let milliBits = 4 * STEP_MILLI_BITS; milliBits <= MOST_MILLI_BITS; milliBits += STEP_MILLI_BITS) {
		corners.push({ milliBits, rate: Math.round(rateOfBits(milliBits, policy) * RATE_PARTS) });
		while (corners.length > 2 && slope(corners, corners.length - 3) <= slope(corners, corners.length - 2)) corners.splice(-2, 1);
	}
	const ladder = corners.slice(0, 2);
	for (let place = 1; place + 1 < corners.length; place++) ladder.push(...edge(corners[place], corners[place + 1]));
	return ladder;
}

/** The steps from one corner to the next. */
function edge(from: Rung, to: Rung): Rung[] {
	const count = (to.milliBits - from.milliBits) / STEP;
	return Array.from({ length: count }, (_, i) => ({
		milliBits: from.milliBits + (i + 1) * STEP,
		rate: Math.round(from.rate + ((to.rate - from.rate) * (i + 1)) / count),
	}));
}
