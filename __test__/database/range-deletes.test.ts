/** deleteRange through the public API: what it deletes, what it costs, and what becomes of it in logs, tables and compactions. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AbortError, ClosedError, ConfigError, type Database, type OpenOptions, type RangeOptions } from '../../ts/index';
import { repairStore } from '../../ts/maintenance/repair';
import { kernels } from '../kernels';
import { openDatabase, Random, temporaryDirectory, tinyTree } from '../support/stores';

/** Compactions when they are asked for only. */
const onDemand = { level0CompactionTrigger: 100, level0SlowdownTrigger: 100, level0StopTrigger: 100 };

describe.each(kernels)('range deletes ($name)', (engine) => {
	const kernel = engine.name;
	const open = (options: OpenOptions = {}, path = temporaryDirectory()) =>
		openDatabase(path, { kernel, sync: 'never', ...options, encoding: 'utf8' });
	const letters = [...'abcdefghij'];

	async function filled(options: OpenOptions = {}, path = temporaryDirectory()) {
		const database = await open(options, path);
		for (const letter of letters) database.putSync(letter, `value of ${letter}`);
		return database;
	}

	const keysOf = (database: Database<'utf8'>) =>
		database
			.iterator({ values: false })
			.allSync()
			.map(([key]) => key)
			.join('');

	const waitFor = async (condition: () => boolean) => {
		for (let i = 0; i < 500 && !condition(); i++) await sleep(10);
		expect(condition()).toBe(true);
	};

	it.each<[RangeOptions, string]>([
		[{ gte: 'c', lt: 'f' }, 'abfghij'],
		[{ gt: 'c', lte: 'f' }, 'abcghij'],
		[{ gt: 'h' }, 'abcdefgh'],
		[{ lte: 'h' }, 'ij'],
		[{ prefix: 'd' }, 'abcefghij'],
		[{}, ''],
		[{ gte: 'd', lt: 'd' }, 'abcdefghij'],
		[{ gte: 'f', lt: 'c' }, 'abcdefghij'],
		[{ lt: '' }, 'abcdefghij'],
		[{ gt: 'x' }, 'abcdefghij'],
		[{ gt: Buffer.alloc(2_000_000, 0x62), lt: Buffer.alloc(2_000_000, 0x64) }, 'abefghij'],
	])('delete %j', async (range, left) => {
		const one = await filled();
		await one.deleteRange(range);
		expect(keysOf(one)).toBe(left);
		const other = await filled();
		await other.flush();
		other.deleteRangeSync(range);
		expect(keysOf(other)).toBe(left);
		expect(other.hasManySync(letters)).toEqual(letters.map((letter) => left.includes(letter)));
	});

	it('are one operation of a batch among others, in their order', async () => {
		const database = await filled();
		const batch = database.batch().put('c', 'early').deleteRange('b', 'e').put('d', 'late').deleteRange('i');
		expect(batch.length).toBe(4);
		await batch.write();
		expect(keysOf(database)).toBe('adefgh');
		expect(database.getSync('d')).toBe('late');
		await database.batch([
			{ type: 'deleteRange', start: 'e', end: 'g' },
			{ type: 'put', key: 'f', value: 'again' },
			{ type: 'deleteRange', start: 'z', end: 'a' },
		]);
		expect(keysOf(database)).toBe('adfgh');
		database.batchSync([{ type: 'deleteRange', start: '' }]);
		expect(keysOf(database)).toBe('');
	});

	it('refuse what makes no sense, and change nothing', async () => {
		const database = await filled();
		const { sequence } = database.stats();
		await expect(database.deleteRange({ gt: 'a', gte: 'b' })).rejects.toThrow(ConfigError);
		await expect(database.deleteRange(undefined as never)).rejects.toThrow(ConfigError);
		await expect(database.deleteRange({ from: 'a' } as never)).rejects.toThrow(ConfigError);
		await expect(database.deleteRange({ limit: 3 } as never)).rejects.toThrow(ConfigError);
		await expect(database.deleteRange({ gte: 'a' }, { sync: 'soon' as never })).rejects.toThrow(ConfigError);
		await expect(database.deleteRange({}, { signal: AbortSignal.abort() })).rejects.toThrow(AbortError);
		expect(() => database.deleteRangeSync({ gt: 7 as never })).toThrow(ConfigError);
		expect(() => database.batch().deleteRange(7 as never)).toThrow(ConfigError);
		expect(() => database.batch().deleteRange('a', null as never)).toThrow(ConfigError);
		expect(() => database.batchSync([{ type: 'deleteRange', start: undefined as never }])).toThrow(ConfigError);
		expect(database.stats().sequence).toBe(sequence);
		expect(keysOf(database)).toBe(letters.join(''));
		await database.close();
		await expect(database.deleteRange({})).rejects.toThrow(ClosedError);
	});

	it('cost one operation, however many keys they hold, and clear without limit is one', async () => {
		const database = await filled();
		const cost = async (work: () => Promise<void>) => {
			const { sequence, wal } = database.stats();
			await work();
			const after = database.stats();
			return [after.sequence - sequence, after.wal.bytes - wal.bytes < 40];
		};
		expect(await cost(() => database.deleteRange({ gte: 'b', lt: 'd' }))).toEqual([1, true]);
		expect(await cost(() => database.clear({ gte: 'd', lt: 'f' }))).toEqual([1, true]);
		expect(await cost(() => database.clear({ gte: 'f', limit: 2 }))).toEqual([2, true]);
		expect(await cost(() => database.deleteRange({ gte: 'x', lt: 'x' }))).toEqual([0, true]);
		expect(keysOf(database)).toBe('ahij');
		expect(await cost(() => database.clear())).toEqual([1, true]);
		expect(keysOf(database)).toBe('');
	});

	it('hide nothing from snapshots and iterators that were there before', async () => {
		const database = await filled({ ...onDemand });
		await database.flush();
		const snapshot = database.snapshot();
		const iterator = database.iterator({ values: false });
		expect(iterator.nextSync()).toEqual(['a', undefined]);
		database.deleteRangeSync({ gte: 'b', lt: 'i' });
		await database.flush();
		await database.compact();
		expect(iterator.allSync()).toHaveLength(9);
		const before = database.iterator({ snapshot, values: false, reverse: true }).allSync();
		expect(before.map(([key]) => key).join('')).toBe('jihgfedcba');
		expect(database.getSync('c', { snapshot })).toBe('value of c');
		expect(database.getSync('c')).toBeUndefined();
		snapshot.close();
		await database.compact();
		expect(database.stats().levels.reduce((sum, { entries }) => sum + entries, 0)).toBe(3);
		expect(keysOf(database)).toBe('aij');
	});

	it('come back from the log, from tables and from both', async () => {
		const path = temporaryDirectory();
		const first = await filled({}, path);
		first.deleteRangeSync({ gte: 'b', lt: 'd' });
		await first.close();
		const second = await open({}, path);
		expect(keysOf(second)).toBe('adefghij');
		await second.flush();
		second.deleteRangeSync({ gt: 'h' });
		second.putSync('i', 'again');
		await second.close();
		const third = await open({}, path);
		expect(keysOf(third)).toBe('adefghi');
		await third.compact();
		expect(keysOf(third)).toBe('adefghi');
		expect(third.tables().flat()).toHaveLength(1);
	});

	it('alone in a memtable make a table, and leave nothing behind where nothing was', async () => {
		const database = await open(onDemand);
		database.deleteRangeSync({ gte: 'b' });
		await database.flush();
		expect(database.tables()[0]).toMatchObject([{ entries: 0, tombstones: 0 }]);
		expect(database.approximateSize()).toBeGreaterThan(0);
		expect(database.approximateSize({ lt: 'b' })).toBe(0);
		await database.compact();
		expect(database.tables().flat()).toEqual([]);
		database.deleteRangeSync({ gte: 'b', lt: 'b' });
		await database.flush();
		expect(database.tables().flat()).toEqual([]);
	});

	it('drop the tables that they empty, unread', async () => {
		const database = await open({ ...tinyTree, ...onDemand });
		const random = new Random(1);
		for (let i = 0; i < 2000; i++) database.putSync(`key${String(i).padStart(4, '0')}`, random.bytes(50));
		await database.compact();
		database.pauseCompactions();
		await waitFor(() => database.stats().jobs.running.length === 0);
		const { tableBytes, bytes } = database.stats();
		const tables = database.tables().flat().length;
		expect(tables).toBeGreaterThan(10);
		await database.deleteRange({ gte: 'key0105', lt: 'key1895' });
		await database.flush();
		database.resumeCompactions();
		await waitFor(() => database.stats().droppedTables > tables - 5);
		const stats = database.stats();
		expect(stats.tableBytes).toBeLessThan(tableBytes / 3);
		// The tables at the two ends may have been rewritten by now.
		expect(stats.bytes.compactionRead - bytes.compactionRead).toBeLessThan(tableBytes / 4);
		const drop = stats.jobs.ended.find(({ reason }) => reason === 'rangeDelete');
		expect(drop).toMatchObject({ outputTables: 0, error: undefined });
		expect(database.iterator().allSync()).toHaveLength(210);
		await database.compact();
		expect(database.iterator().allSync()).toHaveLength(210);
		expect(database.stats().levels.reduce((sum, { entries }) => sum + entries, 0)).toBe(210);
	});

	it('drop no table that a snapshot still needs', async () => {
		const database = await filled(onDemand);
		await database.flush();
		const snapshot = database.snapshot();
		database.deleteRangeSync({});
		await database.flush();
		database.pauseCompactions();
		database.resumeCompactions();
		await sleep(50);
		expect(database.stats().droppedTables).toBe(0);
		expect(database.iterator({ snapshot }).allSync()).toHaveLength(10);
		snapshot.close();
		await waitFor(() => database.stats().droppedTables === 1);
		expect(keysOf(database)).toBe('');
	});

	it('hide from the first read on what lies in tables that are not loaded yet', async () => {
		const path = temporaryDirectory();
		const database = await filled({ ...onDemand, tableLoading: 'lazy' }, path);
		await database.compact();
		const snapshot = database.snapshot();
		await database.deleteRange({ gte: 'c', lt: 'f' });
		await database.flush();
		snapshot.close();
		await database.close();
		for (const read of [keysOf, (store: Database<'utf8'>) => letters.filter((letter) => store.hasSync(letter)).join('')]) {
			const again = await open({ ...onDemand, tableLoading: 'lazy' }, path);
			expect(read(again)).toBe('abfghij');
			await again.close();
		}
	});

	it('survive a repair without manifest', async () => {
		const path = temporaryDirectory();
		const database = await filled(onDemand, path);
		await database.flush();
		database.deleteRangeSync({ gte: 'b', lt: 'e' });
		database.putSync('c', 'again');
		await database.flush();
		database.deleteRangeSync({ gt: 'h' });
		await database.close();
		const report = await repairStore(path, {}, undefined, engine);
		expect(report).toMatchObject({ lostTables: [], lostLogs: [] });
		expect(keysOf(await open({}, path))).toBe('acefgh');
	});
});
