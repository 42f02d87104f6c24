/** The log format: every alignment, every cut, every flipped bit. What comes out is what went in, from its start, without a hole. */
import { describe, expect, it } from 'vitest';
import { IOError } from '../../ts/errors';
import { crc32 } from '../../ts/kernel/js/crc32';
import { BLOCK_SIZE, checksumOfLogNumber, HEADER_SIZE } from '../../ts/log/format';
import { LogWriter } from '../../ts/log/log-writer';
import { logOf, readLog, Sink } from '../support/logs';
import { Random, testSeed } from '../support/stores';

/** Short enough to be printed by a failure. */
const digest = (records: readonly Uint8Array[]) => records.map((record) => `${record.length} bytes, CRC ${crc32(record) >>> 0}`);
const filled = (length: number, byte = 0x61) => Buffer.alloc(length, byte);

/** Expects the first `count` records or fewer, and returns how many there are. */
function expectPrefix(found: readonly Uint8Array[], records: readonly Uint8Array[]): number {
	expect(digest(found)).toEqual(digest(records.slice(0, found.length)));
	return found.length;
}

describe('log format', () => {
	it('is the one of docs/format.md', () => {
		const { bytes } = logOf([Buffer.from('abc')], 0x0102);
		const covered = Buffer.concat([Buffer.from([2, 1, 0, 0, 0, 0, 0, 0]), Buffer.from([1]), Buffer.from('abc')]);
		expect(bytes.readUInt32LE(0)).toBe(crc32(covered) >>> 0);
		expect(bytes.subarray(4)).toEqual(Buffer.concat([Buffer.from([3, 0, 1]), Buffer.from('abc')]));
	});

	it('takes records at every alignment to the end of a block', () => {
		for (const [synced, room] of [false, true].flatMap((synced) => Array.from({ length: 26 }, (_, i) => [synced, i] as const))) {
			for (const length of [0, 1, 2, HEADER_SIZE, 50]) {
				const records = [filled(BLOCK_SIZE - HEADER_SIZE - room), filled(length, 0x62), filled(3, 0x63)];
				const { bytes, ends } = logOf(records, 7, synced);
				const { records: found, end } = readLog(bytes);
				expect(digest(found)).toEqual(digest(records));
				expect(end).toEqual({ kind: 'clean', validEnd: ends[2] });
			}
		}
	});

	it('takes empty records, and records of many blocks', () => {
		const random = new Random(1);
		const records = [0, 0, 1, 5 * BLOCK_SIZE, 0, BLOCK_SIZE - HEADER_SIZE, 3 * BLOCK_SIZE + 17, 0].map((length) =>
			random.bytes(length),
		);
		const { bytes, ends } = logOf(records);
		const { records: found, offsets, end } = readLog(bytes);
		expect(digest(found)).toEqual(digest(records));
		expect(offsets.slice(0, 4)).toEqual([0, ends[0], ends[1], ends[2]]);
		expect(end.kind).toBe('clean');
	});

	it('makes one write call of a record of many fragments, and few of a long one', () => {
		const sink = new Sink();
		const writer = new LogWriter(sink, 7, crc32);
		writer.append(filled(10 * BLOCK_SIZE), 5, 7 * BLOCK_SIZE);
		writer.append(filled(10), 0, 10);
		expect(sink.writes).toHaveLength(2);
		writer.append(filled(40 * BLOCK_SIZE), 0, 40 * BLOCK_SIZE);
		expect(sink.writes.length).toBeLessThan(10);
		expect(writer.size).toBe(sink.bytes.length);
		expect(readLog(sink.bytes).records.map((record) => record.length)).toEqual([7 * BLOCK_SIZE - 5, 10, 40 * BLOCK_SIZE]);
	});

	it('leaves a torn record, and nothing else, when a later piece of it cannot be written', () => {
		const sink = new Sink();
		const writer = new LogWriter(sink, 7, crc32);
		writer.append(filled(10), 0, 10);
		const { writeSync } = sink;
		let calls = 0;
		sink.writeSync = (data, offset, length) => {
			if (++calls === 3) throw new Error('ENOSPC');
			return writeSync.call(sink, data, offset, length);
		};
		expect(() => writer.append(filled(40 * BLOCK_SIZE), 0, 40 * BLOCK_SIZE)).toThrow(IOError);
		expect(() => writer.append(filled(1), 0, 1)).toThrow(IOError);
		const { records, end } = readLog(sink.bytes);
		expect(records).toEqual([filled(10)]);
		expect(end).toMatchObject({ kind: 'torn', validEnd: HEADER_SIZE + 10 });
	});

	it('ends cleanly in zeros up to the end of the file', () => {
		const records = [filled(100), filled(200)];
		const { bytes, ends } = logOf(records);
		for (const zeros of [1, 6, 7, 8, 100, BLOCK_SIZE, 3 * BLOCK_SIZE]) {
			const { records: found, end } = readLog(Buffer.concat([bytes, Buffer.alloc(zeros)]));
			expect(digest(found)).toEqual(digest(records));
			expect(end).toEqual({ kind: 'clean', validEnd: ends[1] });
		}
	});

	it.each([
		['damage where they were synced', true, 'damaged'],
		['the end where nothing says that they were synced', false, 'torn'],
	])('calls zeros with a record behind them %s', (_, synced, kind) => {
		const { bytes, ends } = logOf([filled(10), filled(20), filled(30)], 7, synced);
		bytes.fill(0, ends[0], ends[1]);
		expect(readLog(bytes)).toMatchObject({ records: [filled(10)], end: { kind, validEnd: ends[0], offset: ends[0] } });
		const blocks = Array.from({ length: 9 }, () => filled(BLOCK_SIZE / 2));
		const long = logOf(blocks, 7, synced).bytes;
		long.fill(0, BLOCK_SIZE, 2 * BLOCK_SIZE);
		expect(readLog(long).end.kind).toBe(kind);
	});

	it('says in the first record after an fsync how far the log was durable', () => {
		const sink = new Sink();
		const writer = new LogWriter(sink, 7, crc32);
		const append = (length: number) => writer.append(filled(length), 0, length);
		append(10);
		writer.syncSync();
		append(200);
		append(10);
		writer.syncSync();
		writer.syncSync();
		for (let i = 0; i < 2; i++) append(10);
		const types = [];
		for (let at = 0; at < sink.bytes.length; at += HEADER_SIZE + sink.bytes.readUInt16LE(at + 4)) types.push(sink.bytes[at + 6]);
		expect(types).toEqual([1, 5, 1, 5, 1]);
		expect(sink.bytes[17 + HEADER_SIZE]).toBe(0);
		expect(readLog(sink.bytes).records.map((record) => record.length)).toEqual([10, 200, 10, 10, 10]);
	});

	it('counts as durable what was appended before the fsync began, not what came while it was under way', async () => {
		const sink = new Sink();
		const writer = new LogWriter(sink, 7, crc32);
		writer.append(filled(10), 0, 10);
		const synced = writer.sync();
		writer.append(filled(300), 0, 300);
		expect(writer.isSynced).toBe(false);
		await synced;
		expect(writer.isSynced).toBe(false);
		const { size } = writer;
		writer.append(filled(1), 0, 1);
		expect(sink.bytes[size + 6]).toBe(5);
		// 300 bytes and their header, as a varint.
		expect([...sink.bytes.subarray(size + HEADER_SIZE, size + HEADER_SIZE + 2)]).toEqual([0xb3, 0x02]);
		const damaged = Buffer.from(sink.bytes);
		damaged[20] ^= 1;
		expect(readLog(damaged).end.kind).toBe('torn');
		damaged[10] ^= 1;
		expect(readLog(damaged).end.kind).toBe('damaged');
	});

	it('goes on in a log all of which is durable', () => {
		const sink = new Sink();
		const { bytes } = logOf([filled(10)]);
		const writer = new LogWriter(sink, 7, crc32, bytes.length);
		writer.append(filled(20), 0, 20);
		const whole = Buffer.concat([bytes, sink.bytes]);
		expect(readLog(whole)).toMatchObject({ records: [filled(10), filled(20)], end: { kind: 'clean' } });
		whole[10] ^= 1;
		expect(readLog(whole).end.kind).toBe('damaged');
	});

	it('refuses a fragment that says that more than the log was durable, or nothing', () => {
		for (const claim of [[1], [0x80], [], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]) {
			const bytes = logOf([Buffer.from(claim)]).bytes;
			bytes[6] = 5;
			bytes.writeUInt32LE(crc32(bytes.subarray(6), checksumOfLogNumber(7, crc32)) >>> 0);
			expect(readLog(bytes)).toMatchObject({ records: [], end: { kind: 'torn', reason: expect.stringContaining('durable') } });
		}
	});

	it('never lets bytes of another log pass', () => {
		const old = logOf([filled(40), filled(40), filled(40)], 6).bytes;
		expect(readLog(old, 7)).toMatchObject({ records: [], end: { kind: 'torn', validEnd: 0 } });
		const fresh = logOf([filled(40, 0x62)], 7).bytes;
		const reused = Buffer.concat([fresh, old.subarray(fresh.length)]);
		expect(readLog(reused, 7)).toMatchObject({ records: [filled(40, 0x62)], end: { kind: 'torn', validEnd: fresh.length } });
	});

	it('refuses fragments that do not follow each other', () => {
		const whole = logOf([filled(10), filled(BLOCK_SIZE + 100), filled(10)]).bytes;
		const withoutFirst = Buffer.from(whole);
		// The record of two blocks loses its first fragment: the block after it begins with its last one.
		const { end } = readLog(Buffer.concat([withoutFirst.subarray(BLOCK_SIZE)]));
		expect(end).toMatchObject({ kind: 'damaged', validEnd: 0, reason: expect.stringContaining('never began') });
		const twoFirsts = Buffer.concat([whole.subarray(0, BLOCK_SIZE), whole.subarray(0, BLOCK_SIZE)]);
		expect(readLog(twoFirsts)).toMatchObject({ records: [filled(10)], end: { kind: 'damaged', offset: BLOCK_SIZE } });
	});
});

