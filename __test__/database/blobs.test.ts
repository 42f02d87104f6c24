/** Values in blob files, through the public API: where they lie, how they are read, when their space comes back, and what damage does. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ConfigError, CorruptionError, Database, type OpenOptions } from '../../ts/index';
import { destroyStore } from '../../ts/maintenance/destroy';
import { repairStore } from '../../ts/maintenance/repair';
import { kernels } from '../kernels';
import { openDatabase, Random, temporaryDirectory, testSeed, tinyTree } from '../support/stores';

/** Compactions when they are asked for only. */
const onDemand = { level0CompactionTrigger: 100, level0SlowdownTrigger: 100, level0StopTrigger: 100 };
const THRESHOLD = 64;
const large = (text: string) => text.padEnd(100, '.');
const keyOf = (i: number) => `key${String(i).padStart(4, '0')}`;

describe.each(kernels)('values in blob files ($name)', (engine) => {
	const kernel = engine.name;
	const open = (options: OpenOptions = {}, path = temporaryDirectory()) =>
		openDatabase(path, { kernel, sync: 'never', blobThreshold: THRESHOLD, ...options, encoding: 'utf8' });
	const blobsOf = (path: string) => (existsSync(join(path, 'blob')) ? readdirSync(join(path, 'blob')).sort() : []);
	const bytesOf = (path: string) => blobsOf(path).reduce((sum, name) => sum + statSync(join(path, 'blob', name)).size, 0);

	const waitFor = async (condition: () => boolean) => {
		// Asked once at a time: jobs go on meanwhile.
		for (let i = 0; i < 500; i++) {
			if (condition()) return;
			await sleep(10);
		}
		expect.fail('it did not come about');
	};

	/** A store of one table: large values, one at the threshold and one below it, and a copy of it that is open. */
	async function flushed(options: OpenOptions = {}) {
		const path = temporaryDirectory();
		const database = await open({ ...onDemand, ...options }, path);
		for (let i = 0; i < 10; i++) database.putSync(keyOf(i), large(`value ${i}`));
		database.putSync('at', 'x'.repeat(THRESHOLD));
		database.putSync('below', 'x'.repeat(THRESHOLD - 1));
		await database.flush();
		return { path, database };
	}

	it('go there from the threshold on, at flush, and are read in every way', async () => {
		const { path, database } = await flushed();
		expect(blobsOf(path)).toHaveLength(1);
		const { blobs, levels, bytes } = database.stats();
		expect(blobs).toEqual({ files: 1, bytes: bytesOf(path), liveBytes: bytesOf(path) - 48 });
		expect(levels[0].rawBytes).toBeLessThan(12 * 20 + 3 * THRESHOLD);
		expect(bytes.flushed).toBe(levels[0].bytes + blobs.bytes);
		expect(database.describe()).toContain('1 blob files of 1.');
		expect(database.approximateSize()).toBe(levels[0].bytes + blobs.liveBytes);
		const keys = [keyOf(3), 'at', 'below', 'none'];
		const values = [large('value 3'), 'x'.repeat(THRESHOLD), 'x'.repeat(THRESHOLD - 1), undefined];
		expect(keys.map((key) => database.getSync(key))).toEqual(values);
		expect(await Promise.all(keys.map((key) => database.get(key)))).toEqual(values);
		expect(database.getManySync(keys)).toEqual(values);
		expect(await database.getMany(keys)).toEqual(values);
		expect(database.getSync(keyOf(3), { encoding: 'buffer' })).toEqual(Buffer.from(large('value 3')));
		const target = Buffer.alloc(100);
		expect(database.getIntoSync(keyOf(3), target)).toBe(100);
		expect(target.toString()).toBe(large('value 3'));
		expect(database.getIntoSync(keyOf(4), Buffer.alloc(99))).toBe(100);
		const all = [
			['at', values[1]],
			['below', values[2]],
			...Array.from({ length: 10 }, (_, i) => [keyOf(i), large(`value ${i}`)]),
		];
		for (const reverse of [false, true]) {
			const expected = reverse ? all.toReversed() : all;
			expect(database.iterator({ reverse }).allSync()).toEqual(expected);
			expect(await database.iterator({ reverse }).all()).toEqual(expected);
		}
		expect(database.stats().reads.blobReads).toBeGreaterThan(40);
	});

	it('are not touched by who asks for keys only', async () => {
		const { path, database } = await flushed();
		for (const name of blobsOf(path)) truncateSync(join(path, 'blob', name), 0);
		expect(database.hasSync(keyOf(3))).toBe(true);
		expect(await database.has(keyOf(3))).toBe(true);
		expect(database.hasManySync([keyOf(3), 'at', 'none'])).toEqual([true, true, false]);
		expect(await database.hasMany([keyOf(3), 'at', 'none'])).toEqual([true, true, false]);
		expect(database.iterator({ values: false }).allSync()).toHaveLength(12);
		expect(await database.iterator({ values: false, reverse: true }).all()).toHaveLength(12);
		expect(database.stats().reads.blobReads).toBe(0);
		expect(() => database.getSync(keyOf(3))).toThrow(CorruptionError);
	});

	it('leave the block cache as it is', async () => {
		const { database } = await flushed();
		database.hasSync('at');
		const { cacheBytes } = database.stats().reads;
		database.getSync(keyOf(1));
		await database.get(keyOf(2));
		expect(database.stats().reads.cacheBytes).toBe(cacheBytes);
	});

	it('of any size come through, also one that is larger than a chunk of a scan', async () => {
		const database = await open({ ...onDemand, blobThreshold: 16 });
		const values = [16, 17, 127, 128, 5000, 300_000, 3_000_000].map((length) => Buffer.alloc(length, length % 251));
		for (const [i, value] of values.entries()) database.putSync(keyOf(i), value);
		await database.flush();
		const options = { encoding: 'buffer' } as const;
		expect(values.every((value, i) => database.getSync(keyOf(i), options)?.equals(value))).toBe(true);
		for (const reverse of [false, true]) {
			const found = [
				database.iterator({ ...options, reverse }).allSync(),
				await database.iterator({ ...options, reverse }).all(),
			];
			const expected = reverse ? values.toReversed() : values;
			for (const entries of found) expect(entries.every(([, value], i) => value.equals(expected[i]))).toBe(true);
		}
		await database.compact();
		expect(values.every((value, i) => database.getSync(keyOf(i), options)?.equals(value))).toBe(true);
	});

	it('pass a compaction uncopied, and their files go with the last entry that needs them', async () => {
		const { path, database } = await flushed();
		const [first] = blobsOf(path);
		await database.compact();
		expect(blobsOf(path)).toEqual([first]);
		expect(database.stats().bytes.compacted).toBeLessThan(900);
		for (let i = 0; i < 10; i++) database.putSync(keyOf(i), large(`again ${i}`));
		database.deleteSync('at');
		await database.flush();
		expect(blobsOf(path)).toHaveLength(2);
		await database.compact();
		expect(blobsOf(path)).toHaveLength(1);
		expect(blobsOf(path)).not.toContain(first);
		await database.deleteRange({});
		await database.compact();
		expect(blobsOf(path)).toEqual([]);
		expect(database.stats().blobs).toEqual({ files: 0, bytes: 0, liveBytes: 0 });
	});

	it('stay as long as a snapshot or an iterator needs them', async () => {
		const { path, database } = await flushed({ blobGarbageRatio: 0.05 });
		const snapshot = database.snapshot();
		const iterator = database.iterator({ gte: keyOf(0) });
		expect(iterator.nextSync()).toEqual([keyOf(0), large('value 0')]);
		for (let round = 0; round < 3; round++) {
			for (let i = 0; i < 10; i++) database.putSync(keyOf(i), large(`round ${round} ${i}`));
			await database.flush();
			await database.compact();
		}
		expect(database.getSync(keyOf(5), { snapshot })).toBe(large('value 5'));
		snapshot.close();
		await database.compact();
		expect(iterator.allSync()).toEqual(Array.from({ length: 9 }, (_, i) => [keyOf(i + 1), large(`value ${i + 1}`)]));
		await iterator.close();
		await waitFor(() => blobsOf(path).length <= 2);
		expect(database.getSync(keyOf(5))).toBe(large('round 2 5'));
	});

	it('that are left in a file of garbage move, without being asked to', async () => {
		const path = temporaryDirectory();
		const database = await open({ ...tinyTree, compression: 'none' }, path);
		const value = (i: number, round: number) => `${i}:${round}:`.padEnd(400, 'v');
		for (let i = 0; i < 300; i++) database.putSync(keyOf(i), value(i, 0));
		await database.compact();
		// Every third stays, so that no file goes by itself.
		for (let round = 1; round < 4; round++) {
			for (let i = 0; i < 300; i++) if (i % 3 > 0) database.putSync(keyOf(i), value(i, round));
			await database.compact();
		}
		await waitFor(() => {
			const { blobs, jobs } = database.stats();
			return jobs.running.length === 0 && blobs.liveBytes >= blobs.bytes * 0.45;
		});
		expect(database.stats().jobs.ended.some(({ reason }) => reason === 'blobGarbage')).toBe(true);
		expect(bytesOf(path)).toBe(database.stats().blobs.bytes);
		expect(bytesOf(path)).toBeLessThan(2.2 * 300 * 430);
		const check = (store: Database<'utf8'>) => {
			for (let i = 0; i < 300; i++) expect(store.getSync(keyOf(i))).toBe(value(i, i % 3 === 0 ? 0 : 3));
		};
		check(database);
		await database.close();
		check(await open({}, path));
	});

	it('move out of tables when the threshold comes, and back when it goes', async () => {
		const path = temporaryDirectory();
		const before = await open({ ...onDemand, blobThreshold: false }, path);
		for (let i = 0; i < 10; i++) before.putSync(keyOf(i), large(`value ${i}`));
		await before.compact();
		expect(existsSync(join(path, 'blob'))).toBe(false);
		await before.close();
		const withBlobs = await open({}, path);
		await withBlobs.compact();
		expect(blobsOf(path)).toHaveLength(1);
		await withBlobs.close();
		const recorded = await Database.open(path, { kernel, encoding: 'utf8' });
		expect(recorded.stats().config.options.blobThreshold).toBe(THRESHOLD);
		await recorded.close();
		const without = await open({ blobThreshold: false }, path);
		expect(without.getSync(keyOf(4))).toBe(large('value 4'));
		await without.compact();
		expect(blobsOf(path)).toEqual([]);
		expect(without.iterator().allSync()).toEqual(Array.from({ length: 10 }, (_, i) => [keyOf(i), large(`value ${i}`)]));
	});

	it('are counted and dropped by fifo', async () => {
		const path = temporaryDirectory();
		const database = await open({ compactionStrategy: 'fifo', fifoMaxSize: 100_000, memtableSize: 16_384 }, path);
		for (let i = 0; i < 600; i++) database.putSync(keyOf(i), 'v'.repeat(1000));
		await database.flush();
		await waitFor(() => database.stats().tableBytes + bytesOf(path) < 120_000);
		await waitFor(() => database.stats().blobs.bytes === bytesOf(path));
		expect(database.getSync(keyOf(599))).toBe('v'.repeat(1000));
		expect(database.getSync(keyOf(0))).toBeUndefined();
	});

	it('refuse thresholds and ratios that make no sense', async () => {
		for (const blobThreshold of [0, 15, 2 ** 31, 1.5, true, '4096']) {
			await expect(open({ blobThreshold: blobThreshold as never })).rejects.toThrow(ConfigError);
		}
		for (const blobGarbageRatio of [0, 1.5, true]) {
			await expect(open({ blobGarbageRatio: blobGarbageRatio as never })).rejects.toThrow(ConfigError);
		}
	});

	it('leave no orphans: an open removes what a crash has left, and no file of somebody else', async () => {
		const { path, database } = await flushed();
		await database.close();
		const [mine] = blobsOf(path);
		for (const name of ['000777.blob', '000778.blob.tmp', 'notes.txt', '777.blob']) writeFileSync(join(path, 'blob', name), 'x');
		const again = await open({ blobThreshold: false }, path);
		expect(blobsOf(path)).toEqual([mine, '777.blob', 'notes.txt'].sort());
		expect(again.getSync('at')).toBe('x'.repeat(THRESHOLD));
		again.putSync('more', 'x');
		await again.flush();
		expect(
			Math.max(
				...again
					.tables()
					.flat()
					.map(({ number }) => number),
			),
		).toBeGreaterThan(778);
		await again.close();
		await destroyStore(path);
		expect(readdirSync(path)).toEqual(['blob']);
		expect(blobsOf(path)).toEqual(['777.blob', 'notes.txt']);
	});

	describe('damage', () => {
		const damaged = async (change: (path: string) => void) => {
			const { path, database } = await flushed();
			await database.close();
			const [name] = blobsOf(path);
			const blob = join(path, 'blob', name);
			change(blob);
			return { path, blob };
		};
		const flip = (at: number) => (blob: string) => {
			const bytes = readFileSync(blob);
			bytes[(at + bytes.length) % bytes.length] ^= 1;
			writeFileSync(blob, bytes);
		};

		it.each([
			['a bit of a value', 150],
			['a bit of a checksum', 17],
			['a bit of the header', 9],
			['the flags', 12],
			['the magic', 0],
			['the last byte', -1],
			['the counts', -30],
		])('%s is told with path and offset, in every kind of read', async (_, at) => {
			const { path, blob } = await damaged(flip(at));
			const database = await open({}, path);
			const attempt = async (read: () => unknown) => {
				try {
					await read();
					return undefined;
				} catch (error) {
					return error as CorruptionError;
				}
			};
			const reads = [
				() => Array.from({ length: 10 }, (_, i) => database.getSync(keyOf(i))).concat(database.getSync('at')),
				() => Promise.all([...Array.from({ length: 10 }, (_, i) => database.get(keyOf(i))), database.get('at')]),
				() => database.iterator().allSync(),
				() => database.iterator({ reverse: true }).all(),
			];
			for (const read of reads) {
				const error = await attempt(read);
				expect(error).toBeInstanceOf(CorruptionError);
				expect(error?.path).toBe(blob);
				expect(error?.offset).toBeTypeOf('number');
			}
			expect(database.getSync('below')).toBe('x'.repeat(THRESHOLD - 1));
		});

		it('a scan gives what comes before a damaged value, then says so', async () => {
			const { path, blob } = await damaged((file) => {
				const bytes = readFileSync(file);
				bytes[bytes.indexOf('value 4')] ^= 1;
				writeFileSync(file, bytes);
			});
			const database = await open({}, path);
			const iterator = database.iterator({ gte: keyOf(0) });
			for (let i = 0; i < 4; i++) expect(iterator.nextSync()).toEqual([keyOf(i), large(`value ${i}`)]);
			expect(() => iterator.nextSync()).toThrow(expect.objectContaining({ path: blob }));
			await expect(iterator.next()).rejects.toThrow(CorruptionError);
			const mended = await repairStore(path, {}, undefined, engine).catch((error: Error) => error);
			expect(mended).toMatchObject({ code: 'VARVE_LOCKED' });
		});

		it('a file that is missing or cut refuses the open, or the read', async () => {
			const missing = await damaged((blob) => unlinkSync(blob));
			await expect(open({}, missing.path)).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', path: missing.blob });
			const cut = await damaged((blob) => truncateSync(blob, 300));
			const database = await open({}, cut.path);
			expect(() => database.getSync('at')).toThrow(expect.objectContaining({ code: 'VARVE_CORRUPTION', path: cut.blob }));
			await expect(database.get('at')).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', path: cut.blob });
		});

		it('is mended by a repair, which keeps every value that can be read', async () => {
			const { path, blob } = await damaged((file) => {
				const bytes = readFileSync(file);
				bytes[bytes.indexOf('value 4')] ^= 1;
				writeFileSync(file, bytes);
			});
			const original = readFileSync(blob);
			const report = await repairStore(path, {}, undefined, engine);
			const name = blob.slice(-11);
			expect(report).toMatchObject({ lostTables: [], missingBlobs: [], lostBlobs: [name] });
			expect(readFileSync(join(path, 'lost', name))).toEqual(original);
			const database = await open({}, path);
			const left = database.iterator({ gte: keyOf(0) }).allSync();
			expect(left.map(([key]) => key)).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9].map(keyOf));
			expect(left.every(([key, value]) => value === large(`value ${Number(key.slice(3))}`))).toBe(true);
			expect(blobsOf(path)).not.toContain(name);
			expect(database.stats().blobs.bytes).toBe(bytesOf(path));
			await database.close();
			await expect(repairStore(path, {}, undefined, engine)).resolves.toMatchObject({ lostBlobs: [], missingBlobs: [] });
		});

		it('of the whole file costs its values, and no others', async () => {
			const { path, blob } = await damaged((file) => unlinkSync(file));
			await expect(repairStore(path, {}, undefined, engine)).resolves.toMatchObject({ missingBlobs: [blob.slice(-11)] });
			const database = await open({}, path);
			expect(database.iterator().allSync()).toEqual([['below', 'x'.repeat(THRESHOLD - 1)]]);
			const cut = await damaged((file) => truncateSync(file, 500));
			await expect(repairStore(cut.path, {}, undefined, engine)).resolves.toMatchObject({ lostBlobs: [cut.blob.slice(-11)] });
			expect((await open({}, cut.path)).iterator().allSync()).toHaveLength(1);
		});

		it('of the manifest costs nothing', async () => {
			const { path, database } = await flushed();
			for (let i = 0; i < 5; i++) database.putSync(keyOf(i), large(`newer ${i}`));
			await database.flush();
			await database.close();
			for (const name of readdirSync(path)) if (/^(?:MANIFEST|CURRENT)/.test(name)) unlinkSync(join(path, name));
			await expect(repairStore(path, {}, undefined, engine)).resolves.toMatchObject({ manifest: 'rebuilt', lostBlobs: [] });
			const again = await open({}, path);
			const values = again.iterator({ gte: keyOf(0) }).allSync();
			expect(values).toEqual(Array.from({ length: 10 }, (_, i) => [keyOf(i), large(`${i < 5 ? 'newer' : 'value'} ${i}`)]));
			expect(again.stats().blobs.files).toBe(2);
		});
	});
});

