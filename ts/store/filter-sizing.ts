/**
 * How many bits for each key the filters of the next table of a level get: by the options, by the shape of the tree, and, when
 * the store adapts, by what lookups of missing keys have asked so far.
 *
 * Invariants:
 *  1. Without `filterAdaptive` the answer depends on the options and the sizes of levels only.
 *  2. Adapting never asks for filters that would need more than {@link MOST_MEMORY} of the memory that the same bits for each key would,
 *     those that are there counted as they are. A level keeps at least half of the bits that it would have otherwise.
 *  3. What was seen counts half as much with each {@link WINDOW} lookups that came after it.
 */
import { levelTarget } from '../compaction/picker';
import type { KernelEngine, LevelFilterStats } from '../kernel/kernel';
import { LEVELS } from '../limits';
import { allocateFilterBits } from '../options/filter-allocation';
import { type FilterSettings, filterSettings, settingsOfBits } from '../options/filter-policy';
import type { ResolvedOptions } from '../options/schema';

/** Probes for missing keys after which the picture of the workload is renewed. */
const WINDOW = 1024;
/** Memory that adapting may take, as a share of the memory of uniform filters. */
const MOST_MEMORY = 1.1;

/** Filter settings of a store that says nothing of levels. */
export function uniformFilterSettings(options: ResolvedOptions): FilterSettings {
	const { filterBitsPerKey, filterFalsePositiveRate } = options;
	if (filterBitsPerKey !== false) return settingsOfBits(Math.round(filterBitsPerKey * 1000));
	return filterSettings(filterFalsePositiveRate);
}

export class FilterSizing {
	readonly #options: ResolvedOptions;
	readonly #engine: Pick<KernelEngine, 'filterStats'>;
	readonly #levelBytes: () => number[];
	readonly #uniform: FilterSettings;
	/** Probes for missing keys by level: of the window, and at its end. */
	#weights: number[] = Array(LEVELS).fill(0);
	#seen: number[] = Array(LEVELS).fill(0);
	/** Keys that each level had when it last had any. */
	readonly #keys: number[] = Array(LEVELS).fill(0);

	/** @param levelBytes bytes of tables in each level now */
	constructor(options: ResolvedOptions, engine: Pick<KernelEngine, 'filterStats'>, levelBytes: () => number[]) {
		this.#options = options;
		this.#engine = engine;
		this.#levelBytes = levelBytes;
		this.#uniform = uniformFilterSettings(options);
	}

	/** Settings for a table that is written to a level now. */
	settings(level: number): FilterSettings {
		const { filterAllocation, filterAdaptive, filterBottomLevel } = this.#options;
		if (this.#uniform.milliBitsPerKey === 0) return this.#uniform;
		const bytes = this.#levelBytes();
		const deepest = Math.max(
			level,
			bytes.findLastIndex((size) => size > 0),
		);
		if (!filterBottomLevel && level > 0 && level === deepest) return settingsOfBits(0);
		if (filterAllocation === 'uniform' && !filterAdaptive) return this.#uniform;
		const last = filterBottomLevel || deepest === 0 ? deepest : deepest - 1;
		const planned = this.#planned(last, bytes);
		return settingsOfBits(filterAdaptive ? this.#adapted(level, planned) : planned[level]);
	}

	/** Bits of levels 0 to `last` as the options say. */
	#planned(last: number, bytes: readonly number[]): number[] {
		const { milliBitsPerKey } = this.#uniform;
		if (this.#options.filterAllocation === 'uniform') return Array(last + 1).fill(milliBitsPerKey);
		const { memtableSize, level0CompactionTrigger } = this.#options;
		const levels = [{ size: memtableSize * level0CompactionTrigger, weight: level0CompactionTrigger, least: 0 }];
		for (let level = 1; level <= last; level++) {
			// Levels above the deepest fill up to their target. The deepest is as large as it is, and soon as large as the one above.
			const full = levelTarget(level, this.#options);
			const size = level < last ? full : Math.min(full, Math.max(bytes[level], levels[level - 1].size));
			levels.push({ size, weight: 1, least: 0 });
		}
		const size = levels.reduce((sum, each) => sum + each.size, 0);
		return allocateFilterBits(levels, size * milliBitsPerKey);
	}

	/** Bits of one level, moved to where lookups ask. */
	#adapted(level: number, planned: readonly number[]): number {
		const stats = this.#engine.filterStats().slice(0, planned.length);
		this.#observe(stats);
		const unknown = this.#weights.every((weight) => weight === 0);
		if (unknown || stats[level].bytes + this.#seen[level] === 0) return planned[level];
		const keys = stats.map((each, i) => (i === level ? this.#keys[i] : each.keys));
		const budget = keys.reduce((sum, count) => sum + count, 0) * this.#uniform.milliBitsPerKey * MOST_MEMORY;
		const least = planned.map((milliBits) => milliBits / 2);
		const levels = keys.map((size, i) => ({ size, weight: this.#weights[i], least: least[i] }));
		const others = stats.reduce((sum, each, i) => sum + (i === level ? 0 : 8000 * each.bytes), 0);
		const room = Math.floor((budget - others) / Math.max(keys[level], 1));
		return Math.max(least[level], Math.min(allocateFilterBits(levels, budget)[level], room));
	}

	#observe(stats: readonly LevelFilterStats[]): void {
		for (const [level, { keys }] of stats.entries()) if (keys > 0) this.#keys[level] = keys;
		const absent = this.#seen.map((before, i) => (i < stats.length ? stats[i].negatives + stats[i].falsePositives : before));
		const fresh = absent.map((count, i) => count - this.#seen[i]);
		if (fresh.reduce((sum, count) => sum + count, 0) < WINDOW) return;
		this.#weights = this.#weights.map((weight, i) => Math.floor(weight / 2) + fresh[i]);
		this.#seen = absent;
	}
}
