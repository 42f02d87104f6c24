/** How many bytes of tables and blob files a range takes, from the indexes of the tables; no block of data is read. */
import { compareBytes } from '../bytes';
import { blobBytesOf } from '../compaction/tree';
import type { HalfOpenRange } from '../iterator/range';
import type { KernelEngine } from '../kernel/kernel';
import { endOf, isBefore, type TableMetadata, userKeyOf } from '../manifest/table-metadata';
import type { Version } from '../manifest/version';

/** Bytes in all tables of a version between the blocks that hold the two bounds, and the same share of their values in blob files. */
export function approximateSize(engine: KernelEngine, version: Version, range: HalfOpenRange): number {
	let bytes = 0;
	for (const table of version.levels.flat()) {
		const within = bytesWithin(engine, table, range);
		bytes += within + Math.round((blobBytesOf([table]) * within) / table.size);
	}
	return bytes;
}

function bytesWithin(engine: KernelEngine, table: TableMetadata, { lower, upper }: HalfOpenRange): number {
	const smallest = userKeyOf(table.smallestKey);
	const tableEnd = endOf(table);
	if (upper !== undefined && compareBytes(upper, smallest) <= 0) return 0;
	if (lower !== undefined && !isBefore(lower, tableEnd)) return 0;
	const start = lower === undefined || compareBytes(lower, smallest) <= 0 ? 0 : engine.approximateOffset(table.number, lower);
	const end = upper === undefined || !isBefore(upper, tableEnd) ? table.size : engine.approximateOffset(table.number, upper);
	return Math.max(0, end - start);
}
