/**
 * Target sizes of the levels, derived from the largest level, as in RocksDB's level_compaction_dynamic_level_bytes.
 *
 * ```
 *            levelBaseSize 64 MiB, multiplier 10, 30 GiB of tables
 * level 0    flushed tables
 * level 1-3  empty, skipped: their targets would be below levelBaseSize
 * level 4    the base level, target 300 MiB
 * level 5    target 3 GiB
 * level 6    27 GiB: the largest, and what the others are derived from
 * ```
 *
 * With fixed targets the last level can be any part of its own target, and the levels above may hold as much stale data as it holds data.
 * Derived ones keep all levels above together near a 1 / (multiplier - 1) part of the last one, whatever its size.
 */
import { BOTTOM_LEVEL } from '../limits';

export interface LevelTargetOptions {
	levelBaseSize: number;
	levelMultiplier: number;
}

export interface LevelTargets {
	/** The shallowest level from 1 on that is used: level 0 is compacted into it. */
	base: number;
	/** Target bytes by level. 0 for a level that is to be emptied; Infinity for level 0, which goes by its count, and for the last. */
	targets: number[];
}

/** @param sizes bytes by level */
export function levelTargets(sizes: readonly number[], options: LevelTargetOptions): LevelTargets {
	const { levelBaseSize, levelMultiplier } = options;
	const targets = sizes.map(() => Number.POSITIVE_INFINITY);
	let target = Math.max(...sizes.slice(1));
	let base = BOTTOM_LEVEL;
	for (let level = BOTTOM_LEVEL - 1; level > 0; level--) {
		// The limit matters when even level 1 is in use: the levels from it on grow then as with fixed targets.
		target = Math.min(target / levelMultiplier, levelBaseSize * levelMultiplier ** level);
		if (target >= levelBaseSize) base = level;
		// Between a half and the whole a level that is there stays: else it would come and go with every compaction.
		targets[level] = target >= levelBaseSize / 2 ? target : 0;
	}
	return { base, targets };
}
