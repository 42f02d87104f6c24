/**
 * Recovery of the logs: everything that tables do not hold yet goes back into memtables.
 *
 * Invariants:
 *  1. Records are applied in the order of their sequence numbers, without a gap, each whole.
 *  2. Only the last log may end in a torn tail; it is cut off, so that the log is clean when it is no longer the last.
 *  3. Where salvage gives up the rest of the logs, it is removed, durably, before its sequence numbers are given again.
 *  4. Nothing is flushed here: the logs hold no more than was in memory before.
 *  5. What was recovered is durable before anything is written: else a loss of power could take it from under later writes.
 */
import type { Environment } from '../environment';
import { syncFile } from '../fs/file-system';
import { type KernelEngine, MEMTABLE_ENTRY_OVERHEAD } from '../kernel/kernel';
import type { Crc32 } from '../log/format';
import { replayWal } from '../wal/wal-replay';
import { Memtables } from './memtables';
import type { StoreFiles } from './store-files';

/** Logs that a series of opens may leave unflushed; then an open flushes what they hold, to be rid of them. */
const MOST_LOGS = 4;

export interface RecoveryInput {
	environment: Environment;
	engine: KernelEngine;
	files: StoreFiles;
	crc32: Crc32;
	memtableSize: number;
	/** Logs below this number are not needed. */
	logNumber: number;
	/** Highest sequence number in tables. */
	lastSequence: number;
	/** Give up what comes after damage instead of refusing. */
	salvage: boolean;
	/** The logs are known to be durable. */
	isClean: boolean;
	/** Numbers of the logs that are there, ascending. */
	walNumbers: readonly number[];
	/** Number of the log that the store will go on with. */
	nextWalNumber: number;
}

export interface Recovered {
	memtables: Memtables;
	/** Highest sequence number recovered. */
	sequence: number;
	/** So many logs are kept for what was recovered that it should be flushed. */
	manyLogs: boolean;
}

/** Replays the logs into memtables. */
export function recoverLogs(input: RecoveryInput): Recovered {
	const { environment, engine, files, crc32, salvage, memtableSize, nextWalNumber, isClean } = input;
	const { fileSystem } = environment;
	const numbers = input.walNumbers.filter((number) => number >= input.logNumber);
	const memtables = new Memtables(engine, memtableSize, numbers[0] ?? nextWalNumber);
	let sequence = input.lastSequence;
	let logsUsed = 0;
	for (const [position, number] of numbers.entries()) {
		const before = sequence;
		const result = replayWal({
			fileSystem,
			directory: files.walDirectory,
			number,
			mayBeTorn: position === numbers.length - 1,
			expectedSequence: sequence + 1,
			crc32,
			salvage,
			onRecord: (record, start, end, first, count) => {
				applyRecord(memtables, engine, record.subarray(start, end), count, memtableSize, number);
				sequence = first + count - 1;
				// Range deletes are not counted: a log has no more of them than one memtable takes.
				memtables.applied(end - start + count * MEMTABLE_ENTRY_OVERHEAD, count, 0, sequence);
			},
		});
		if (sequence > before) logsUsed++;
		if (result.stop) files.removeLogs(numbers.slice(position + 1));
		if (result.truncateAt !== undefined) fileSystem.truncateSync(files.walPath(number), result.truncateAt);
		else if (!isClean) syncFile(fileSystem, files.walPath(number));
		if (result.stop) break;
	}
	if (memtables.active.entries === 0) memtables.replaceEmpty(memtableSize, nextWalNumber);
	return { memtables, sequence, manyLogs: logsUsed >= MOST_LOGS };
}

function applyRecord(
	memtables: Memtables,
	engine: KernelEngine,
	record: Uint8Array,
	count: number,
	memtableSize: number,
	walNumber: number,
): void {
	const needed = record.length + count * MEMTABLE_ENTRY_OVERHEAD;
	const capacity = Math.max(memtableSize, needed);
	if (memtables.active.entries === 0 && memtables.active.walNumber !== walNumber) memtables.replaceEmpty(capacity, walNumber);
	else if (!memtables.fits(needed)) {
		if (memtables.active.entries > 0) memtables.rotate(capacity, walNumber);
		else memtables.replaceEmpty(capacity, walNumber);
	}
	engine.apply(record, 0, record.length);
}
