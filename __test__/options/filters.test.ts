/** How large filters are made: settings of one filter, the allocation over the levels, and the function that jobs ask. */
import { describe, expect, it } from 'vitest';
import { allocateFilterBits, type FilteredLevel } from '../../ts/options/filter-allocation';
import { type FilterShape, filterBits, type MeasuredFilters } from '../../ts/options/filter-bits';
import { blockedRate, filterSettings, plainRate, rateOfBits, settingsOfBits } from '../../ts/options/filter-policy';
import { Random, testSeed } from '../support/stores';

const policies = ['blocked-bloom', 'bloom'] as const;
const seed = testSeed();

describe.each(policies)('settings of a %s filter', (policy) => {
	const rateOf = policy === 'bloom' ? plainRate : blockedRate;

	it.each([0.5, 0.1, 0.03, 0.01, 0.001, 0.0001])('keep the expected rate at %f with no more bits than needed', (rate) => {
		const { milliBitsPerKey, probes } = filterSettings(rate, policy);
		expect(rateOf(milliBitsPerKey / 1000, probes)).toBeLessThanOrEqual(rate);
		expect(milliBitsPerKey / 1000).toBeLessThan((-Math.log2(rate) / Math.LN2) * 1.6 + 1);
		expect(rateOfBits(milliBitsPerKey - 250, policy)).toBeGreaterThan(rate);
		expect(Number.isInteger(milliBitsPerKey) && probes >= 1 && probes <= 30).toBe(true);
		expect(settingsOfBits(milliBitsPerKey, policy)).toEqual({ milliBitsPerKey, probes });
	});

	it('leave the filter out on request', () => {
		expect(filterSettings(false, policy).milliBitsPerKey).toBe(0);
		expect(settingsOfBits(0, policy)).toEqual({ milliBitsPerKey: 0, probes: 1 });
	});

	it('let fewer keys pass with each bit', () => {
		const rates = Array.from({ length: 40 }, (_, i) => rateOfBits(1000 * (i + 1), policy));
		for (const [i, rate] of rates.entries()) expect(rate).toBeLessThan(i === 0 ? 1 : rates[i - 1]);
	});
});

