/** Engines against a model. Each run names its seed: the same seed gives the same steps. */
import { describe, expect, it } from 'vitest';
import { IO_CACHE, IO_PASS, type KernelCursor, type ReadResult } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { Harness } from './harness';
import { cursorOptions, get, getInto, packKeys, Random, readAll, type TextEntry, temporaryDirectory, unpack } from './support';

const STEPS = 140;

const shapes = [
	{ name: 'no cache, tiny tables', cacheBytes: 0, table: { blockSize: 64, tableSize: 300, restartInterval: 2 } },
	{ name: 'small cache', cacheBytes: 3000, table: { blockSize: 200, tableSize: 1000 } },
	{ name: 'large cache, no filters', cacheBytes: 1 << 20, table: { filterMilliBitsPerKey: 0, tableSize: 4000 } },
];

const text = (value: ReadResult) => (Buffer.isBuffer(value) ? value.toString('latin1') : value);

describe.each(kernels)('model of the $name kernel', (kernel) => {
	const directory = temporaryDirectory();

	describe.each(shapes)('$name', ({ cacheBytes, table }) => {
		it.each([1, 2, 3, 4])('agrees with the model, seed %d', async (seed) => {
			const random = new Random(seed * 1000 + cacheBytes);
			const harness = new Harness(kernel, directory, random, cacheBytes, table);
			const held: { cursor: KernelCursor; expected: TextEntry[] }[] = [];
			for (let step = 0; step < STEPS; step++) {
				await change(harness);
				harness.checkShape();
				const sequence = random.chance(0.5)
					? harness.lastSequence
					: (random.pick([...harness.snapshots, harness.lastSequence]) as number);
				await checkGets(harness, sequence);
				await checkScan(harness, sequence);
				if (random.chance(0.05)) {
					const cursor = harness.engine.openCursor(cursorOptions({ sequence: harness.lastSequence }));
					held.push({ cursor, expected: harness.entries(harness.lastSequence) });
				}
			}
			for (const { cursor, expected } of held) {
				expect(await readAll(cursor, random.pick(['sync', 'async']), 128)).toEqual(expected);
				cursor.close();
			}
			await harness.engine.close();
		});
	});

	async function change(harness: Harness): Promise<void> {
		const dice = harness.random.fraction();
		if (dice < 0.1) harness.wait();
		else if (dice < 0.55) harness.write();
		else if (dice < 0.62) harness.freeze();
		else if (dice < 0.75) await harness.flush();
		else if (dice < 0.88) await harness.compact();
		else if (dice < 0.9) harness.dropCovered();
		else if (dice < 0.96) harness.takeSnapshot();
		else harness.releaseSnapshot();
	}

	async function checkGets(harness: Harness, sequence: number): Promise<void> {
		const { engine, random } = harness;
		const keys = Array.from({ length: 8 }, () => random.key());
		const expected = keys.map((key) => harness.expected(key.toString('latin1'), sequence));
		expect(keys.map((key) => text(get(engine, key, sequence) as ReadResult))).toEqual(expected);
		const rooms = keys.map(() => random.below(80));
		const into = keys.map((key, i) => getInto(engine, key, rooms[i] as number, sequence));
		const length = (value: string | undefined) => value?.length ?? 0;
		expect(into.map((found) => (found instanceof Buffer ? text(found) : found))).toEqual(
			expected.map((value, i) => (length(value) > (rooms[i] as number) ? length(value) : value)),
		);
		const packed = packKeys(keys);
		const io = random.chance(0.5) ? IO_CACHE : IO_PASS;
		const many = random.chance(0.5)
			? (engine.getMany(packed, keys.length, sequence, 0, io) as ReadResult[])
			: await engine.getManyAsync(packed, keys.length, sequence, 0, io === IO_CACHE);
		expect(many.map(text)).toEqual(expected);
		const singles = keys.map((key) => {
			engine.keyScratch.set(key);
			return engine.getAsync(key.length, sequence, 0, io === IO_CACHE);
		});
		expect((await Promise.all(singles)).map(text)).toEqual(expected);
	}

	/** A scan with random bounds, direction, chunk sizes and seeks, half of its fills asynchronous, writes in between. */
	async function checkScan(harness: Harness, sequence: number): Promise<void> {
		const { engine, random } = harness;
		const reverse = random.chance(0.5);
		const lower = random.chance(0.4) ? random.key() : undefined;
		const upper = random.chance(0.4) ? random.key() : undefined;
		const cursor = engine.openCursor(cursorOptions({ sequence, reverse, lower, upper, fillCache: random.chance(0.5) }));
		let expected = harness.entries(sequence).filter(([key]) => {
			const bytes = Buffer.from(key, 'latin1');
			return (
				(lower === undefined || Buffer.compare(bytes, lower) >= 0) && (upper === undefined || Buffer.compare(bytes, upper) < 0)
			);
		});
		if (reverse) expected.reverse();
		if (random.chance(0.3)) {
			const target = random.key();
			cursor.seek(target);
			expected = expected.filter(([key]) => Buffer.compare(Buffer.from(key, 'latin1'), target) * (reverse ? -1 : 1) >= 0);
		}
		const entries: TextEntry[] = [];
		const index = new Uint32Array(2 * (1 + random.below(20)));
		for (let chunk = Buffer.alloc(random.below(200)); ; ) {
			const limit = 1 + random.below(30);
			const io = random.chance(0.5);
			let count = io ? cursor.fill(chunk, index, limit, random.chance(0.5)) : await cursor.fillAsync(chunk, index, limit);
			if (count === -1) count = await cursor.fillAsync(chunk, index, limit);
			if (count === 0) break;
			if (count === -2) chunk = Buffer.alloc(index[0] as number);
			else entries.push(...unpack(chunk, index, count));
			if (random.chance(0.05)) harness.write();
		}
		expect(entries).toEqual(expected);
		cursor.close();
	}
});
