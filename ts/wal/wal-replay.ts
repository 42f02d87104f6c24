/**
 * Replays one write-ahead log.
 *
 * Invariants:
 *  1. A record is checked whole before any of it is handed out: a damaged batch is never half applied.
 *  2. Sequence numbers run on without a gap; records that tables hold already are skipped.
 *  3. A torn tail is what a crash leaves in the last log, and is reported for cutting off. Whole records may stand in it, behind a hole: no
 *     record says that the log was durable there. All else is damage: a CorruptionError, or, with `salvage`, the place where the replay stops.
 */
import { join } from 'node:path';
import { CorruptionError } from '../errors';
import type { FileSystem, ReadableFile } from '../fs/file-system';
import { EXPIRY_SIZE, KIND_PUT_WITH_EXPIRY, KIND_RANGE_DELETE } from '../kernel/kernel';
import type { Crc32 } from '../log/format';
import { LogReader } from '../log/log-reader';
import { walFileName } from './wal-file-name';

export interface ReplayOptions {
	fileSystem: FileSystem;
	directory: string;
	/** File number of the log. */
	number: number;
	/** No log follows: a crash may have left a torn tail. */
	mayBeTorn: boolean;
	/** Sequence number of the first operation that is not yet in tables or memtables. */
	expectedSequence: number;
	crc32: Crc32;
	/** Stop at damage instead of throwing. */
	salvage: boolean;
	/** Takes a record `record[start, end)` of `count` operations from sequence number `sequence` on. */
	onRecord(record: Uint8Array, start: number, end: number, sequence: number, count: number): void;
}

export interface ReplayResult {
	/** Records handed out. */
	records: number;
	/** Cut the file here: what follows is no complete record. */
	truncateAt: number | undefined;
	/** Damage was found and `salvage` was set: logs after this one must not be replayed. */
	stop: boolean;
}

/** Hands out the records of a log in order. */
export function replayWal(options: ReplayOptions): ReplayResult {
	const path = join(options.directory, walFileName(options.number));
	const file = options.fileSystem.openRead(path);
	try {
		return replay(file, path, options);
	} finally {
		file.closeSync();
	}
}

function replay(file: ReadableFile, path: string, options: ReplayOptions): ReplayResult {
	const reader = new LogReader(file, options.number, options.crc32);
	let expected = options.expectedSequence;
	let records = 0;
	for (let record = reader.next(); record !== undefined; record = reader.next()) {
		const { data, offset } = record;
		const checked = checkRecord(data, expected);
		if (typeof checked === 'string') {
			if (options.salvage) return { records, truncateAt: offset, stop: true };
			throw damage(path, offset, checked);
		}
		if (checked.sequence < expected || checked.count === 0) continue;
		options.onRecord(data, 0, data.length, checked.sequence, checked.count);
		expected = checked.sequence + checked.count;
		records++;
	}
	const { end } = reader;
	if (end.kind === 'clean') return { records, truncateAt: undefined, stop: false };
	if (end.kind === 'torn' && options.mayBeTorn) return { records, truncateAt: end.validEnd, stop: false };
	if (options.salvage) return { records, truncateAt: end.validEnd, stop: true };
	throw damage(path, end.offset, end.reason);
}

/** Sequence and count of a record that is sound, or what is wrong with it. */
function checkRecord(data: Uint8Array, expected: number): { sequence: number; count: number } | string {
	if (data.length < 12) return 'a record is too short for its header';
	const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
	const sequence = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
	const count = view.getUint32(8, true);
	if (!Number.isSafeInteger(sequence + count)) return `the sequence number ${sequence} is out of range`;
	const trouble = checkOperations(data, count);
	if (trouble !== undefined) return trouble;
	const next = sequence + count;
	if (sequence > expected) return `operations ${expected} to ${sequence - 1} are missing`;
	if (sequence < expected && next > expected) return `operation ${expected - 1} is there twice`;
	return { sequence, count };
}

function checkOperations(data: Uint8Array, count: number): string | undefined {
	let position = 12;
	for (let i = 0; i < count; i++) {
		const kind = data[position++];
		const expires = kind === KIND_PUT_WITH_EXPIRY;
		if (kind === undefined || (kind > KIND_RANGE_DELETE && !expires))
			return `operation ${i} of a record has the unknown kind ${kind}`;
		for (let part = 0; part < 2; part++) {
			const [length, next] = readVarint(data, position);
			if (next < 0 || length > data.length - next) return `operation ${i} of a record is longer than the record`;
			if (expires && part === 1 && length < EXPIRY_SIZE) return `operation ${i} of a record is too short to say when it expires`;
			position = next + length;
		}
	}
	return position === data.length ? undefined : 'a record is longer than its operations';
}

/** A length and the position behind it; −1 when there is none. */
function readVarint(data: Uint8Array, start: number): [value: number, next: number] {
	let value = 0;
	for (let i = 0; i < 5 && start + i < data.length; i++) {
		const byte = data[start + i];
		value += (byte & 0x7f) * 2 ** (7 * i);
		if (byte < 0x80) return [value, start + i + 1];
	}
	return [0, -1];
}

function damage(path: string, offset: number, reason: string): CorruptionError {
	return new CorruptionError(
		`The log ${path} is damaged at byte ${offset}: ${reason}. Restore the store from a backup, or open it with salvage: true to keep ` +
			'what comes before the damage and give up the writes after it.',
		{ path, offset },
	);
}
