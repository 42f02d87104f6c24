/** Replay of a write-ahead log: what is there is whole, in order and without a hole, or it is a CorruptionError with path and offset. */
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import { crc32 } from '../../ts/kernel/js/crc32';
import { LogWriter } from '../../ts/log/log-writer';
import { BatchEncoder } from '../../ts/wal/batch-encoder';
import { parseWalFileName, walFileName } from '../../ts/wal/wal-file-name';
import { type ReplayOptions, replayWal } from '../../ts/wal/wal-replay';
import { logOf, Sink } from '../support/logs';
import { MemoryFileSystem } from '../support/memory-file-system';
import { Random, testSeed } from '../support/stores';

const NUMBER = 7;
const PATH = `/wal/${walFileName(NUMBER)}`;

interface Record {
	sequence: number;
	count: number;
	bytes: string;
}

/** A record of `operations` puts and deletes. */
function batch(sequence: number, operations: number): Uint8Array {
	const encoder = new BatchEncoder();
	for (let i = 0; i < operations; i++) {
		const number = sequence + i;
		if (number % 3 === 0) encoder.delete(`key${number}`);
		else encoder.put(`key${number}`, 'v'.repeat(number % 7));
	}
	const { buffer, start, end } = encoder.finish(sequence);
	return Uint8Array.from(buffer.subarray(start, end));
}

/** Batches of these sizes, one after the other from sequence number 1 on. */
function batches(...sizes: number[]): Uint8Array[] {
	let sequence = 1;
	return sizes.map((size) => {
		const record = batch(sequence, size);
		sequence += size;
		return record;
	});
}

/** A log as a script tells it, and the records before the first that is not on the disk. */
function written(script: string): { bytes: Buffer; kept: string } {
	const sink = new Sink();
	const writer = new LogWriter(sink, NUMBER, crc32);
	const lost: [from: number, to: number][] = [];
	for (const step of script.split(' ')) {
		const { size } = writer;
		const record = batch(1 + sink.writes.length, 1);
		if (step === '|') writer.syncSync();
		else if (step !== '>') writer.append(record, 0, record.length);
		if (/[A-Z]/.test(step)) lost.push([size, writer.size]);
	}
	const { bytes } = sink;
	for (const [from, to] of lost) bytes.fill(0, from, to);
	return { bytes, kept: script.replace(/ [|>]/g, '').replace(/ ?[A-Z].*/, '') };
}

/** Records as letters. */
function names(records: readonly Record[]): string {
	return records.map(({ sequence }) => String.fromCharCode(96 + sequence)).join(' ');
}

function replay(bytes: Uint8Array, options: Partial<ReplayOptions> = {}) {
	const fileSystem = new MemoryFileSystem();
	fileSystem.makeDirectorySync('/wal');
	fileSystem.writeFile(PATH, bytes);
	const records: Record[] = [];
	const result = replayWal({
		fileSystem,
		directory: '/wal',
		number: NUMBER,
		mayBeTorn: true,
		expectedSequence: 1,
		crc32,
		salvage: false,
		onRecord: (record, start, end, sequence, count) => {
			records.push({ sequence, count, bytes: Buffer.from(record.subarray(start, end)).toString('hex') });
		},
		...options,
	});
	expect(result.records).toBe(records.length);
	return { ...result, records };
}

/** As {@link replay}; a CorruptionError, which must name the log and an offset in it, becomes a result. */
function replayOrError(
	bytes: Uint8Array,
	options: Partial<ReplayOptions> = {},
): Partial<ReturnType<typeof replay>> & { error?: CorruptionError } {
	try {
		return replay(bytes, options);
	} catch (error) {
		if (!(error instanceof CorruptionError)) throw error;
		expect(error.path).toBe(PATH);
		expect(error.offset).toBeGreaterThanOrEqual(0);
		expect(error.offset).toBeLessThanOrEqual(bytes.length);
		return { error };
	}
}

const hex = (records: readonly Uint8Array[]) => records.map((record) => Buffer.from(record).toString('hex'));
const sound = batches(1, 2, 1, 5, 1, 1, 3, 1, 2, 1, 4, 1);
const { bytes: log, ends } = logOf(sound, NUMBER, true);

