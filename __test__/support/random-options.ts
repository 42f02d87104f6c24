/** Options at random: every strategy of compaction, codec, filter policy and way to load tables, so that a test by seed runs under all. */
import type { OpenOptions } from '../../ts/index';
import type { Random } from './stores';

const codecs = ['none', 'lz4', 'snappy', 'zstd'] as const;

/** Options that any store may be opened with next, whatever it was opened with before; over those of a tiny tree. */
export function randomOptions(random: Random): OpenOptions {
	const flip = () => random.below(2) === 0;
	return {
		compactionStrategy: random.pick(['leveled', 'leveled', 'tiered'] as const),
		compactionThreads: 1 + random.below(3),
		compression: flip() ? random.pick(codecs) : [random.pick(codecs), random.pick(codecs)],
		filterPolicy: random.pick(['blocked-bloom', 'bloom'] as const),
		filterFalsePositiveRate: random.pick([false, 0.01, 0.2]),
		filterAllocation: random.pick(['uniform', 'levels'] as const),
		filterBottomLevel: flip(),
		filterAdaptive: flip(),
		tableLoading: random.pick(['eager', 'lazy'] as const),
		maxOpenFiles: random.pick([16, 1000]),
		cacheSize: random.pick([0, 16 * 1024, 4 * 1024 * 1024]),
		restartInterval: random.pick([1, 4, 16]),
		blockSize: random.pick([64, 512, 4096]),
		tombstoneRatio: random.pick([false, 0.5]),
	};
}
