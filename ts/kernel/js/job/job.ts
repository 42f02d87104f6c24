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
import type { BlobSpec, JobOutput, TableSpec, TableSummary } from '../../kernel';
import { compareBytes } from '../bytes';
import type { Cursor } from '../cursor';
import { hasExpired } from '../expiry';
import { KIND_SEEK, TRAILER_SIZE, writeTrailer } from '../internal-key';
import type { SharedTree } from '../memtable/tree';
import { compareKeys, keyIsBefore, type RangeDelete } from '../range-delete';
import type { OutputTables } from './output';
import { BURIED, DROPPED, KEPT, type KeyRange, type Retention } from './retention';
import type { ValueOutput } from './values';
import type { CachedPositions, WarmBlock } from './warming';

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
	/** What the cache holds of them. */
	cached: CachedPositions[];
	snapshots: number[];
	keepTombstones: KeyRange[];
	bounds: Bounds;
	/** User keys, ascending, on whose two sides outputs are separate. */
	cuts: Uint8Array[];
	/** Blob files that the job may have to read. */
	blobs: BlobSpec[];
	output: JobOutput;
}

export type JobRequest = FlushRequest | CompactionRequest;

/** User keys from `lower` (inclusive) to `upper` (exclusive); undefined: no bound. */
export interface Bounds {
	lower: Uint8Array | undefined;
	upper: Uint8Array | undefined;
}

export const NO_BOUNDS: Bounds = { lower: undefined, upper: undefined };

/** Bytes of input read so far, of all, and bytes of output written so far. */
export interface JobProgress {
	done: number;
	total: number;
	written: number;
}

/** A job in slices; ends with its outputs. */
export type JobSteps = Generator<JobProgress, TableSummary[], void>;

/** What a job runs with. */
export interface JobEnvironment {
	fileSystem: FileSystem;
	/** Not 0: the job was cancelled. Shared with the thread that started it. */
	cancelled: Int32Array;
	/** Takes blocks of tables that are being written to the cache. */
	keepBlock: (block: WarmBlock) => void;
}

/** Size of a job's input: what its entries add up to in {@link copySlice}, and what it is reported as. */
export interface InputSize {
	entryBytes: number;
	reported: number;
}

/** What an entry counts: key, value and two lengths. */
export const ENTRY_BYTES = 8;

/** Copies what survives within bounds from a cursor to the outputs. */
export function* copyEntries(
	cursor: Cursor,
	{ lower, upper }: Bounds,
	retention: Retention,
	output: OutputTables,
	values: ValueOutput,
	cancelled: Int32Array,
	input: InputSize,
): JobSteps {
	try {
		let done = 0;
		seekToLower(cursor, lower);
		while (isWithin(cursor, upper)) {
			done += copySlice(cursor, upper, retention, output, values, cancelled);
			const share = Math.min(1, done / input.entryBytes);
			yield { done: Math.round(share * input.reported), total: input.reported, written: output.written + values.written };
		}
		checkCancelled(cancelled);
		values.finish();
		return output.finish();
	} catch (error) {
		output.discard();
		values.discard();
		throw error;
	}
}

function seekToLower(cursor: Cursor, lower: Uint8Array | undefined): void {
	if (lower === undefined) {
		cursor.seekToFirst();
		return;
	}
	const target = new Uint8Array(lower.length + TRAILER_SIZE);
	target.set(lower);
	cursor.seek(target, 0, writeTrailer(target, lower.length, Number.MAX_SAFE_INTEGER, KIND_SEEK));
}

/** The part of a range delete within bounds; none when there is nothing of it. */
export function clip({ start, end, sequence }: RangeDelete, { lower, upper }: Bounds): RangeDelete[] {
	const from = lower !== undefined && compareKeys(lower, start) > 0 ? lower : start;
	const to = upper !== undefined && keyIsBefore(upper, end) ? upper : end;
	const isWithinBounds = keyIsBefore(from, end) && (upper === undefined || compareKeys(from, upper) < 0);
	return isWithinBounds ? [{ start: from, end: to, sequence }] : [];
}

function isWithin(cursor: Cursor, upper: Uint8Array | undefined): boolean {
	if (!cursor.valid || upper === undefined) return cursor.valid;
	return compareBytes(cursor.keyBytes, cursor.keyStart, cursor.keyEnd - TRAILER_SIZE, upper, 0, upper.length) < 0;
}

/** Copies about SLICE_BYTES of input; answers the bytes it has seen, as they lie in a memtable. */
function copySlice(
	cursor: Cursor,
	upper: Uint8Array | undefined,
	retention: Retention,
	output: OutputTables,
	values: ValueOutput,
	cancelled: Int32Array,
): number {
	let bytes = 0;
	let nextCheck = 0;
	while (isWithin(cursor, upper) && bytes < SLICE_BYTES) {
		if (bytes >= nextCheck) {
			checkCancelled(cancelled);
			nextCheck = bytes + CANCEL_CHECK_BYTES;
		}
		const { keyBytes, keyStart, keyEnd } = cursor;
		const expired = hasExpired(keyBytes[keyEnd - TRAILER_SIZE], cursor.valueBytes, cursor.valueStart, output.now);
		const fate = values.isLost(cursor) ? DROPPED : retention.fate(keyBytes, keyStart, keyEnd, expired);
		if (fate === KEPT) output.add(values.place(cursor));
		else if (fate === BURIED) output.addTombstone(cursor);
		bytes += ENTRY_BYTES + cursor.keyEnd - cursor.keyStart + cursor.valueEnd - cursor.valueStart;
		cursor.next();
	}
	return bytes;
}

function checkCancelled(cancelled: Int32Array): void {
	if (Atomics.load(cancelled, 0) !== 0) throw new AbortError('the job was cancelled');
}