describe.each(policies)('the allocation of %s filters', (policy) => {
	const levels = (...sizes: number[]): FilteredLevel[] => sizes.map((size) => ({ size, weight: 1, least: 0 }));
	const cost = (sizes: readonly FilteredLevel[], bits: readonly number[]) =>
		sizes.reduce((sum, { size }, i) => sum + size * bits[i], 0);
	const useless = (sizes: readonly FilteredLevel[], bits: readonly number[]) =>
		sizes.reduce((sum, { weight }, i) => sum + weight * rateOfBits(bits[i], policy), 0);

	it('gives upper levels more, about as much more for each level', () => {
		const bits = allocateFilterBits(policy, levels(1e6, 1e7, 1e8, 1e9), 1.111e9 * 6000);
		const steps = bits.slice(1).map((each, i) => bits[i] - each);
		expect(bits[3]).toBeLessThan(6000);
		expect(bits[3]).toBeGreaterThan(5000);
		// ln(10) / ln² 2 = 4.8 bits on the curve of a plain filter, but for whole steps of bits and of probes.
		if (policy === 'bloom') for (const step of steps.slice(1)) expect(Math.abs(step - 4800)).toBeLessThan(1000);
		for (const step of steps) expect(step).toBeGreaterThan(1500);
	});

	it(`keeps the budget, uses it, and is no worse than the same bits everywhere but for whole steps (seed ${seed})`, () => {
		const random = new Random(seed);
		for (let run = 0; run < 200; run++) {
			const tree = Array.from({ length: 1 + random.below(7) }, () => ({
				size: 1 + random.below(10 ** (1 + random.below(9))),
				weight: 1 + random.below(10),
				least: 0,
			}));
			const all = tree.reduce((sum, { size }) => sum + size, 0);
			const uniform = 4000 + 250 * random.below(40);
			const bits = allocateFilterBits(policy, tree, all * uniform);
			expect(cost(tree, bits)).toBeLessThanOrEqual(all * uniform);
			const full = bits.every((each) => each === 22_000);
			if (!full) expect(cost(tree, bits)).toBeGreaterThan(all * uniform * 0.3);
			const same = tree.map(() => uniform);
			expect(useless(tree, bits)).toBeLessThanOrEqual(useless(tree, same) * 1.05);
		}
	});

	it('cannot be made better by moving a step from one level to another', () => {
		const tree = levels(3e6, 1e7, 6e7).map((level, i) => ({ ...level, weight: [4, 1, 1][i] }));
		const bits = allocateFilterBits(policy, tree, 7.3e7 * 10_000);
		const best = useless(tree, bits);
		for (const from of [0, 1, 2]) {
			for (const to of [0, 1, 2]) {
				const moved = [...bits];
				moved[from] -= 1000;
				moved[to] += Math.floor((1000 * tree[from].size) / tree[to].size / 250) * 250;
				if (from !== to && moved[to] <= 22_000) expect(useless(tree, moved)).toBeGreaterThanOrEqual(best * 0.999);
			}
		}
	});

	it('gives a level what it gets at least, also beyond the budget, and nothing more to one that is not asked', () => {
		const tree = [
			{ size: 100, weight: 0, least: 5000 },
			{ size: 100, weight: 1, least: 0 },
		];
		const [least, nothing] = allocateFilterBits(policy, tree, 0);
		expect([least > 4000 && least <= 5000, nothing]).toEqual([true, 0]);
		const [unasked, asked] = allocateFilterBits(policy, tree, 200 * 10_000);
		expect([unasked, asked > 14_000]).toEqual([least, true]);
		expect(allocateFilterBits(policy, [], 100)).toEqual([]);
		expect(allocateFilterBits(policy, levels(0, 0), 100)).toEqual([22_000, 22_000]);
	});
});

