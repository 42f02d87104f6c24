import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import { filterSettings } from '../../ts/options/filter-policy';
import { kernels } from '../kernels';
import { compareInternal, internalKey, Random } from './support';

const MASK = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const rotate = (x: bigint, n: bigint) => ((x << n) | (x >> (64n - n))) & MASK;
const round = (lane: bigint, input: bigint) => (rotate((lane + input * P2) & MASK, 31n) * P1) & MASK;

/** xxHash64, straight from its specification. */
function referenceHash(bytes: Buffer): bigint {
	let at = 0;
	let h = P5;
	if (bytes.length >= 32) {
		const lanes = [(P1 + P2) & MASK, P2, 0n, -P1 & MASK];
		for (; at + 32 <= bytes.length; at += 32) {
			for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i] as bigint, bytes.readBigUInt64LE(at + 8 * i));
		}
		h = [1n, 7n, 12n, 18n].reduce((sum, turn, i) => sum + rotate(lanes[i] as bigint, turn), 0n) & MASK;
		for (const lane of lanes) h = ((h ^ round(0n, lane)) * P1 + P4) & MASK;
	}
	h = (h + BigInt(bytes.length)) & MASK;
	for (; at + 8 <= bytes.length; at += 8) h = (rotate(h ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4) & MASK;
	if (at + 4 <= bytes.length) {
		h = (rotate(h ^ ((BigInt(bytes.readUInt32LE(at)) * P1) & MASK), 23n) * P2 + P3) & MASK;
		at += 4;
	}
	for (; at < bytes.length; at++) h = (rotate(h ^ ((BigInt(bytes[at] as number) * P5) & MASK), 11n) * P1) & MASK;
	h = ((h ^ (h >> 33n)) * P2) & MASK;
	h = ((h ^ (h >> 29n)) * P3) & MASK;
	return h ^ (h >> 32n);
}

