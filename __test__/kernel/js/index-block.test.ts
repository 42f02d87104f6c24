/** The loop that reads plain index blocks takes what the cursor takes, and nothing else. */
import { describe, expect, it } from 'vitest';
import { BlockBuilder } from '../../../ts/kernel/js/block/builder';
import { BlockCursor, INTERNAL_KEYS } from '../../../ts/kernel/js/block/cursor';
import { compareInternalKeys, withTrailer } from '../../../ts/kernel/js/internal-key';
import { BLOCK_TRAILER_SIZE, decodeHandle } from '../../../ts/kernel/js/table/format';
import { readPlainIndex } from '../../../ts/kernel/js/table/index-block';
import { writeVarint } from '../../../ts/kernel/js/varint';
import { Random, testSeed } from '../../support/stores';

const LIMIT = 2 ** 34;

interface Entry {
	key: string;
	offset: number;
	size: number;
}

function blockOf(keys: readonly Buffer[], random: Random): Buffer {
	const builder = new BlockBuilder(16);
	const handle = Buffer.alloc(16);
	let offset = 0;
	for (const key of keys) {
		const size = random.below(random.below(10) === 0 ? 3_000_000 : 5000);
		builder.add(key, 0, key.length, handle, 0, writeVarint(handle, writeVarint(handle, 0, offset), size));
		offset += size + BLOCK_TRAILER_SIZE;
	}
	return Buffer.from(builder.finish());
}

/** Internal keys in order, whose user keys differ. No letter is a kind of entry: what two keys share ends in front of the first trailer. */
function keysOf(random: Random, count: number, letters: number, longest: number): Buffer[] {
	const texts = new Set<string>();
	for (let i = 0; i < count; i++) {
		texts.add(Array.from({ length: random.below(longest + 1) }, () => String.fromCharCode(97 + random.below(letters))).join(''));
	}
	const users = [...texts].map((text) => Buffer.from(text, 'latin1')).sort(Buffer.compare);
	return users.map((user) => withTrailer(user, random.below(1000), 1));
}

/** As the table takes a block entry by entry; `undefined` where it refuses it. */
function reference(block: Buffer): Entry[] | undefined {
	const cursor = new BlockCursor(INTERNAL_KEYS);
	const entries: Entry[] = [];
	let end = 0;
	let last: Buffer | undefined;
	try {
		cursor.reset(block);
		for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
			const { offset, size } = decodeHandle(block, cursor.valueStart, cursor.valueEnd, LIMIT, 'path', 0);
			const key = Buffer.from(cursor.keyBytes.subarray(0, cursor.keyEnd));
			if (offset < end || (last !== undefined && compareInternalKeys(last, 0, last.length, key, 0, key.length) >= 0))
				return undefined;
			end = offset + size + BLOCK_TRAILER_SIZE;
			last = key;
			entries.push({ key: key.toString('hex'), offset, size });
		}
		return entries;
	} catch {
		return undefined;
	}
}

function plain(block: Buffer): Entry[] | undefined {
	const read = readPlainIndex(block, LIMIT);
	return (
		read &&
		Array.from(read.sizes, (size, i) => {
			const key = read.keys.subarray(i === 0 ? 0 : read.ends[i - 1], read.ends[i]);
			return { key: key.toString('hex'), offset: read.offsets[i], size };
		})
	);
}

describe('the loop over plain index blocks', () => {
	const seed = testSeed();

	it(`takes blocks of short keys, seed ${seed}`, () => {
		const random = new Random(seed);
		for (const [letters, longest] of [
			[2, 12],
			[4, 30],
			[150, 3],
			[150, 100],
		]) {
			const block = blockOf(keysOf(random, 500, letters, longest), random);
			const entries = plain(block);
			expect(entries).toEqual(reference(block));
			expect(entries?.length).toBeGreaterThan(100);
		}
	});

	it(`refuses what the cursor refuses, seed ${seed}`, () => {
		const random = new Random(seed);
		let taken = 0;
		for (let round = 0; round < 300; round++) {
			const block = blockOf(keysOf(random, 1 + random.below(60), 1 + random.below(4), 12), random);
			for (let i = 0; i < 20; i++) {
				const damaged = Buffer.from(block);
				for (let flips = random.below(3); flips >= 0; flips--) damaged[random.below(block.length)] ^= 1 << random.below(8);
				const entries = plain(damaged);
				if (entries === undefined) continue;
				taken++;
				expect(entries).toEqual(reference(damaged));
			}
		}
		expect(taken).toBeGreaterThan(100);
	});

	it('leaves long keys, versions of one key, and restart points that are too few to the cursor', () => {
		const random = new Random(1);
		const long = [withTrailer(Buffer.alloc(200, 1), 1, 1)];
		const versions = [withTrailer(Buffer.from('a'), 2, 1), withTrailer(Buffer.from('a'), 1, 1)];
		for (const keys of [long, versions]) {
			const block = blockOf(keys, random);
			expect(plain(block)).toBeUndefined();
			expect(reference(block)).toHaveLength(keys.length);
		}
		const many = blockOf(keysOf(random, 40, 150, 3), random);
		const restarts = many.readUInt32LE(many.length - 4);
		const few = Buffer.concat([many.subarray(0, many.length - 4 * restarts), Buffer.from([1, 0, 0, 0])]);
		expect(plain(few)).toBeUndefined();
	});
});