describe('the bits of a table', () => {
	const MIB = 2 ** 20;
	const shape: FilterShape = {
		policy: 'blocked-bloom',
		uniform: 10_000,
		allocation: 'levels',
		bottomLevel: true,
		bytes: [100 * MIB, 64 * MIB, 640 * MIB, 3000 * MIB, 0, 0, 0],
		level0: { tables: 4, bytes: 128 * MIB },
		multiplier: 10,
	};
	const bitsOf = (changes: Partial<FilterShape>, measured?: MeasuredFilters[]) =>
		[0, 1, 2, 3].map((level) => filterBits(level, { ...shape, ...changes }, measured));

	it('are the same everywhere, or none, on request', () => {
		expect(bitsOf({ allocation: 'uniform' })).toEqual([10_000, 10_000, 10_000, 10_000]);
		expect(bitsOf({ uniform: 0 })).toEqual([0, 0, 0, 0]);
	});

	it('are more for upper levels within the memory of the same bits everywhere', () => {
		const bits = bitsOf({});
		expect(bits[1]).toBeGreaterThan(bits[2]);
		expect(bits[2]).toBeGreaterThan(bits[3]);
		expect(bits[0]).toBeGreaterThan(bits[2]);
		const sizes = [shape.level0.bytes, ...shape.bytes.slice(1, 4)];
		const [used, all] = [bits, bits.map(() => 10_000)].map((each) => each.reduce((sum, bit, i) => sum + bit * sizes[i], 0));
		expect(used).toBeLessThanOrEqual(all);
		expect(used).toBeGreaterThan(all * 0.98);
	});

	it('are none for the deepest level with data on request, which is not level 0', () => {
		expect(bitsOf({ bottomLevel: false, allocation: 'uniform' })).toEqual([10_000, 10_000, 10_000, 0]);
		expect(bitsOf({ bottomLevel: false })[3]).toBe(0);
		expect(filterBits(4, { ...shape, bottomLevel: false })).toBe(0);
		const fresh = { ...shape, bottomLevel: false, bytes: [0, 0, 0, 0, 0, 0, 0] };
		expect(filterBits(0, fresh)).toBe(10_000);
		expect(filterBits(1, fresh)).toBe(0);
	});

	it('are sensible for the first table of a level', () => {
		for (const level of [0, 1, 4, 6]) {
			expect(filterBits(level, shape)).toBeGreaterThan(4000);
			expect(filterBits(level, { ...shape, bytes: shape.bytes.map(() => 0) })).toBeGreaterThan(4000);
		}
	});

	describe('in a store that adapts', () => {
		const keys = [1e6, 6.4e5, 6.4e6, 3e7, 0, 0, 0];
		const measured = (missing: number[]): MeasuredFilters[] =>
			keys.map((count, level) => ({ keys: count, bytes: (count * 10) / 8, missing: missing[level] ?? 0 }));
		const uniform = { allocation: 'uniform' } as const;

		it('are those of the plan until lookups are seen', () => {
			expect(bitsOf(uniform, measured([]))).toEqual(bitsOf(uniform));
		});

		it('move to the level where reads are useless, and away from those where none are', () => {
			const [, , before] = bitsOf(uniform, measured([1000, 1000, 1000, 1000]));
			const [zero, one, two, three] = bitsOf(uniform, measured([0, 0, 10_000, 0]));
			expect(two).toBeGreaterThan(10_000);
			expect(two).toBeGreaterThan(before);
			expect([zero, one, three]).toEqual([5000, 5000, 5000]);
		});

		it('never become fewer because memory is short where they are asked for', () => {
			const full = measured([0, 10_000, 0, 0]).map((each) => ({ ...each, bytes: each.bytes * 2 }));
			expect(filterBits(1, { ...shape, ...uniform }, full)).toBe(10_000);
		});

		it('go up with the share of lookups that ask a level', () => {
			const bits = [0, 100, 1000, 10_000, 100_000].map((missing) =>
				filterBits(2, { ...shape, ...uniform }, measured([1000, 1000, missing, 1000])),
			);
			for (const [i, each] of bits.entries()) expect(each).toBeGreaterThanOrEqual(bits[Math.max(0, i - 1)]);
			expect(bits[4]).toBeGreaterThan(bits[0]);
		});

		it(`stay within the bounds whatever is measured (seed ${seed})`, () => {
			const random = new Random(seed);
			for (let run = 0; run < 300; run++) {
				const seen = shape.bytes.map(() => ({
					keys: random.below(10 ** (1 + random.below(8))),
					bytes: 0,
					missing: random.below(10 ** random.below(7)),
				}));
				for (const each of seen) each.bytes = Math.floor((each.keys * random.below(20)) / 8);
				const allocation = random.pick(['uniform', 'levels'] as const);
				const bottomLevel = random.pick([true, false]);
				for (const level of [0, 1, 2]) {
					const tree = { ...shape, allocation, bottomLevel };
					const planned = filterBits(level, tree);
					const bits = filterBits(level, tree, seen);
					expect(Number.isInteger(bits)).toBe(true);
					expect(bits).toBeGreaterThanOrEqual(planned / 2);
					expect(bits).toBeLessThanOrEqual(22_000);
					const last = bottomLevel ? 3 : 2;
					const others = seen.slice(0, last + 1).reduce((sum, each, i) => sum + (i === level ? 0 : each.bytes), 0);
					const all = seen.slice(0, last + 1).reduce((sum, each) => sum + each.keys, 0);
					const memory = others + (bits * seen[level].keys) / 8000;
					if (bits > planned) {
						expect(memory).toBeLessThanOrEqual((all * 11) / 8 + 1);
					}
				}
			}
		});
	});
});