describe('replay of a log', () => {
	it('hands out every record with sequence number and count', () => {
		const { records, truncateAt, stop } = replay(log);
		expect(records.map((record) => record.bytes)).toEqual(hex(sound));
		expect(records.map(({ sequence, count }) => [sequence, count]).slice(0, 4)).toEqual([
			[1, 1],
			[2, 2],
			[4, 1],
			[5, 5],
		]);
		expect({ truncateAt, stop }).toEqual({ truncateAt: undefined, stop: false });
	});

	it('keeps what is whole of the last log, cut at every length, and says where to cut', () => {
		for (let length = 0; length < log.length; length++) {
			const whole = ends.filter((end) => end <= length);
			const { records, truncateAt, stop } = replay(log.subarray(0, length));
			expect(records.map((record) => record.bytes)).toEqual(hex(sound.slice(0, whole.length)));
			const clean = length === (whole.at(-1) ?? 0);
			expect({ truncateAt, stop }).toEqual({ truncateAt: clean ? undefined : (whole.at(-1) ?? 0), stop: false });
		}
	});

	it('refuses a log with a torn record when another log follows', () => {
		for (let length = 0; length < log.length; length++) {
			const { error, records } = replayOrError(log.subarray(0, length), { mayBeTorn: false });
			if (length === 0 || ends.includes(length)) expect(records).toHaveLength(ends.indexOf(length) + 1);
			else expect(error?.message).toContain('salvage: true');
		}
	});

	it('never alters or leaves out a record, whichever bit is flipped', () => {
		for (let bit = 0; bit < log.length * 8; bit++) {
			const damaged = Buffer.from(log);
			damaged[bit >> 3] ^= 1 << (bit & 7);
			const hit = ends.findIndex((end) => bit >> 3 < end);
			const last = hit === sound.length - 1;
			const { records, error, truncateAt } = replayOrError(damaged);
			// Nothing valid stands behind the last record: its damage cannot be told from a crash.
			expect(error === undefined).toBe(last);
			if (last) expect([records?.length, truncateAt]).toEqual([sound.length - 1, ends.at(-2)]);
			const salvaged = replay(damaged, { salvage: true });
			expect(salvaged.records.map((record) => record.bytes)).toEqual(hex(sound.slice(0, hit)));
			expect(salvaged.truncateAt).toBe(hit === 0 ? 0 : ends[hit - 1]);
			expect(salvaged.stop).toBe(!last);
		}
	});

	it('takes damage for the end of what was never synced, but not where another log follows', () => {
		const { bytes, ends } = logOf(sound, NUMBER);
		for (let at = 0; at < bytes.length; at++) {
			const damaged = Buffer.from(bytes);
			damaged[at] ^= 0x10;
			const hit = ends.findIndex((end) => at < end);
			const { records, truncateAt, stop } = replay(damaged);
			expect(records.map((record) => record.bytes)).toEqual(hex(sound.slice(0, hit)));
			expect({ truncateAt, stop }).toEqual({ truncateAt: hit === 0 ? 0 : ends[hit - 1], stop: false });
			expect(replayOrError(damaged, { mayBeTorn: false }).error?.message).toContain('salvage: true');
		}
	});

	// A letter is a record, a capital one that is not on the disk; | is an fsync, > the begin of a log that follows.
	it.each([
		['a b c', 'a b c'],
		['a b C', 'a b'],
		['a B c', 'a'],
		['A b c', ''],
		['a B c D e', 'a'],
		['a B c |', 'a'],
		['a b | c', 'a b c'],
		['a B | c', 'damage'],
		['A b | c', 'damage'],
		['a b | C', 'a b'],
		['a b | c D e', 'a b c'],
		['a b | C d', 'a b'],
		['a | b C d | e', 'damage'],
		['a | B | c', 'damage'],
		['a | b | C d | e', 'damage'],
		['a | b C d | E f', 'a b'],
		['A | b', 'damage'],
		['a b >', 'a b'],
		['a B c >', 'damage'],
		// Zeros are the end of a log; the first record of the next one tells what is missing.
		['a B >', 'a'],
	])('of %j gives %j', (script, expected) => {
		const { bytes, kept } = written(script);
		const { records, error } = replayOrError(bytes, { mayBeTorn: !script.endsWith('>') });
		expect(error === undefined ? names(records as Record[]) : 'damage').toBe(expected);
		const salvaged = names(replay(bytes, { mayBeTorn: !script.endsWith('>'), salvage: true }).records);
		expect(kept.startsWith(salvaged)).toBe(true);
		if (expected !== 'damage') expect(salvaged).toBe(expected);
	});

	it('skips what tables hold already', () => {
		const { records } = replay(log, { expectedSequence: 10 });
		expect(records[0].sequence).toBe(10);
		expect(records).toHaveLength(sound.length - 4);
		expect(replay(log, { expectedSequence: 1000 }).records).toEqual([]);
	});

	it('refuses a gap, and a record that tables hold in part', () => {
		const gap = logOf([batch(1, 2), batch(4, 1)], NUMBER).bytes;
		expect(replayOrError(gap).error).toMatchObject({ message: expect.stringContaining('operations 3 to 3 are missing') });
		expect(replayOrError(log, { expectedSequence: 0 }).error?.message).toContain('operations 0 to 0 are missing');
		expect(replayOrError(log, { expectedSequence: 3 }).error?.message).toContain('operation 2 is there twice');
		expect(replayOrError(log, { expectedSequence: 3 }).error?.offset).toBe(ends[0]);
		const salvaged = replay(gap, { salvage: true });
		expect(salvaged).toMatchObject({ stop: true, truncateAt: logOf([batch(1, 2)], NUMBER).bytes.length });
	});

	it('hands out no record twice', () => {
		const twice = logOf([batch(1, 2), batch(1, 2), batch(3, 1)], NUMBER).bytes;
		expect(replay(twice).records.map((record) => record.sequence)).toEqual([1, 3]);
		const overlapping = logOf([batch(1, 2), batch(2, 2)], NUMBER).bytes;
		expect(replayOrError(overlapping).error?.message).toContain('twice');
	});

	it('lets no record of another log pass', () => {
		const other = logOf(sound, NUMBER + 1).bytes;
		expect(replay(other)).toMatchObject({ records: [], truncateAt: 0, stop: false });
	});
});

