/**
 * Replays one write-ahead log.
 *
 * Invariants:
 *  1. A record is checked whole before any of it is handed out: a damaged batch is never half applied.
 *  2. Sequence numbers run on without a gap; records that tables hold already are skipped.
 *  3. The history ends where a loss of power has taken what was not synced: at a torn tail, behind which whole records may stand, or before the
 *     first record of a log when the end of the log before it is missing. That is so only where no record, here or in a later log, says that
 *     the place was durable. All else is damage: a CorruptionError, or, with `salvage`, the place where the replay stops.
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
	/** Another log was replayed before it, of which the end may be missing. */
	follows: boolean;
	/** Does a later log say that this one was durable? Asked when it is in doubt. */
	wasDurable(): boolean;
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
	/** Cut the file here: what follows is not part of the history. */
	truncateAt: number | undefined;
	/** *torn*: the history ends here. *damaged*: so it does with `salvage`, which was set. Later logs must not be replayed then. */
	end: 'clean' | 'torn' | 'damaged';
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
	let isFirst = true;
	const ended = (at: number, offset: number, trouble: string, isTorn: boolean): ReplayResult => {
		if (!isTorn && !options.salvage) throw damage(path, offset, trouble);
		return { records, truncateAt: at, end: isTorn ? 'torn' : 'damaged' };
	};
	for (let record = reader.next(); record !== undefined; record = reader.next()) {
		const { data, offset } = record;
		const checked = checkRecord(data);
		if (typeof checked === 'string') return ended(offset, offset, checked, false);
		const gap = gapBetween(expected, checked);
		if (gap !== undefined) {
			const isLost = isFirst && options.follows && checked.sequence > expected;
			return ended(offset, offset, gap, isLost && !isKnownDurable(file, options));
		}
		isFirst = false;
		if (checked.sequence < expected || checked.count === 0) continue;
		options.onRecord(data, 0, data.length, checked.sequence, checked.count);
		expected = checked.sequence + checked.count;
		records++;
	}
	const { end } = reader;
	if (end.kind === 'clean') return { records, truncateAt: undefined, end: 'clean' };
	return ended(end.validEnd, end.offset, end.reason, end.kind === 'torn' && !options.wasDurable());
}

/** Does this log, or a later one, say that the logs before it were durable? */
function isKnownDurable(file: ReadableFile, { number, crc32, wasDurable }: ReplayOptions): boolean {
	return new LogReader(file, number, crc32).saysEarlierIsDurable() || wasDurable();
}

/** Does any of these logs say that the logs before it were durable? */
export function sayEarlierIsDurable(
	{ fileSystem, directory, crc32 }: Pick<ReplayOptions, 'fileSystem' | 'directory' | 'crc32'>,
	numbers: readonly number[],
): boolean {
	return numbers.some((number) => {
		const file = fileSystem.openRead(join(directory, walFileName(number)));
		try {
			return new LogReader(file, number, crc32).saysEarlierIsDurable();
		} finally {
			file.closeSync();
		}
	});
}

interface RecordHead {
	sequence: number;
	count: number;
}

/** Sequence and count of a record that is sound, or what is wrong with it. */
function checkRecord(data: Uint8Array): RecordHead | string {
	if (data.length < 12) return 'a record is too short for its header';
	const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
	const sequence = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
	const count = view.getUint32(8, true);
	if (!Number.isSafeInteger(sequence + count)) return `the sequence number ${sequence} is out of range`;
	return checkOperations(data, count) ?? { sequence, count };
}

/** What is wrong with the place of a record in the history. */
function gapBetween(expected: number, { sequence, count }: RecordHead): string | undefined {
	if (sequence > expected) return `operations ${expected} to ${sequence - 1} are missing`;
	if (sequence < expected && sequence + count > expected) return `operation ${expected - 1} is there twice`;
	return undefined;
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
