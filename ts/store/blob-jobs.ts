/** What flushes and compactions do with values outside of tables. */
import { mostOutputs } from '../compaction/most-outputs';
import { BLOB_FILE_ENDS, type BlobOutput, type BlobReference } from '../kernel/kernel';
import type { Version } from '../manifest/version';
import type { StoreContext } from './context';

/**
 * Blob files that are to be collected, the oldest first: of their records, at least this share belongs to no entry any more. While a merge is
 * under way in parts, what it has done counts twice as in use, so a file may be found later, and never too early.
 */
export function garbageFiles(version: Version, ratio: number | false): number[] {
	if (ratio === false || version.blobs.size === 0) return [];
	const isGarbage = ([file, bytes]: [number, number]) => {
		const records = (version.blobs.get(file) ?? 0) - BLOB_FILE_ENDS;
		return records - bytes >= ratio * records;
	};
	return [...version.liveBlobBytes].filter(isGarbage).map(([file]) => file);
}

/** How a flush treats values; undefined when they stay in tables. It writes one blob file. */
export function flushedBlobs({ options, files, versions }: StoreContext): BlobOutput | undefined {
	const { blobThreshold: threshold } = options;
	if (threshold === false) return undefined;
	const numbers = { firstNumber: versions.allocate(1), numberCount: 1 };
	return {
		directory: files.blobDirectory,
		threshold,
		fileSize: Number.MAX_SAFE_INTEGER,
		...numbers,
		collect: [],
		salvage: false,
	};
}

/**
 * How a compaction treats values; undefined when it passes them as they are.
 * @param collect files out of which it takes values, and the bytes of its inputs there
 * @param rawBytes bytes of keys and values in the tables of its input
 */
export function compactedBlobs(
	{ options, files, versions }: StoreContext,
	collect: readonly BlobReference[],
	rawBytes: number,
	entries: number,
): BlobOutput | undefined {
	const { blobThreshold, memtableSize: fileSize } = options;
	if (blobThreshold === false && collect.length === 0) return undefined;
	const numberCount = mostOutputs(
		collect.reduce((sum, [, bytes]) => sum + bytes, rawBytes),
		entries,
		fileSize,
	);
	return {
		directory: files.blobDirectory,
		threshold: blobThreshold === false ? Number.MAX_SAFE_INTEGER : blobThreshold,
		fileSize,
		firstNumber: versions.allocate(numberCount),
		numberCount,
		collect: collect.map(([file]) => file),
		salvage: false,
	};
}
