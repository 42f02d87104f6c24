import { describe, expect, it } from 'vitest';
import { ResourceError } from '../../../ts/errors';
import { compareBytes, copyBytes } from '../../../ts/kernel/js/bytes';
import { crc32, crc32Sliced } from '../../../ts/kernel/js/crc32';
import { compareInternalKeys, readHead, readSequence, writeTrailer } from '../../../ts/kernel/js/internal-key';
import { KEPT, Retention } from '../../../ts/kernel/js/job/retention';
import { Memtable, NOT_FOUND } from '../../../ts/kernel/js/memtable/memtable';
import { Slab } from '../../../ts/kernel/js/slab';
import { readVarint32, readVarint53, varint, varintLength, writeVarint } from '../../../ts/kernel/js/varint';
import { MEMTABLE_ENTRY_OVERHEAD } from '../../../ts/kernel/kernel';
import { compareInternal, encodeRecord, internalKey, Random } from '../support';

describe('varint', () => {
	const bytes = Buffer.alloc(16);

	it('round-trips at every length', () => {
		for (let bit = 0; bit < 53; bit++) {
			for (const value of [2 ** bit - 1, 2 ** bit, 2 ** bit + 1]) {
				const end = writeVarint(bytes, 0, value);
				expect(end).toBe(varintLength(value));
				expect(readVarint53(bytes, 0, end)).toBe(value);
				expect(varint.end).toBe(end);
				expect(readVarint53(bytes, 0, end - 1)).toBe(-1);
				expect(readVarint32(bytes, 0, end)).toBe(value < 2 ** 32 ? value : -1);
			}
		}
		expect(readVarint53(bytes, 0, writeVarint(bytes, 0, Number.MAX_SAFE_INTEGER))).toBe(Number.MAX_SAFE_INTEGER);
	});

	it('refuses what is too long', () => {
		expect(readVarint32(Buffer.from('8080808000', 'hex'), 0, 5)).toBe(0);
		expect(readVarint32(Buffer.from('808080808000', 'hex'), 0, 6)).toBe(-1);
		expect(readVarint32(Buffer.from('ffffffff1f', 'hex'), 0, 5)).toBe(-1);
		expect(readVarint53(Buffer.from('ffffffffffffff7f', 'hex'), 0, 8)).toBe(-1);
		expect(readVarint53(Buffer.from('808080808080808000', 'hex'), 0, 9)).toBe(-1);
		expect(readVarint53(Buffer.alloc(0), 0, 0)).toBe(-1);
	});
});

describe('bytes and internal keys', () => {
	it('compare and copy short and long ranges alike', () => {
		const random = new Random(3);
		for (let run = 0; run < 500; run++) {
			const a = Buffer.alloc(random.below(300), 7);
			const b = Buffer.alloc(random.below(300), 7);
			if (a.length > 0 && random.chance(0.5)) a[random.below(a.length)] = random.below(256);
			expect(Math.sign(compareBytes(a, 0, a.length, b, 0, b.length))).toBe(Buffer.compare(a, b));
			const target = Buffer.alloc(400);
			expect(copyBytes(a, 0, a.length, target, 5)).toBe(5 + a.length);
			expect(target.subarray(5, 5 + a.length)).toEqual(a);
		}
	});

	it('keep the order of keys, and heads never contradict it', () => {
		const random = new Random(4);
		for (let run = 0; run < 10_000; run++) {
			const a = internalKey(Buffer.concat([random.key(), random.key()]), random.below(1000), random.below(2));
			const b = internalKey(Buffer.concat([random.key(), random.key()]), random.below(1000), random.below(2));
			const order = Math.sign(compareInternalKeys(a, 0, a.length, b, 0, b.length));
			expect(order).toBe(Math.sign(compareInternal(a, b)));
			const heads = readHead(a, 0, a.length - 8) - readHead(b, 0, b.length - 8);
			if (heads !== 0) expect(Math.sign(heads)).toBe(order);
		}
	});

	it('round-trip sequence numbers up to 2^53 − 1', () => {
		const bytes = Buffer.alloc(8);
		for (const sequence of [0, 1, 2 ** 24, 2 ** 32 - 1, 2 ** 48 + 5, Number.MAX_SAFE_INTEGER]) {
			writeTrailer(bytes, 0, sequence, 1);
			expect(readSequence(bytes, 0)).toBe(sequence);
			expect(bytes).toEqual(internalKey('', sequence, 1));
		}
	});

	it('computes CRC-32 with and without the runtime', () => {
		const bytes = new Random(5).bytes(1000);
		expect(crc32Sliced(bytes, 77)).toBe(crc32(bytes, 77));
	});
});

describe('slab', () => {
	it('gives out values that never overlap, and survives a transferred buffer', () => {
		const random = new Random(6);
		const slab = new Slab();
		const values: [Buffer, Buffer][] = [];
		for (let i = 0; i < 2000; i++) {
			const source = random.bytes(random.chance(0.02) ? 9000 : random.below(100));
			const value = slab.copy(source, 0, source.length);
			if (i % 500 === 499) structuredClone(value.buffer, { transfer: [value.buffer as ArrayBuffer] });
			else values.push([value, source]);
		}
		for (const [value, source] of values) if (value.length > 0) expect(value.equals(source)).toBe(true);
	});
});