describe.each(kernels)('primitives of the $name kernel', (kernel) => {
	const random = new Random(1);

	it('computes known CRC-32 values', () => {
		expect(kernel.crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
		expect(kernel.crc32(Buffer.alloc(0))).toBe(0);
	});

	it('agrees with zlib at every length, and continues an earlier CRC-32', () => {
		for (let length = 0; length < 300; length++) {
			const bytes = random.bytes(length);
			const cut = random.below(length + 1);
			expect(kernel.crc32(bytes)).toBe(zlibCrc32(bytes));
			expect(kernel.crc32(bytes.subarray(cut), kernel.crc32(bytes.subarray(0, cut)))).toBe(zlibCrc32(bytes));
		}
	});

	it('computes known xxHash64 values', () => {
		expect(kernel.xxHash64(Buffer.from(''))).toBe(0xef46db3751d8e999n);
		expect(kernel.xxHash64(Buffer.from('a'))).toBe(0xd24ec4f1a98c6e5bn);
		expect(kernel.xxHash64(Buffer.from('abc'))).toBe(0x44bc2cf5ad770999n);
		expect(kernel.xxHash64(Buffer.from('Nobody inspects the spammish repetition'))).toBe(0xfbcea83c8a378bf1n);
	});

	it('agrees with the specification of xxHash64 at every length', () => {
		for (let length = 0; length < 200; length++) {
			const bytes = random.bytes(length);
			expect(kernel.xxHash64(bytes)).toBe(referenceHash(bytes));
		}
		const ones = Buffer.alloc(5000, 255);
		expect(kernel.xxHash64(ones)).toBe(referenceHash(ones));
	});

	it.each([
		['blocked-bloom', 0.01, 1.3],
		['blocked-bloom', 0.001, 1.3],
		['bloom', 0.01, 1.3],
		['bloom', 0.001, 1.3],
	] as const)('builds %s filters without false negatives and near a rate of %d', (policy, target, slack) => {
		const { milliBitsPerKey, probes } = filterSettings(target, policy);
		const keys = Array.from({ length: 100_000 }, (_, i) => Buffer.from(`key-${i}`));
		const filter = kernel.buildFilter(policy, keys, milliBitsPerKey, probes);
		expect(keys.filter((key) => !kernel.filterMayContain(policy, filter, key))).toEqual([]);
		let positives = 0;
		for (let i = 0; i < 100_000; i++) {
			if (kernel.filterMayContain(policy, filter, Buffer.from(`absent-${i}`))) positives++;
		}
		expect(positives / 100_000).toBeLessThanOrEqual(target * slack);
	});

	it('refuses malformed filters', () => {
		const filter = Buffer.from(kernel.buildFilter('blocked-bloom', [Buffer.from('a')], 10_000, 6));
		expect(filter.length).toBe(69);
		const key = Buffer.from('a');
		const broken = [
			Buffer.alloc(0),
			Buffer.alloc(4),
			filter.subarray(1),
			Buffer.concat([filter, Buffer.alloc(1)]),
			patched(filter, 64, 0),
			patched(filter, 67, 255),
			patched(filter, 68, 0),
			patched(filter, 68, 31),
		];
		for (const bytes of broken) expect(() => kernel.filterMayContain('blocked-bloom', bytes, key)).toThrow(CorruptionError);
		for (const bytes of ['', '06', '0100', '011f']) {
			expect(() => kernel.filterMayContain('bloom', Buffer.from(bytes, 'hex'), key)).toThrow(CorruptionError);
		}
	});

	it('round-trips blocks of any entries', () => {
		for (let run = 0; run < 50; run++) {
			const entries = sortedEntries(random, random.below(40));
			const interval = 1 + random.below(17);
			const block = kernel.encodeBlock(entries, interval);
			expect(asText(kernel.decodeBlock(block))).toEqual(asText(entries));
		}
	});

	it('writes the block that the format describes', () => {
		const block = kernel.encodeBlock(
			[
				[Buffer.from('abc'), Buffer.from('1')],
				[Buffer.from('abd'), Buffer.from('22')],
				[Buffer.from('b'), Buffer.alloc(0)],
			],
			2,
		);
		expect(Buffer.from(block).toString('hex')).toBe(
			'00030161626331' + '020102643232' + '00010062' + '00000000' + '0d000000' + '02000000',
		);
		expect(Buffer.from(kernel.encodeBlock([], 16)).toString('hex')).toBe('0000000001000000');
		expect(kernel.decodeBlock(kernel.encodeBlock([], 16))).toEqual([]);
	});

	it('seeks to the first entry at or after a target', () => {
		for (let run = 0; run < 50; run++) {
			const entries = sortedEntries(random, 1 + random.below(40));
			const block = kernel.encodeBlock(entries, 1 + random.below(6));
			for (let probe = 0; probe < 20; probe++) {
				const target = internalKey(random.key(), random.below(100), random.below(2));
				const expected = entries.find(([key]) => compareInternal(key, target) >= 0);
				const found = kernel.seekBlock(block, target);
				expect(found && asText([found])).toEqual(expected && asText([expected]));
			}
		}
	});

	it('writes the fingerprints of a data block behind its restart points', () => {
		const keys = ['a', 'b', 'b', 'c'].map((key, i) => internalKey(key, 9 - i));
		const entries = keys.map((key): [Buffer, Buffer] => [key, Buffer.from('v')]);
		const plain = Buffer.from(kernel.encodeBlock(entries, 3));
		const fingerprints = Buffer.from(['a', 'b', 'b', 'c'].map((key) => Number(kernel.xxHash64(Buffer.from(key)) & 0xffn)));
		const tail = Buffer.from([3, 0, 4, 0, 0, 0x80]);
		const block = Buffer.from(kernel.encodeDataBlock(entries, 3));
		expect(block).toEqual(Buffer.concat([plain.subarray(0, -4), fingerprints, tail]));
	});

	it('finds the newest entry of a user key that is at or after a target', () => {
		// 3,000 entries are too many to go through their fingerprints.
		for (const count of [...Array.from({ length: 50 }, () => 1 + random.below(60)), 3_000]) {
			const entries = sortedEntries(random, count);
			const interval = 1 + random.below(6);
			const blocks = [kernel.encodeDataBlock(entries, interval), kernel.encodeBlock(entries, interval)];
			for (const block of blocks) expect(asText(kernel.decodeBlock(block))).toEqual(asText(entries));
			for (let probe = 0; probe < 20; probe++) {
				const target = internalKey(random.key(), random.below(100), random.below(2));
				const next = entries.find(([key]) => compareInternal(key, target) >= 0);
				const expected = next?.[0].subarray(0, -8).equals(target.subarray(0, -8)) ? next : undefined;
				for (const block of blocks) {
					const found = kernel.findInBlock(block, target);
					expect(found && asText([found])).toEqual(expected && asText([expected]));
				}
			}
		}
	});

	it('merges blocks and keeps every version', () => {
		for (let run = 0; run < 30; run++) {
			const all = sortedEntries(random, random.below(80));
			const parts = Array.from({ length: 1 + random.below(6) }, (): typeof all => []);
			for (const entry of all) random.pick(parts).push(entry);
			const merged = kernel.mergeBlocks(
				parts.map((part) => kernel.encodeBlock(part, 3)),
				5,
			);
			expect(Buffer.from(merged)).toEqual(Buffer.from(kernel.encodeBlock(all, 5)));
		}
	});

	it('refuses malformed data blocks, or reads them to an end', () => {
		const entries = sortedEntries(random, 12);
		const block = Buffer.from(kernel.encodeDataBlock(entries, 3));
		const target = (entries[7] as [Buffer, Buffer])[0];
		for (let at = 0; at < block.length; at++) {
			for (const byte of [0, 1, 127, 128, 255]) {
				survives(() => kernel.decodeBlock(patched(block, at, byte)));
				survives(() => kernel.findInBlock(patched(block, at, byte), target));
			}
			survives(() => kernel.findInBlock(block.subarray(0, at), target));
		}
		const count = block.length - 4;
		const more = Buffer.from(block);
		more.writeUInt32LE(2 ** 31 + block.length, count);
		const none = patched(block, count, 0);
		const noInterval = patched(block, count - 2, 0);
		for (const hostile of [more, none, noInterval, Buffer.from('0000000000000080', 'hex')]) {
			expect(() => kernel.findInBlock(hostile, target)).toThrow(CorruptionError);
			expect(() => kernel.decodeBlock(hostile)).toThrow(CorruptionError);
		}
		// Two entries, three fingerprints that are the right one.
		const [first, second] = ['a', 'b'].map((key): [Buffer, Buffer] => [internalKey(key, 1), Buffer.alloc(0)]);
		const two = Buffer.from(kernel.encodeBlock([first, second] as [Buffer, Buffer][], 4)).subarray(0, -4);
		const right = Number(kernel.xxHash64(Buffer.from('c')) & 0xffn);
		const long = Buffer.concat([two, Buffer.alloc(3, right), Buffer.from([4, 0, 3, 0, 0, 0x80])]);
		expect(() => kernel.findInBlock(long, internalKey('c', 1))).toThrow(CorruptionError);
	});

	it('refuses malformed blocks, or reads them to an end', () => {
		const block = Buffer.from(kernel.encodeBlock(sortedEntries(random, 12), 3));
		for (let at = 0; at < block.length; at++) {
			for (const byte of [0, 1, 127, 128, 255]) survives(() => kernel.decodeBlock(patched(block, at, byte)));
			survives(() => kernel.decodeBlock(block.subarray(0, at)));
			survives(() => kernel.seekBlock(patched(block, at, 255), internalKey('b', 5)));
		}
		expect(() => kernel.decodeBlock(Buffer.alloc(3))).toThrow(CorruptionError);
		expect(() => kernel.decodeBlock(Buffer.alloc(8))).toThrow(CorruptionError);
		expect(() => kernel.decodeBlock(Buffer.from('0000000000ffffff7f', 'hex'))).toThrow(CorruptionError);
	});
});

function patched(bytes: Buffer, at: number, byte: number): Buffer {
	const copy = Buffer.from(bytes);
	copy[at] = byte;
	return copy;
}

function survives(work: () => unknown): void {
	try {
		work();
	} catch (error) {
		expect(error).toBeInstanceOf(CorruptionError);
	}
}

function sortedEntries(random: Random, count: number): [Buffer, Buffer][] {
	const entries = new Map<string, [Buffer, Buffer]>();
	for (let i = 0; i < count; i++) {
		const key = internalKey(random.key(), random.below(100), random.below(2));
		entries.set(key.toString('hex'), [key, random.bytes(random.below(300))]);
	}
	return [...entries.values()].sort(([a], [b]) => compareInternal(a, b));
}

function asText(entries: [Uint8Array, Uint8Array][]): string[] {
	return entries.map(([key, value]) => `${Buffer.from(key).toString('hex')}=${Buffer.from(value).toString('hex')}`);
}
