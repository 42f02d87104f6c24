/**
 * From a false-positive rate, or a number of bits, to the settings of a filter.
 *
 * A blocked Bloom filter has lines of 512 bits. The keys spread over the lines as a Poisson distribution, so a line is fuller or emptier than the
 * mean and the rate is worse than that of a plain Bloom filter: Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters"
 * (2007), section 3. The result is integers: what reaches the kernels must not depend on floating point.
 */
import type { FilterPolicyName } from '../kernel/kernel';

const LINE_BITS = 512;
const MAX_PROBES = 30;
/** Bits for each key are tried in these steps. */
export const STEP_MILLI_BITS = 250;
const MAX_MILLI_BITS = 40_000;

/** Settings of the filter of a table. */
export interface FilterSettings {
	/** Thousandths of a bit for each distinct user key; 0 for no filter. */
	milliBitsPerKey: number;
	/** Bits set for each key. */
	probes: number;
}

const RATES: Record<FilterPolicyName, (bitsPerKey: number, probes: number) => number> = {
	'blocked-bloom': blockedRate,
	bloom: plainRate,
};

/** The smallest filter that lets at most this share of missing keys pass. */
export function filterSettings(falsePositiveRate: number | false, policy: FilterPolicyName): FilterSettings {
	if (falsePositiveRate === false) return { milliBitsPerKey: 0, probes: 1 };
	// No filter does with fewer bits than a plain one of a fraction of probes: start there.
	const plainBits = -Math.log2(falsePositiveRate) / Math.LN2;
	let milliBits = Math.max(1, Math.floor((plainBits * 1000) / STEP_MILLI_BITS)) * STEP_MILLI_BITS;
	let [probes, rate] = bestProbes(milliBits / 1000, policy);
	while (rate > falsePositiveRate && milliBits < MAX_MILLI_BITS) {
		milliBits += STEP_MILLI_BITS;
		[probes, rate] = bestProbes(milliBits / 1000, policy);
	}
	return { milliBitsPerKey: milliBits, probes };
}

/** The filter with so many bits for each key, which may be 0. */
export function settingsOfBits(milliBitsPerKey: number, policy: FilterPolicyName): FilterSettings {
	if (milliBitsPerKey === 0) return { milliBitsPerKey, probes: 1 };
	return { milliBitsPerKey, probes: bestProbes(milliBitsPerKey / 1000, policy)[0] };
}

/** Expected false-positive rate of the filter with so many bits for each key. */
export function rateOfBits(milliBitsPerKey: number, policy: FilterPolicyName): number {
	return milliBitsPerKey === 0 ? 1 : bestProbes(milliBitsPerKey / 1000, policy)[1];
}

/** The best number of probes is that of a plain filter, bits × ln 2, or a few less. */
function bestProbes(bitsPerKey: number, policy: FilterPolicyName): [probes: number, rate: number] {
	const most = Math.min(MAX_PROBES, Math.ceil(bitsPerKey * Math.LN2));
	let best: [number, number] = [1, 1];
	for (let probes = Math.max(1, most - 4); probes <= most; probes++) {
		const rate = RATES[policy](bitsPerKey, probes);
		if (rate < best[1]) best = [probes, rate];
	}
	return best;
}

/** Expected false-positive rate of a plain Bloom filter. */
export function plainRate(bitsPerKey: number, probes: number): number {
	return (1 - Math.exp(-probes / bitsPerKey)) ** probes;
}

/** Expected false-positive rate of a blocked Bloom filter. */
export function blockedRate(bitsPerKey: number, probes: number): number {
	const mean = LINE_BITS / bitsPerKey;
	let weight = Math.exp(-mean);
	let rate = 0;
	for (let keys = 1; keys < mean * 4 + 64; keys++) {
		weight *= mean / keys;
		rate += weight * (1 - (1 - 1 / LINE_BITS) ** (keys * probes)) ** probes;
	}
	return rate;
}