describe('records that pass their checksum and are none', () => {
	const header = (sequence: number, count: number) => {
		const bytes = Buffer.alloc(12);
		bytes.writeBigUInt64LE(BigInt(sequence));
		bytes.writeUInt32LE(count, 8);
		return bytes;
	};
	const cases: [string, Uint8Array][] = [
		['too short for its header', Buffer.alloc(11)],
		['too short for its header', Buffer.alloc(0)],
		['longer than its operations', Buffer.concat([header(1, 0), Buffer.from([0])])],
		['unknown kind 3', Buffer.concat([header(1, 1), Buffer.from([3, 1, 65, 0])])],
		['too short to say when it expires', Buffer.concat([header(1, 1), Buffer.from([4, 1, 65, 7, 1, 2, 3, 4, 5, 6, 7])])],
		['unknown kind undefined', header(1, 1)],
		['longer than the record', Buffer.concat([header(1, 1), Buffer.from([1, 2, 65])])],
		['longer than the record', Buffer.concat([header(1, 1), Buffer.from([1, 1, 65, 0xff, 0xff, 0xff, 0xff, 0x0f])])],
		['longer than the record', Buffer.concat([header(1, 1), Buffer.from([1, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])])],
		['unknown kind undefined', header(1, 2 ** 32 - 1)],
		['out of range', Buffer.concat([Buffer.alloc(8, 0xff), Buffer.alloc(4)])],
	];

	it.each(cases)('are refused: %s', (reason, record) => {
		const { bytes } = logOf([batch(1, 0), record], NUMBER);
		expect(replayOrError(bytes).error?.message).toContain(reason);
		expect(replay(bytes, { salvage: true })).toMatchObject({ stop: true, truncateAt: logOf([batch(1, 0)], NUMBER).bytes.length });
	});

	const seed = testSeed();
	it(`never get through by chance, seed ${seed}`, () => {
		const random = new Random(seed);
		for (let round = 0; round < 2000; round++) {
			const record = Buffer.concat([header(1, random.below(5)), random.bytes(random.below(40))]);
			const { records, error } = replayOrError(logOf([record], NUMBER).bytes);
			const isEmpty = record.readUInt32LE(8) === 0;
			if (error === undefined) expect(records?.map((one) => one.bytes)).toEqual(isEmpty ? [] : [record.toString('hex')]);
		}
	});
});

describe('names of logs', () => {
	it('have at least six digits, and are read back', () => {
		for (const number of [1, 999_999, 1_000_000, Number.MAX_SAFE_INTEGER])
			expect(parseWalFileName(walFileName(number))).toBe(number);
		expect(walFileName(12)).toBe('000012.wal');
		for (const name of ['12.wal', '0000012.wal', '000012.sst', '000012.wal.tmp', 'x000012.wal', '9999999999999999.wal', '']) {
			expect(parseWalFileName(name)).toBeUndefined();
		}
	});
});
