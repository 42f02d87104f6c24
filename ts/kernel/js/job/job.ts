/**
 * The shape of a job: what crosses to its thread, and the loop that flush and compaction share.
 *
 * Invariants:
 *  1. A request is plain data and shared memory: it can be posted to a worker.
 *  2. A job runs in slices of about {@link SLICE_BYTES}: between two of them its thread may do other work, and it looks whether it
 *     was cancelled.
 *  3. A job that ends early, by an error or by `cancel`, leaves no output behind.
 */
import { AbortError } from '../../../errors';
import type { FileSystem } from '../../../fs/file-system';
import type { JobOutput, TableSpec, TableSummary } from '../../kernel';
import type { Cursor } from '../cursor';
import type { SharedTree } from '../memtable/tree';
import type { RangeDelete } from '../range-delete';
import type { OutputTables } from './output';
import type { KeyRange, Retention } from './retention';

const SLICE_BYTES = 1024 * 1024;
const CANCEL_CHECK_BYTES = 64 * 1024;

export interface FlushRequest {
	kind: 'flush';
	memtable: SharedTree;
	rangeDeletes: readonly RangeDelete[];
	snapshots: number[];
	output: JobOutput;
}

export interface CompactionRequest {
	kind: 'compaction';
	/** Sorted runs, newest first. */
	runs: TableSpec[][];
	snapshots: number[];
	keepTombstones: KeyRange[];
	output: JobOutput;
}

export type JobRequest = FlushRequest | CompactionRequest;

/** Bytes of input read so far, of all. */
export interface JobProgress {
	done: number;
	total: number;
}

/** A job in slices; ends with its outputs. */
export type JobSteps = Generator<JobProgress, TableSummary[], void>;

/** What a job runs with. */
export interface JobEnvironment {
	fileSystem: FileSystem;
	/** Not 0: the job was cancelled. Shared with the thread that started it. */
	cancelled: Int32Array;
}

/** Size of a job's input: what its entries add up to in {@link copySlice}, and what it is reported as. */
export interface InputSize {
	entryBytes: number;
	reported: number;
}

/** What an entry counts: key, value and two lengths. */
export const ENTRY_BYTES = 8;

/** Copies what survives from a cursor to the outputs. */
export function* copyEntries(
	cursor: Cursor,
	retention: Retention,
	output: OutputTables,
	cancelled: Int32Array,
	input: InputSize,
): JobSteps {
	try {
		let done = 0;
		cursor.seekToFirst();
		while (cursor.valid) {
			done += copySlice(cursor, retention, output, cancelled);
			yield { done: Math.round(Math.min(1, done / input.entryBytes) * input.reported), total: input.reported };
		}
		checkCancelled(cancelled);
		return output.finish();
	} catch (error) {
		output.discard();
		throw error;
	}
}

/** Copies about SLICE_BYTES of input; answers the bytes it has seen, as they lie in a memtable. */
function copySlice(cursor: Cursor, retention: Retention, output: OutputTables, cancelled: Int32Array): number {
	let bytes = 0;
	let nextCheck = 0;
	while (cursor.valid && bytes < SLICE_BYTES) {
		if (bytes >= nextCheck) {
			checkCancelled(cancelled);
			nextCheck = bytes + CANCEL_CHECK_BYTES;
		}
		if (retention.keeps(cursor.keyBytes, cursor.keyStart, cursor.keyEnd)) output.add(cursor);
		bytes += ENTRY_BYTES + cursor.keyEnd - cursor.keyStart + cursor.valueEnd - cursor.valueStart;
		cursor.next();
	}
	return bytes;
}

function checkCancelled(cancelled: Int32Array): void {
	if (Atomics.load(cancelled, 0) !== 0) throw new AbortError('the job was cancelled');
}
