/**
 * How many bits for each key the filters of the next table of a level get: a pure function of what the options say, the shape of the tree,
 * and, in a store that adapts, of what lookups of missing keys were seen to ask.
 *
 * A lookup of a missing key reads a block in vain where a filter lets it pass. Of those reads a level costs (lookups that ask it) × (rate of its
 * filters); the allocation makes the sum over all levels least for the memory. Without measurement every lookup is taken to ask every sorted run.
 *
 * Invariants:
 *  1. Planned filters take no more memory than with the same bits everywhere. Adapting gives a level more than planned only while all filters,
 *     those of other levels counted as they are, stay within {@link MOST_MEMORY} of that.
 *  2. Adapting leaves a level at least half of the bits that it would have otherwise.
 */
import type { FilterPolicyName } from '../kernel/kernel';
import type { FilterAllocation } from '../types';
import { allocateFilterBits } from './filter-allocation';

/** Memory that adapting may take, as a share of the memory of uniform filters. */
const MOST_MEMORY = 1.1;

/** What the options say of filters, and what the tree looks like. */
export interface FilterShape {
	policy: FilterPolicyName;
	/** Thousandths of a bit for each key, the same everywhere: this is the budget. 0 for no filters. */
	uniform: number;
	allocation: FilterAllocation;
	/** Filters in the deepest level that has data, too. */
	bottomLevel: boolean;
	/** Bytes of tables by level now. */
	bytes: readonly number[];
	/** Tables of level 0, and their bytes at least, when it is about to be compacted. */
	level0: { tables: number; bytes: number };
	/** How many times larger a level is than the one above. */
	multiplier: number;
}

/** What was seen of the filters of one level. */
export interface MeasuredFilters {
	/** Distinct user keys of its tables, added up. */
	keys: number;
	/** Bytes of its filters. */
	bytes: number;
	/** Lookups of missing keys that asked them, the later ones counting more. */
	missing: number;
}

/**
 * Thousandths of a bit for each key of a table that is written to a level; 0 for no filter.
 * @param measured by level; undefined in a store that does not adapt
 */
export function filterBits(level: number, shape: FilterShape, measured?: readonly MeasuredFilters[]): number {
	const deepest = Math.max(
		level,
		shape.bytes.findLastIndex((size) => size > 0),
	);
	if (shape.uniform === 0 || (!shape.bottomLevel && level > 0 && level === deepest)) return 0;
	const last = shape.bottomLevel || deepest === 0 ? deepest : deepest - 1;
	const planned = plannedBits(level, last, shape);
	return measured === undefined ? planned[level] : adaptedBits(level, shape, planned, measured.slice(0, last + 1));
}

/** Bits of levels 0 to `last` as options and shape say. */
function plannedBits(level: number, last: number, shape: FilterShape): number[] {
	const { policy, uniform, allocation, bytes, level0, multiplier } = shape;
	if (allocation === 'uniform') return Array(last + 1).fill(uniform);
	// The last level is as large as it is, and soon as large as the largest above; those above fill up in proportion to it.
	const largest = Math.max(level0.bytes, ...bytes.slice(0, last + 1));
	const levels = [{ size: Math.max(level0.bytes, bytes[0]), weight: level0.tables, least: 0 }];
	for (let i = 1; i <= last; i++) {
		const used = i === level || i === last || bytes[i] > 0;
		const size = used ? Math.max(bytes[i], largest / multiplier ** (last - i)) : 0;
		levels.push({ size, weight: used ? 1 : 0, least: 0 });
	}
	const all = levels.reduce((sum, { size }) => sum + size, 0);
	return allocateFilterBits(policy, levels, all * uniform);
}

/** Bits of one level, moved to where lookups ask. */
function adaptedBits(
	level: number,
	shape: FilterShape,
	planned: readonly number[],
	measured: readonly MeasuredFilters[],
): number {
	const { keys } = measured[level];
	if (keys === 0 || measured.every(({ missing }) => missing === 0)) return planned[level];
	const budget = measured.reduce((sum, each) => sum + each.keys, 0) * shape.uniform * MOST_MEMORY;
	const levels = measured.map((each, i) => ({ size: each.keys, weight: each.missing, least: planned[i] / 2 }));
	const others = measured.reduce((sum, each, i) => sum + (i === level ? 0 : 8000 * each.bytes), 0);
	const room = Math.floor((budget - others) / keys);
	const wanted = allocateFilterBits(shape.policy, levels, budget)[level];
	return wanted > planned[level]
		? Math.max(planned[level], Math.min(wanted, room))
		: Math.max(wanted, Math.ceil(planned[level] / 2));
}
