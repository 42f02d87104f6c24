/**
 * Keeps what lookups of missing keys were seen to ask, and answers how large the filters of the next table of a level are made: see
 * {@link filterBits}.
 *
 * Invariant: what was seen counts half as much with each {@link WINDOW} lookups that came after it.
 */
import type { KernelEngine, LevelFilterStats } from '../kernel/kernel';
import { LEVELS } from '../limits';
import { filterBits, type MeasuredFilters } from '../options/filter-bits';
import { type FilterSettings, filterSettings, settingsOfBits } from '../options/filter-policy';
import type { ResolvedOptions } from '../options/schema';

/** Probes for missing keys after which the picture of the workload is renewed. */
const WINDOW = 1024;

/** Filter settings of a store that treats all levels alike. */
export function uniformFilterSettings(options: ResolvedOptions): FilterSettings {
	const { filterPolicy, filterBitsPerKey, filterFalsePositiveRate } = options;
	if (filterBitsPerKey !== false) return settingsOfBits(Math.round(filterBitsPerKey * 1000), filterPolicy);
	return filterSettings(filterFalsePositiveRate, filterPolicy);
}

export class FilterSizing {
	readonly #options: ResolvedOptions;
	readonly #engine: Pick<KernelEngine, 'filterStats'>;
	readonly #levelBytes: () => number[];
	/** Thousandths of a bit with which all levels are alike: worked out for the first table, not for the open of a store that may write none. */
	#uniform: number | undefined;
	/** Probes for missing keys by level: weighted by age, and as counted at the end of the last window. */
	#missing: number[] = Array(LEVELS).fill(0);
	#counted: number[] = Array(LEVELS).fill(0);
	/** Keys that each level had when it last had any. */
	readonly #keys: number[] = Array(LEVELS).fill(0);
	/** What each level was given last: to find the probes of a size takes a while. */
	readonly #last: (FilterSettings | undefined)[] = Array(LEVELS).fill(undefined);

	/** @param levelBytes bytes of tables in each level now */
	constructor(options: ResolvedOptions, engine: Pick<KernelEngine, 'filterStats'>, levelBytes: () => number[]) {
		this.#options = options;
		this.#engine = engine;
		this.#levelBytes = levelBytes;
	}

	/** Settings for a table that is written to a level now. */
	settings(level: number): FilterSettings {
		const options = this.#options;
		this.#uniform ??= uniformFilterSettings(options).milliBitsPerKey;
		const runs = options.compactionStrategy === 'tiered' ? options.tieredMaxRuns : options.level0CompactionTrigger;
		const shape = {
			policy: options.filterPolicy,
			uniform: this.#uniform,
			allocation: options.filterAllocation,
			bottomLevel: options.filterBottomLevel,
			bytes: this.#levelBytes(),
			level0: { tables: runs, bytes: options.memtableSize * runs },
			multiplier: options.levelMultiplier,
		};
		const measured = options.filterAdaptive ? this.#measured(level) : undefined;
		const bits = filterBits(level, shape, measured);
		const last = this.#last[level];
		if (last?.milliBitsPerKey === bits) return last;
		const settings = settingsOfBits(bits, options.filterPolicy);
		this.#last[level] = settings;
		return settings;
	}

	/** A level that has just been emptied, or is about to be filled, counts with the keys that it had. */
	#measured(written: number): MeasuredFilters[] {
		const stats = this.#engine.filterStats();
		this.#observe(stats);
		return stats.map(({ keys, bytes }, level) => ({
			keys: level === written ? this.#keys[level] : keys,
			bytes,
			missing: this.#missing[level],
		}));
	}

	#observe(stats: readonly LevelFilterStats[]): void {
		for (const [level, { keys }] of stats.entries()) if (keys > 0) this.#keys[level] = keys;
		const counted = stats.map(({ negatives, falsePositives }) => negatives + falsePositives);
		const fresh = counted.map((count, level) => count - this.#counted[level]);
		if (fresh.reduce((sum, count) => sum + count, 0) < WINDOW) return;
		this.#missing = this.#missing.map((count, level) => Math.floor(count / 2) + fresh[level]);
		this.#counted = counted;
	}
}