describe('memtable', () => {
	it('refuses what it has no room for', () => {
		const record = encodeRecord(1, [{ key: Buffer.from('key'), value: Buffer.alloc(100) }]);
		expect(() => Memtable.create(50).apply(record, 0, record.length)).toThrow(ResourceError);
		expect(() => Memtable.create(2 ** 52)).toThrow(ResourceError);
	});

	it('has room for what its capacity was reckoned for, wherever records lie in memory', () => {
		const random = new Random(5);
		const entries = Array.from({ length: 300 }, () => ({
			key: random.bytes(random.pick([0, 3, 200, 17_000])),
			value: random.bytes(random.pick([0, 5, 130])),
		}));
		const bytes = entries.reduce((sum, { key, value }) => sum + key.length + value.length + MEMTABLE_ENTRY_OVERHEAD, 0);
		const memtable = Memtable.create(bytes);
		for (const [i, entry] of entries.entries()) {
			const record = Buffer.concat([Buffer.alloc(random.below(9)), encodeRecord(i + 1, [entry])]);
			const start = record.length - encodeRecord(i + 1, [entry]).length;
			memtable.apply(record, start, record.length);
		}
		expect(memtable.entries).toBe(300);
		const cursor = memtable.cursor();
		const found: [string, string][] = [];
		for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
			const key = cursor.keyBytes.subarray(cursor.keyStart, cursor.keyEnd).toString('hex');
			found.push([key, cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd).toString('hex')]);
		}
		const expected = entries.map(({ key, value }, i) => ({ key: internalKey(key, i + 1), value: value.toString('hex') }));
		expected.sort((a, b) => compareInternal(a.key, b.key));
		expect(found).toEqual(expected.map(({ key, value }) => [key.toString('hex'), value]));
	});

	it.each([3, 40])('keeps its order while the prefix that all keys share shrinks %i times', (times) => {
		const memtable = Memtable.create(1 << 20);
		const keys: Buffer[] = [];
		const random = new Random(times);
		const add = (text: string) => {
			const key = Buffer.from(text);
			const record = encodeRecord(keys.length + 1, [{ key, value: key }]);
			memtable.apply(record, 0, record.length);
			keys.push(key);
		};
		for (let prefix = times; prefix >= 0; prefix--) {
			for (let i = 0; i < 40; i++) add(`${'p'.repeat(prefix)}${random.pick(['a', 'z'])}${random.below(1e6)}`);
		}
		const find = (key: Buffer) => memtable.find(internalKey(key, keys.length, 255), key.length + 8);
		for (const key of keys) {
			const entry = find(key);
			expect(memtable.arena.bytes.subarray(memtable.arena.keyStart(entry), memtable.arena.keyEnd(entry))).toEqual(key);
		}
		for (const missing of ['', 'A', 'p', 'q', `${'p'.repeat(times)}b`]) expect(find(Buffer.from(missing))).toBe(NOT_FOUND);
		const cursor = memtable.cursor();
		const found: string[] = [];
		for (cursor.seekToFirst(); cursor.valid; cursor.next()) found.push(cursor.keyBytes.toString('latin1', 0, cursor.keyEnd - 8));
		expect(found).toEqual(keys.map(String).sort());
	});

	it('seeks keys without the shared prefix to its start or its end', () => {
		const memtable = Memtable.create(1000);
		const record = encodeRecord(
			1,
			['key 1', 'key 2'].map((key) => ({ key: Buffer.from(key), value: Buffer.from(key) })),
		);
		memtable.apply(record, 0, record.length);
		const cursor = memtable.cursor();
		const seek = (key: string) => {
			cursor.seek(internalKey(key, 9), 0, key.length + 8);
			return cursor.valid ? cursor.keyBytes.toString('latin1', 0, cursor.keyEnd - 8) : undefined;
		};
		expect(['', 'ke', 'jey 5', 'key 1', 'key 11', 'kez', 'l'].map(seek)).toEqual([
			'key 1',
			'key 1',
			'key 1',
			'key 1',
			'key 2',
			undefined,
			undefined,
		]);
	});
});

describe('retention', () => {
	const survivors = (snapshots: number[], keep: [Buffer, Buffer][] | undefined, keys: Buffer[]) => {
		const retention = new Retention(snapshots, keep, []);
		return keys.filter((key) => retention.fate(key, 0, key.length, false) === KEPT);
	};
	const put = (sequence: number) => internalKey('k', sequence);
	const del = (sequence: number) => internalKey('k', sequence, 0);

	it('keeps one version for each stripe between snapshots', () => {
		expect(survivors([], [], [put(9), put(5), put(1)])).toEqual([put(9)]);
		expect(survivors([5], [], [put(9), put(5), put(1)])).toEqual([put(9), put(5)]);
		expect(survivors([4], [], [put(9), put(5), put(1)])).toEqual([put(9), put(1)]);
		expect(survivors([1, 5], [], [put(9), put(5), put(1)])).toEqual([put(9), put(5), put(1)]);
	});

	it('drops a tombstone with all it hides, unless a snapshot or a lower level needs it', () => {
		expect(survivors([], [], [del(9), put(5)])).toEqual([]);
		expect(survivors([5], [], [del(9), put(5)])).toEqual([del(9), put(5)]);
		expect(survivors([9], [], [del(9), put(5)])).toEqual([]);
		expect(survivors([], [[Buffer.from('a'), Buffer.from('k')]], [del(9), put(5)])).toEqual([]);
		expect(survivors([], [[Buffer.from('a'), Buffer.from('k\0')]], [del(9), put(5)])).toEqual([del(9)]);
		expect(survivors([], [[Buffer.from('a'), Buffer.alloc(0)]], [del(9), put(5)])).toEqual([del(9)]);
		expect(survivors([], [[Buffer.from('k'), Buffer.from('z')]], [del(9)])).toEqual([del(9)]);
		expect(
			survivors(
				[],
				[
					[Buffer.from('a'), Buffer.from('b')],
					[Buffer.from('l'), Buffer.from('z')],
				],
				[del(9)],
			),
		).toEqual([]);
		expect(survivors([], undefined, [del(9), put(5)])).toEqual([del(9)]);
	});
});
