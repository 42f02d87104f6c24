/** From the options of a store to those of its tables. */
import type { CompressionId, TableOptions } from '../kernel/kernel';
import type { FilterSettings } from './filter-policy';
import type { ResolvedOptions } from './schema';

/** How a store with these options writes tables that have filters of these settings, and this compression. */
export function tableOptionsOf(options: ResolvedOptions, filter: FilterSettings, compression: CompressionId): TableOptions {
	return {
		blockSize: options.blockSize,
		restartInterval: options.restartInterval,
		filterPolicy: options.filterPolicy,
		filterMilliBitsPerKey: filter.milliBitsPerKey,
		filterProbes: filter.probes,
		tableSize: options.tableSize,
		compression,
		compressionLevel: options.zstdLevel,
	};
}
