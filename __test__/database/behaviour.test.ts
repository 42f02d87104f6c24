/** What a store does over time: background work, durability, recovery of its shape, handles, memory. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Database } from '../../ts/index';
import { kernelNames, openDatabase, temporaryDirectory, tinyTree } from '../support/stores';

describe.each(kernelNames)('behaviour (%s)', (kernel) => {
	it('flushes and compacts by itself, keeps the levels in shape and deletes what is obsolete', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel, ...tinyTree, encoding: 'utf8' });
		let running = 0;
		database.on('compaction', ({ state }) => {
			running += { begin: 1, progress: 0, end: -1 }[state];
		});
		for (let i = 0; i < 20_000; i++) await database.put(`key${(i * 7919) % 5000}`, `value ${i}`);
		await database.flush();
		const listed = () => database.stats().levels.reduce((sum, level) => sum + level.tables, 0);
		const files = () => readdirSync(join(database.path, 'sst')).length;
		// Only a running job has files that are not listed, and those that it replaced are deleted after it.
		for (let i = 0; i < 500 && (running > 0 || database.stats().levels[0].tables >= 4 || files() !== listed()); i++) {
			await sleep(20);
		}
		const stats = database.stats();
		expect(stats.levels[0].tables).toBeLessThan(4);
		expect(files()).toBe(listed());
		expect(stats.flushes).toBeGreaterThan(20);
		expect(stats.compactions).toBeGreaterThan(2);
		expect(stats.levels.slice(1).some((level) => level.tables > 0)).toBe(true);
		expect(stats.wal.files).toBeLessThanOrEqual(2);
		for (let i = 15_000; i < 20_000; i++) expect(database.getSync(`key${(i * 7919) % 5000}`)).toBe(`value ${i}`);
		expect(stats.backgroundErrors).toBe(0);
	});

	it('brings deleted keys back never, and drops tombstones at the bottom', async () => {
		const path = temporaryDirectory();
		const database = await openDatabase(path, { kernel, ...tinyTree });
		for (let i = 0; i < 500; i++) await database.put(`k${i}`, 'v');
		await database.compact();
		for (let i = 0; i < 500; i++) await database.delete(`k${i}`);
		await database.flush();
		await database.close();
		const again = await openDatabase(path, { kernel });
		expect(await again.iterator().all()).toEqual([]);
		await again.compact();
		expect(again.stats().tableBytes).toBe(0);
		expect(readdirSync(join(path, 'sst'))).toEqual([]);
	});

	it('compacts a range and leaves the rest where it is', async () => {
		const database = await openDatabase(temporaryDirectory(), {
			kernel,
			...tinyTree,
			level0CompactionTrigger: 100,
			level0SlowdownTrigger: 100,
			level0StopTrigger: 100,
		});
		for (const prefix of ['a', 'b', 'c']) {
			for (let i = 0; i < 50; i++) await database.put(`${prefix}${i}`, 'v');
			await database.flush();
		}
		await database.compact({ prefix: 'b' });
		expect(
			database
				.stats()
				.levels.map((level) => level.tables)
				.filter((count) => count > 0),
		).toEqual([2, 1]);
		expect((await database.iterator().all()).length).toBe(150);
	});

	it('reads one moment while it flushes and compacts', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel, ...tinyTree, encoding: 'utf8', cacheSize: 4096 });
		const keys = Array.from({ length: 300 }, (_, i) => `k${i}`);
		let stop = false;
		const write = async () => {
			for (let round = 1; !stop; round++) await database.batch(keys.map((key) => ({ type: 'put', key, value: `${round}` })));
		};
		const read = async () => {
			let rounds = 0;
			for (; rounds < 60 || (rounds < 5000 && database.stats().compactions === 0); rounds++) {
				const values = await database.getMany(keys);
				expect(new Set(values).size).toBe(1);
				const seen = new Set<string>();
				for await (const [, value] of database.iterator()) seen.add(value);
				expect(seen.size).toBeLessThanOrEqual(1);
			}
			return rounds;
		};
		const writing = write();
		const rounds = await Promise.all([read(), read(), read()]);
		stop = true;
		await writing;
		expect(Math.min(...rounds)).toBeGreaterThanOrEqual(60);
		expect(database.stats().compactions).toBeGreaterThan(0);
	});

	it('syncs as often as each mode says', async () => {
		const always = await openDatabase(temporaryDirectory(), { kernel });
		await Promise.all(Array.from({ length: 64 }, (_, i) => always.put(`k${i}`, 'v')));
		const shared = always.stats().wal.syncs;
		expect(shared).toBeGreaterThanOrEqual(1);
		expect(shared).toBeLessThan(8);
		await always.put('k', 'v', { sync: false });
		expect(always.stats().wal.syncs).toBe(shared);
		always.putSync('k', 'v');
		expect(always.stats().wal.syncs).toBe(shared + 1);

		const never = await openDatabase(temporaryDirectory(), { kernel, sync: 'never' });
		await never.put('k', 'v');
		expect(never.stats().wal.syncs).toBe(0);
		await never.put('k', 'v', { sync: true });
		expect(never.stats().wal.syncs).toBe(1);

		const interval = await openDatabase(temporaryDirectory(), { kernel, sync: 'interval', syncIntervalMs: 20 });
		await interval.put('k', 'v');
		expect(interval.stats().wal.syncs).toBe(0);
		for (let i = 0; i < 100 && interval.stats().wal.syncs === 0; i++) await sleep(10);
		expect(interval.stats().wal.syncs).toBe(1);
	});

	it('keeps its options between opens, with what they were before', async () => {
		const path = temporaryDirectory();
		await (await Database.open(path, { kernel, ...tinyTree })).close();
		const same = await Database.open(path, { kernel });
		expect(same.stats().config).toMatchObject({ version: 1, options: tinyTree, previous: undefined });
		await same.close();
		const changed = await openDatabase(path, { kernel, blockSize: 1024 });
		expect(changed.stats().config).toMatchObject({
			version: 2,
			options: { ...tinyTree, blockSize: 1024 },
			previous: { blockSize: 512 },
		});
	});

	it('recovers from many opens without a flush, and the logs do not pile up', async () => {
		const path = temporaryDirectory();
		for (let i = 0; i < 12; i++) {
			const database = await Database.open(path, { kernel, encoding: 'utf8', sync: 'never' });
			expect((await database.iterator().all()).length).toBe(i);
			await database.put(`k${String(i).padStart(2, '0')}`, 'v');
			await database.close();
		}
		expect(readdirSync(join(path, 'wal')).length).toBeLessThanOrEqual(6);
	});

	it('counts forgotten iterators and snapshots and releases them at close', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel });
		await database.put('a', 'b');
		const iterators = Array.from({ length: 100 }, () => database.iterator());
		const snapshots = Array.from({ length: 10 }, () => database.snapshot());
		expect(database.stats().handles).toEqual({ iterators: 100, snapshots: 10, forgotten: 0 });
		for (const iterator of iterators) iterator.close();
		for (const snapshot of snapshots) snapshot.close();
		expect(database.stats().handles).toEqual({ iterators: 0, snapshots: 0, forgotten: 0 });
	});

	it('releases iterators and snapshots that are collected, and counts them', () => {
		const program = `
			const { Database } = require(${JSON.stringify(join(__dirname, '..', '..', 'dist', 'index.js'))});
			const { setTimeout: sleep } = require('node:timers/promises');
			(async () => {
				const database = await Database.open(process.argv[1], { kernel: process.argv[2] });
				await database.put('a', 'b');
				(() => { for (let i = 0; i < 20; i++) { database.iterator().nextSync(); database.snapshot(); } })();
				for (let i = 0; i < 100 && database.stats().handles.forgotten < 40; i++) { gc(); await sleep(10); }
				console.log(JSON.stringify(database.stats().handles));
				await database.close();
			})();`;
		const output = execFileSync(process.execPath, ['--expose-gc', '-e', program, temporaryDirectory(), kernel], {
			encoding: 'utf8',
		});
		expect(JSON.parse(output)).toEqual({ iterators: 0, snapshots: 0, forgotten: 40 });
	});

	it('holds a million keys in a heap of 256 MiB', { timeout: 240_000 }, () => {
		const program = `
			const { Database } = require(${JSON.stringify(join(__dirname, '..', '..', 'dist', 'index.js'))});
			(async () => {
				const database = await Database.open(process.argv[1], { kernel: process.argv[2], sync: 'never', memtableSize: 8 << 20, cacheSize: 16 << 20 });
				const value = Buffer.alloc(100, 'v');
				for (let i = 0; i < 1e6; ) {
					const batch = database.batch();
					for (let j = 0; j < 1000; j++, i++) batch.put('key' + String((i * 7919) % 1e6).padStart(13, '0'), value);
					await batch.write();
				}
				await database.flush();
				let count = 0;
				for (const entry of database.iterator({ values: false })) count++;
				await database.close();
				console.log(JSON.stringify({ count, resident: process.resourceUsage().maxRSS * 1024 }));
			})();`;
		const arguments_ = ['--max-old-space-size=256', '-e', program, temporaryDirectory(), kernel];
		const { count, resident } = JSON.parse(execFileSync(process.execPath, arguments_, { encoding: 'utf8' }));
		expect(count).toBe(1_000_000);
		expect(resident).toBeLessThan(512 * 1024 * 1024);
	});

	it('lets the process end by itself after close', () => {
		const program = `
			const { Database } = require(${JSON.stringify(join(__dirname, '..', '..', 'dist', 'index.js'))});
			Database.open(process.argv[1], { kernel: process.argv[2] }).then(async (database) => {
				await database.put('a', 'b');
				await database.compact();
				await database.close();
				console.log('closed');
			});`;
		const output = execFileSync(process.execPath, ['-e', program, temporaryDirectory(), kernel], {
			encoding: 'utf8',
			timeout: 30_000,
		});
		expect(output).toBe('closed\n');
	});
});