describe('damaged logs', () => {
	const small = Array.from({ length: 12 }, (_, i) => filled(i * 3, i));

	it('keep the records before a cut, at every length', () => {
		const { bytes, ends } = logOf(small);
		for (let length = 0; length <= bytes.length; length++) {
			const { records, end } = readLog(bytes.subarray(0, length));
			const whole = ends.filter((recordEnd) => recordEnd <= length).length;
			expect(expectPrefix(records, small)).toBe(whole);
			expect(end.validEnd).toBe(whole === 0 ? 0 : ends[whole - 1]);
			expect(end.kind).toBe(length === end.validEnd ? 'clean' : 'torn');
		}
	});

	it.each([true, false])('keep the records before a flipped bit, and tell whether it was synced: %s', (synced) => {
		const { bytes, ends } = logOf(small, 7, synced);
		for (let bit = 0; bit < bytes.length * 8; bit++) {
			const damaged = Buffer.from(bytes);
			damaged[bit >> 3] ^= 1 << (bit & 7);
			const { records, end } = readLog(damaged);
			const hit = ends.findIndex((recordEnd) => bit >> 3 < recordEnd);
			expect(expectPrefix(records, small)).toBe(hit);
			expect(end.kind).toBe(!synced || hit === small.length - 1 ? 'torn' : 'damaged');
		}
	});

	it('keep the records before a cut or a flip around the ends of blocks', () => {
		const records = [filled(BLOCK_SIZE - 40, 1), filled(100, 2), filled(2 * BLOCK_SIZE, 3), filled(20, 4)];
		const { bytes, ends } = logOf(records);
		const near = (position: number) => [0, 1, 2].some((block) => Math.abs(position - (block + 1) * BLOCK_SIZE) < 45);
		for (let position = 0; position < bytes.length; position++) {
			if (!near(position) && position < bytes.length - 40) continue;
			const whole = ends.filter((end) => end <= position).length;
			expect(expectPrefix(readLog(bytes.subarray(0, position)).records, records)).toBe(whole);
			const damaged = Buffer.from(bytes);
			damaged[position] ^= 0x10;
			expect(expectPrefix(readLog(damaged).records, records)).toBeGreaterThanOrEqual(whole);
		}
	});

	const seed = testSeed();
	it(`return a prefix whatever stands in them, seed ${seed}`, () => {
		const random = new Random(seed);
		for (let round = 0; round < 300; round++) {
			const records = Array.from({ length: 1 + random.below(8) }, () => random.bytes(random.below(200)));
			const { bytes } = logOf(records);
			const from = random.below(bytes.length);
			const noise = random.bytes(random.below(300));
			const damaged = Buffer.concat([bytes.subarray(0, from), noise, bytes.subarray(from + random.below(300))]);
			expectPrefix(readLog(damaged).records, records);
		}
	});
});

