/** Puts the numbers of a store together for `Database.stats()`. */

import type { CompactionDebt } from '../compaction/strategy';
import type { DatabaseStats, FilterStats, LevelStats, StoreStats } from '../introspection';
import type { CursorRegistry } from '../iterator/cursor-handle';
import type { LevelFilterStats } from '../kernel/kernel';
import type { TableMetadata } from '../manifest/table-metadata';
import type { Version } from '../manifest/version';
import { compressionNames } from '../options/compression';
import type { Configuration } from '../options/configuration';
import type { StoreContext } from './context';
import type { Counters } from './counters';
import type { MemoryBudget } from './memory-budget';
import type { WriteAheadLog } from './write-ahead-log';

/** Where the numbers come from: the store. */
export interface StatsSource extends StoreContext {
	readonly kernelName: 'native' | 'js';
	readonly configuration: Configuration;
	readonly sequence: number;
	readonly pressure: number;
	readonly compactor: { readonly isPaused: boolean; readonly debt: CompactionDebt };
	readonly wal: WriteAheadLog;
	readonly cursors: CursorRegistry;
	readonly memory: MemoryBudget;
}

/** Shape, counters and sizes of a store as they are now. */
export function collectStats(store: StatsSource): StoreStats {
	const { counters, memtables, configuration, versions } = store;
	const levels = versions.current.levels.map((tables, level) => levelStats(store, tables, level));
	const blobs = blobStats(versions.current);
	return {
		kernel: store.kernelName,
		config: { version: configuration.version, options: { ...configuration.options }, previous: configuration.previous },
		levels,
		tableBytes: levels.reduce((sum, level) => sum + level.bytes, 0),
		blobs,
		memtable: {
			bytes: memtables.active.usage,
			immutables: memtables.immutables.length,
			immutableBytes: memtables.immutableBytes(),
		},
		wal: { files: store.files.walNumbers().length, bytes: store.wal.size, syncs: counters.walSyncs },
		sequence: store.sequence,
		operations: { puts: counters.puts, deletes: counters.deletes, gets: counters.gets, batches: counters.batches },
		bytes: {
			user: counters.userBytes,
			wal: counters.walBytes,
			flushed: counters.flushedBytes,
			compactionRead: counters.compactionReadBytes,
			compacted: counters.compactedBytes,
		},
		dataBlocks: { rawBytes: counters.rawDataBytes, storedBytes: counters.storedDataBytes },
		flushes: counters.flushes,
		compactions: counters.compactions,
		droppedTables: counters.droppedTables,
		jobs: { running: store.jobs.running(), ended: store.jobs.ended() },
		compactionsPaused: store.compactor.isPaused,
		compactionDebt: store.compactor.debt.bytes,
		amplification: amplification(levels, blobs, counters, memtables.immutables.length),
		stalls: {
			count: counters.stalls,
			slowdowns: counters.slowdowns,
			milliseconds: counters.stallMilliseconds,
			pressure: store.pressure,
		},
		backgroundErrors: store.health.backgroundErrors,
		handles: {
			iterators: store.cursors.living,
			snapshots: store.snapshots.living,
			forgotten: store.cursors.forgotten + store.snapshots.forgotten,
		},
		undeletedFiles: counters.undeletedFiles,
		memory: store.memory.stats(),
		reads: store.engine.stats(),
		filters: store.engine.filterStats().map(filterStats),
		readOnly: store.health.readOnlyCause,
	};
}

function blobStats({ blobs, liveBlobBytes }: Version): DatabaseStats['blobs'] {
	const sum = (values: Iterable<number>) => [...values].reduce((total, bytes) => total + bytes, 0);
	return { files: blobs.size, bytes: sum(blobs.values()), liveBytes: sum(liveBlobBytes.values()) };
}

function levelStats(store: StatsSource, tables: readonly TableMetadata[], level: number): LevelStats {
	const sum = (field: 'size' | 'entries' | 'tombstones') => tables.reduce((total, table) => total + table[field], 0);
	return {
		tables: tables.length,
		bytes: sum('size'),
		rawBytes: store.engine.rawBytes(
			tables.map(({ number }) => number),
			false,
		),
		compression: compressionNames[store.tableOptions(level).compression],
		entries: sum('entries'),
		tombstones: sum('tombstones'),
		expiring: tables.reduce((total, { expiry }) => total + (expiry?.entries ?? 0), 0),
	};
}

function filterStats(level: LevelFilterStats): FilterStats {
	const { keys, bytes, negatives, falsePositives } = level;
	const absent = negatives + falsePositives;
	return {
		...level,
		bitsPerKey: keys === 0 ? 0 : (8 * bytes) / keys,
		falsePositiveRate: absent === 0 ? undefined : falsePositives / absent,
	};
}

function amplification(
	levels: LevelStats[],
	blobs: DatabaseStats['blobs'],
	counters: Counters,
	immutableMemtables: number,
): DatabaseStats['amplification'] {
	const { userBytes, walBytes, flushedBytes, compactedBytes } = counters;
	const all = levels.reduce((sum, level) => sum + level.bytes, 0);
	const deepest = levels.findLast((level) => level.bytes > 0)?.bytes;
	const deeperRuns = levels.slice(1).filter((level) => level.tables > 0).length;
	return {
		write: userBytes === 0 ? undefined : (walBytes + flushedBytes + compactedBytes) / userBytes,
		read: 1 + immutableMemtables + levels[0].tables + deeperRuns,
		space: deepest === undefined ? undefined : (all + blobs.bytes) / (deepest + blobs.liveBytes),
	};
}