const describeBoth = describe.runIf(kernels.length === 2);
describeBoth('blob files of the two kernels', () => {
	const seed = testSeed();
	it(`are the same, seed ${seed}`, async () => {
		const written = await Promise.all(
			kernels.map(async ({ name }) => {
				const random = new Random(seed);
				const path = temporaryDirectory();
				const options = { blobThreshold: 64, blobGarbageRatio: false, compression: 'none', compactionThreads: 1 } as const;
				const database = await openDatabase(path, {
					...tinyTree,
					...options,
					level0CompactionTrigger: 100,
					level0SlowdownTrigger: 100,
					level0StopTrigger: 100,
					kernel: name,
				});
				database.pauseCompactions();
				for (let i = 0; i < 400; i++) database.putSync(keyOf(random.below(60)), random.bytes(random.below(300)));
				await database.flush();
				database.resumeCompactions();
				await database.compact();
				const entries = database.iterator().allSync();
				await database.close();
				const blobs = readdirSync(join(path, 'blob')).sort();
				const hashes = blobs.map((blob) =>
					createHash('sha256')
						.update(readFileSync(join(path, 'blob', blob)))
						.digest('hex'),
				);
				return { entries, hashes };
			}),
		);
		expect(written[0].hashes.length).toBeGreaterThan(3);
		expect(written[1].entries).toEqual(written[0].entries);
		expect(written[1].hashes).toEqual(written[0].hashes);
	});
});