describe('log writer', () => {
	const failing = (method: 'writeSync' | 'syncSync' | 'sync') => {
		const sink = new Sink();
		const error = Object.assign(new Error('EIO: no'), { code: 'EIO' });
		sink[method] = () => {
			throw error;
		};
		return { sink, error, writer: new LogWriter(sink, 7, crc32) };
	};

	it('is of no more use after a failed write, and says so with the first error', async () => {
		const { writer, error, sink } = failing('writeSync');
		expect(() => writer.append(filled(1), 0, 1)).toThrow(IOError);
		sink.writeSync = (_data, _offset, length) => length;
		let first: unknown;
		try {
			writer.append(filled(1), 0, 1);
		} catch (thrown) {
			first = thrown;
		}
		expect(first).toMatchObject({ cause: error, path: 'memory', offset: 0 });
		expect(() => writer.syncSync()).toThrow(first as Error);
		await expect(writer.sync()).rejects.toBe(first);
		expect(writer.size).toBe(0);
	});

	it('never tries an fsync again', async () => {
		for (const method of ['syncSync', 'sync'] as const) {
			const { writer, sink } = failing(method);
			writer.append(filled(1), 0, 1);
			await expect((async () => writer[method]())()).rejects.toThrow(IOError);
			sink[method] = async () => undefined;
			await expect((async () => writer[method]())()).rejects.toThrow(IOError);
			expect(() => writer.append(filled(1), 0, 1)).toThrow(IOError);
		}
	});

	it('reports an append that failed while an fsync was under way', async () => {
		const { writer } = failing('writeSync');
		const sync = writer.sync();
		expect(() => writer.append(filled(1), 0, 1)).toThrow(IOError);
		await expect(sync).rejects.toThrow(IOError);
	});

	it('gives up on a file that takes nothing', () => {
		const sink = new Sink();
		sink.writeSync = () => 0;
		expect(() => new LogWriter(sink, 7, crc32).append(filled(1), 0, 1)).toThrow(/no progress/);
	});
});
