/**
 * Deletes the entries of a range: reads its keys and writes deletes in groups.
 *
 * Invariant: a group is a batch, so a range whose keys fit one group disappears at once or not at all, also after a crash; a larger
 * one disappears group by group, in the order in which it is read.
 */
import { throwIfAborted } from '../abort';
import type { CommitQueue } from '../commit/commit-queue';
import type { ChunkReader } from '../iterator/chunk-reader';
import type { Durability } from '../types';
import { BatchEncoder } from '../wal/batch-encoder';

/** Bytes of deletes at which a group is written. */
const GROUP_BYTES = 1024 * 1024;

/** Deletes what `reader` brings (keys only); resolves when all of it is acknowledged as `durability` says. Closes the reader. */
export async function clearEntries(
	reader: ChunkReader,
	commits: CommitQueue,
	durability: Durability,
	signal: AbortSignal | undefined,
): Promise<void> {
	const group = new BatchEncoder();
	const writeGroup = (acknowledged: Durability) => commits.add((encoder) => encoder.append(group), acknowledged);
	try {
		while (await reader.ready()) {
			throwIfAborted(signal);
			while (reader.available > 0) group.delete(reader.takeKey());
			if (group.byteLength < GROUP_BYTES) continue;
			await writeGroup('never');
			group.reset();
		}
		// The log is written in order: when its end is durable, the groups before it are.
		await writeGroup(durability);
	} finally {
		reader.close();
	}
}
