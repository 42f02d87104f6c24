/**
 * The logs of a damaged store: where their replay must begin, and where it will end.
 *
 * Invariants:
 *  1. What tables hold is not replayed again: a tombstone that a compaction has dropped would no longer hide it.
 *  2. The sequence number that the replay begins behind is never below that of a table: no number is given twice.
 *  3. Nothing is changed here.
 */
import type { FileSystem } from '../fs/file-system';
import type { Crc32 } from '../log/format';
import { LogReader } from '../log/log-reader';
import type { StoreFiles } from '../store/store-files';
import { replayWal } from '../wal/wal-replay';

export interface LogSurvey {
	/** The first log that is needed; `undefined` when none is. */
	logNumber: number | undefined;
	/** The replay begins with the operation behind this one. */
	lastSequence: number;
	/** How many logs the replay takes records from. */
	replayed: number;
	/** Logs that the replay leaves records of out, or may do: damaged ones, and those behind a damaged one. */
	lost: number[];
}

export interface LogSurveyInput {
	fileSystem: FileSystem;
	files: StoreFiles;
	crc32: Crc32;
	/** Logs below this number are not needed. */
	from: number;
	/** Highest sequence number in tables, as far as known. */
	tableSequence: number;
}

/** Reads the logs as the next open will, with `salvage`. */
export function surveyLogs(input: LogSurveyInput): LogSurvey {
	const { fileSystem, files, crc32 } = input;
	const numbers = files.walNumbers().filter((number) => number >= input.from);
	const { position, lastSequence, lost } = findStart(input, numbers);
	const needed = numbers.slice(position);
	let sequence = lastSequence;
	let replayed = 0;
	for (const [i, number] of needed.entries()) {
		const { records, stop } = replayWal({
			fileSystem,
			directory: files.walDirectory,
			number,
			mayBeTorn: i === needed.length - 1,
			expectedSequence: sequence + 1,
			crc32,
			salvage: true,
			onRecord: (_record, _start, _end, first, count) => {
				sequence = first + count - 1;
			},
		});
		if (records > 0) replayed++;
		if (!stop) continue;
		lost.push(...needed.slice(i));
		break;
	}
	return { logNumber: needed[0], lastSequence, replayed, lost };
}

/**
 * The first record with operations that tables do not hold, as the place of its log and the sequence number before it.
 *
 * It may begin later than right behind the tables: without the manifest, the last operation that they took in is known no longer when it
 * was a delete. It may begin before the highest operation in tables for the same reason; since a memtable takes batches whole, the tables
 * have all of it.
 */
function findStart(
	{ fileSystem, files, crc32, tableSequence }: LogSurveyInput,
	numbers: readonly number[],
): { position: number; lastSequence: number; lost: number[] } {
	const lost: number[] = [];
	for (const [position, number] of numbers.entries()) {
		const file = fileSystem.openRead(files.walPath(number));
		try {
			const reader = new LogReader(file, number, crc32);
			for (let record = reader.next(); record !== undefined; record = reader.next()) {
				const [first, last] = sequencesOf(record.data);
				if (last > tableSequence) return { position, lastSequence: first > tableSequence ? first - 1 : last, lost };
			}
			if (reader.end.kind === 'damaged') lost.push(number);
		} finally {
			file.closeSync();
		}
	}
	return { position: numbers.length, lastSequence: tableSequence, lost };
}

/** Sequence numbers of the first and the last operation; of a record that has none, or impossible ones, such that it is passed over. */
function sequencesOf(record: Uint8Array): [first: number, last: number] {
	if (record.length < 12) return [0, 0];
	const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
	const first = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
	const last = first + view.getUint32(8, true) - 1;
	return Number.isSafeInteger(last) ? [first, last] : [0, 0];
}
