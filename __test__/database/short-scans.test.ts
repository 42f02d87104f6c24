/** Short scans and single values: they share memory with each other, and must not show it. */
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../ts/index';
import { kernelNames, openDatabase, Random, temporaryDirectory, testSeed, tinyTree } from '../support/stores';

const ENTRIES = 600;
const key = (i: number) => `k${String(i).padStart(4, '0')}`;

describe.each(kernelNames)('short scans (%s)', (kernel) => {
	async function filled(value: (i: number) => string, options = {}) {
		const database = await openDatabase(temporaryDirectory(), { kernel, ...tinyTree, ...options });
		const batch = database.batch();
		for (let i = 0; i < ENTRIES; i++) batch.put(key(i), value(i));
		await batch.write();
		await database.flush();
		return database;
	}

	it('keep their buffers apart, whichever iterators were open at the same time', async () => {
		const database = await filled((i) => `value ${i}`);
		const open = Array.from({ length: 40 }, (_, i) => database.iterator({ gte: key(10 * i), limit: 5 }));
		const seen: [number, Buffer, Buffer][] = [];
		for (let step = 0; step < 5; step++) {
			for (const [i, iterator] of open.entries()) {
				const [k, v] = iterator.nextSync() as [Buffer, Buffer];
				seen.push([10 * i + step, k, v]);
				if (step === 2) database.iterator({ gte: key(i), limit: 3 }).allSync();
			}
		}
		for (const iterator of open) iterator.close();
		for (const [i, k, v] of seen) expect([k.toString(), v.toString()]).toEqual([key(i), `value ${i}`]);
	});

	it('go on after a receiver has transferred the memory of a buffer away', async () => {
		const database = await filled((i) => `value ${i}`);
		const iterator = database.iterator();
		const [, value] = iterator.nextSync() as [Buffer, Buffer];
		structuredClone(value.buffer, { transfer: [value.buffer as ArrayBuffer] });
		iterator.seek(key(300));
		expect(iterator.nextManySync(2).map(([k]) => k.toString())).toEqual([key(300), key(301)]);
		expect(database.iterator({ gte: key(590) }).allSync()).toHaveLength(10);
		iterator.close();
	});

	const seed = testSeed();
	it(`seek to and fro and find what a sorted array has (VARVE_SEED=${seed})`, async () => {
		const random = new Random(seed);
		const texts = ['plain', 'ünïcödé', '🪨'.repeat(40), ''];
		const values = Array.from({ length: ENTRIES }, (_, i) => `${random.pick(texts)} ${i}`);
		const database = await filled((i) => values[i], { encoding: 'utf8', blockSize: 512 });
		for (const reverse of [false, true]) {
			const iterator = database.iterator({ reverse });
			for (let round = 0; round < 300; round++) {
				const at = random.below(ENTRIES);
				const count = 1 + random.below(round % 10 === 0 ? ENTRIES : 12);
				iterator.seek(key(at));
				const expected = Array.from({ length: count }, (_, i) => (reverse ? at - i : at + i))
					.filter((i) => i >= 0 && i < ENTRIES)
					.map((i) => [key(i), values[i]]);
				expect(iterator.nextManySync(count)).toEqual(expected);
			}
			iterator.close();
		}
		expect(database.getManySync([key(0), 'missing', key(1)])).toEqual([values[0], undefined, values[1]]);
	});

	it('getIntoSync copies a value into memory of the caller, or tells how much it takes', async () => {
		const database = await filled((i) => 'v'.repeat(i), { blobThreshold: 500 });
		const target = Buffer.alloc(300, '.');
		expect(database.getIntoSync(key(3), target)).toBe(3);
		expect(target.toString('utf8', 0, 5)).toBe('vvv..');
		expect(database.getIntoSync(key(0), target)).toBe(0);
		expect(database.getIntoSync('missing', target)).toBeUndefined();
		expect(database.getIntoSync(key(300), new Uint8Array(target.buffer, target.byteOffset, 300))).toBe(300);
		target.fill('.');
		expect(database.getIntoSync(key(301), target)).toBe(301);
		expect(database.getIntoSync(key(599), target, { fillCache: false })).toBe(599);
		expect(target.toString()).toBe('.'.repeat(300));
		const snapshot = database.snapshot();
		database.putSync(key(3), 'other');
		expect(database.getIntoSync(key(3), target, { snapshot })).toBe(3);
		expect(database.getIntoSync(key(3), target)).toBe(5);
		expect(target.toString('utf8', 0, 5)).toBe('other');
		snapshot.close();
		expect(database.stats().operations.gets).toBe(8);
		expect(() => database.getIntoSync(key(3), [] as never)).toThrow(ConfigError);
	});
});
