/** The encoder of batches: the bytes of docs/format.md, whatever keys and values are made of. */
import { describe, expect, it } from 'vitest';
import { ConfigError, ResourceError } from '../../ts/errors';
import { MEMTABLE_ENTRY_OVERHEAD } from '../../ts/kernel/kernel';
import { MAX_KEY_BYTES } from '../../ts/limits';
import { BatchEncoder } from '../../ts/wal/batch-encoder';
import { Random, testSeed } from '../support/stores';

type Operation = [key: string | Uint8Array, value?: string | Uint8Array];

function record(encoder: BatchEncoder, sequence = 1): Buffer {
	const { buffer, start, end } = encoder.finish(sequence);
	return Buffer.from(buffer.subarray(start, end));
}

function varint(value: number): number[] {
	return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

/** The encoding, written down as plainly as it goes. */
function expected(operations: readonly Operation[], sequence = 1): Buffer {
	const header = Buffer.alloc(12);
	header.writeBigUInt64LE(BigInt(sequence));
	header.writeUInt32LE(operations.length, 8);
	const parts = operations.map(([key, value]) => {
		const [keyBytes, valueBytes] = [Buffer.from(key as string), Buffer.from((value ?? '') as string)];
		const kind = value === undefined ? 0 : 1;
		return Buffer.concat([
			Buffer.from([kind, ...varint(keyBytes.length)]),
			keyBytes,
			Buffer.from(varint(valueBytes.length)),
			valueBytes,
		]);
	});
	return Buffer.concat([header, ...parts]);
}

function encode(operations: readonly Operation[]): BatchEncoder {
	const encoder = new BatchEncoder();
	for (const [key, value] of operations) {
		if (value === undefined) encoder.delete(key);
		else encoder.put(key, value);
	}
	return encoder;
}

const same = (operations: readonly Operation[]) => record(encode(operations)).equals(expected(operations));

describe('batch encoder', () => {
	it('writes what docs/format.md says', () => {
		const encoder = new BatchEncoder();
		encoder.put('ab', 'c');
		encoder.delete('d');
		expect(record(encoder, 0x0102_0304_0506).toString('hex')).toBe(
			['060504030201', '0000', '02000000', '01', '02', '6162', '01', '63', '00', '01', '64', '00'].join(''),
		);
		expect(encoder.count).toBe(2);
		expect(encoder.byteLength).toBe(22);
		expect(encoder.memoryUsage).toBe(4 + 2 * MEMTABLE_ENTRY_OVERHEAD);
	});

	it('writes range deletes, and none for an empty range', () => {
		const encoder = new BatchEncoder();
		encoder.deleteRange('ab', 'c');
		encoder.deleteRange('', undefined);
		encoder.deleteRange('b', 'b');
		encoder.deleteRange('b', 'a');
		encoder.deleteRange('b', '');
		expect(record(encoder, 1).toString('hex')).toBe(
			['0100000000000000', '02000000', '02', '02', '6162', '01', '63', '02', '00', '00'].join(''),
		);
		expect([encoder.count, encoder.rangeDeletes]).toEqual([2, 2]);
		const mark = encoder.mark();
		encoder.append(encode([]));
		encoder.deleteRange('x', 'y');
		encoder.rollback(mark);
		expect([encoder.count, encoder.rangeDeletes, encoder.memoryUsage]).toEqual([2, 2, 3 + 2 * MEMTABLE_ENTRY_OVERHEAD]);
		expect(() => encoder.deleteRange(1 as never, 'x')).toThrow(ConfigError);
		expect(() => encoder.deleteRange('x', 1 as never)).toThrow(ConfigError);
	});

	it('cuts the bounds of a range to what parts the same keys', () => {
		const encoder = new BatchEncoder();
		const long = (last: string) => Buffer.concat([Buffer.alloc(MAX_KEY_BYTES, 0x61), Buffer.from(last)]);
		encoder.deleteRange(long('bx'), long('by'));
		expect(encoder.count).toBe(0);
		encoder.deleteRange(long('b'), long('czz'));
		expect(encoder.count).toBe(1);
		expect(encoder.memoryUsage).toBe(2 * (MAX_KEY_BYTES + 1) + MEMTABLE_ENTRY_OVERHEAD);
	});

	it('takes strings and bytes alike', () => {
		for (const text of [
			'',
			'a',
			'ä',
			'€',
			'🪨',
			'a'.repeat(48),
			'a'.repeat(49),
			`${'a'.repeat(47)}ä`,
			'\u0000',
			'🪨'.repeat(5000),
		]) {
			const bytes = Buffer.from(text);
			const [strings, buffers] = [encode([[text, text], [text]]), encode([[bytes, bytes], [bytes]])];
			expect(record(strings).equals(record(buffers))).toBe(true);
			expect(strings.memoryUsage).toBe(buffers.memoryUsage);
			expect(same([[text, text]])).toBe(true);
		}
	});

	it('replaces halves of surrogate pairs as Buffer does', () => {
		for (const text of ['\ud83e', 'a\udea8b', '\udea8'.repeat(100)]) expect(same([[text, text]])).toBe(true);
	});

	it('reads a part of a larger buffer', () => {
		const whole = new Uint8Array([9, 1, 2, 3, 9]);
		const part = whole.subarray(1, 4);
		expect(record(encode([[part, part]])).equals(expected([[Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)]]))).toBe(true);
	});

	it('writes lengths at every number of bytes', () => {
		const lengths = [0, 1, 0x7e, 0x7f, 0x80, 0x81, 0x3fff, 0x4000, 0x4001, 0x1f_ffff, 0x20_0000];
		for (const length of lengths) {
			expect(same([['k', 'v'.repeat(length)]])).toBe(true);
			expect(same([['k', Buffer.alloc(length, 7)]])).toBe(true);
			if (length <= 1024 * 1024) expect(same([['k'.repeat(length), ''], [Buffer.alloc(length, 7)]])).toBe(true);
		}
	});

	it('takes keys of 1 MiB and refuses longer ones, leaving no trace', () => {
		const MIB = 1024 * 1024;
		const encoder = encode([['a', 'b']]);
		const before = record(encoder);
		for (const key of ['k'.repeat(MIB + 1), Buffer.alloc(MIB + 1), 'ä'.repeat(MIB / 2 + 1)]) {
			expect(() => encoder.put(key, 'v')).toThrow(ResourceError);
			expect(() => encoder.delete(key)).toThrow(ResourceError);
			expect(record(encoder).equals(before)).toBe(true);
			expect(encoder.memoryUsage).toBe(2 + MEMTABLE_ENTRY_OVERHEAD);
		}
		encoder.put('ä'.repeat(MIB / 2), 'v');
		expect(encoder.count).toBe(2);
	});

	it('refuses what is neither a string nor bytes, leaving no trace', () => {
		const encoder = new BatchEncoder();
		for (const bad of [undefined, null, 1, {}, [1], new ArrayBuffer(4)]) {
			expect(() => encoder.put(bad as never, 'v')).toThrow(ConfigError);
			expect(() => encoder.put('k', bad as never)).toThrow(ConfigError);
			expect(() => encoder.delete(bad as never)).toThrow(ConfigError);
		}
		expect([encoder.count, encoder.byteLength, encoder.memoryUsage]).toEqual([0, 12, 0]);
	});

	it('goes back to a mark', () => {
		const encoder = encode([['a', '1']]);
		const before = record(encoder);
		const mark = encoder.mark();
		encoder.put('b', 'x'.repeat(10_000));
		encoder.delete('a');
		encoder.rollback(mark);
		expect(record(encoder).equals(before)).toBe(true);
		encoder.put('c', '2');
		expect(
			record(encoder).equals(
				expected([
					['a', '1'],
					['c', '2'],
				]),
			),
		).toBe(true);
	});

	it('takes over the operations of another', () => {
		const first: Operation[] = [['a', '1'], ['b']];
		const second: Operation[] = [
			['c', 'x'.repeat(5000)],
			['d', ''],
		];
		const encoder = encode(first);
		encoder.append(encode(second));
		encoder.append(new BatchEncoder());
		expect(record(encoder).equals(expected([...first, ...second]))).toBe(true);
		expect(encoder.memoryUsage).toBe(encode([...first, ...second]).memoryUsage);
	});

	it('takes the buffer of another without a copy when it is empty, and copies when it is not', () => {
		const large: Operation[] = [['a', 'x'.repeat(100_000)], ['b']];
		const small: Operation[] = [['c', '1']];
		const group = new BatchEncoder();
		const first = encode(large);
		const { buffer } = first.finish(1);
		const { memoryUsage } = first;
		group.take(first);
		expect(group.finish(1).buffer).toBe(buffer);
		expect([group.count, group.memoryUsage]).toEqual([2, memoryUsage]);
		expect([first.count, first.byteLength]).toEqual([0, 12]);
		group.take(encode(small));
		expect(record(group).equals(expected([...large, ...small]))).toBe(true);
	});

	it('hands a large buffer on to the next encoder that needs one, and never to two', () => {
		const value = 'x'.repeat(200_000);
		const first = encode([['a', value]]);
		const { buffer } = first.finish(1);
		first.reset();
		const second = encode([['b', value]]);
		expect(second.finish(1).buffer).toBe(buffer);
		const third = encode([['c', value]]);
		expect(third.finish(1).buffer).not.toBe(buffer);
		first.put('d', value);
		expect(record(first).equals(expected([['d', value]]))).toBe(true);
		expect(record(second).equals(expected([['b', value]]))).toBe(true);
		expect(record(third).equals(expected([['c', value]]))).toBe(true);
	});

	it('starts anew after a reset, and gives a large buffer back', () => {
		const encoder = encode([['a', Buffer.alloc(5 * 1024 * 1024)]]);
		encoder.reset();
		expect([encoder.count, encoder.byteLength, encoder.memoryUsage]).toEqual([0, 12, 0]);
		encoder.put('b', '1');
		expect(encoder.finish(1).buffer.length).toBeLessThan(5 * 1024 * 1024);
		expect(record(encoder).equals(expected([['b', '1']]))).toBe(true);
	});

	it('writes sequence numbers up to 2^53 − 1', () => {
		for (const sequence of [0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
			expect(record(new BatchEncoder(), sequence).readBigUInt64LE()).toBe(BigInt(sequence));
		}
	});

	const seed = testSeed();
	it(`agrees with the plain encoding on random batches, seed ${seed}`, () => {
		const random = new Random(seed);
		const alphabet = ['a', 'ä', '€', '🪨', '\u0000', 'xyz'.repeat(20)];
		const text = () => Array.from({ length: random.below(60) }, () => random.pick(alphabet)).join('');
		const bytes = () => (random.below(2) === 0 ? text() : random.bytes(random.below(300)));
		for (let round = 0; round < 300; round++) {
			const operations = Array.from(
				{ length: random.below(20) },
				(): Operation => (random.below(3) === 0 ? [bytes()] : [bytes(), bytes()]),
			);
			expect(same(operations)).toBe(true);
		}
	});
});
