/** What the public API does with ranges and many keys: clear, approximateSize, hasMany; and reads that leave the cache alone. */
import { describe, expect, it } from 'vitest';
import { AbortError, ConfigError } from '../../ts/index';
import { kernelNames, openDatabase, temporaryDirectory, tinyTree } from '../support/stores';

describe.each(kernelNames)('ranges and many keys (%s)', (kernel) => {
	const open = (options = {}) => openDatabase(temporaryDirectory(), { kernel, sync: 'never', encoding: 'utf8', ...options });
	const keys = Array.from({ length: 2000 }, (_, i) => `k${String(i).padStart(4, '0')}`);

	async function filled(options = {}) {
		const database = await open(options);
		const batch = database.batch();
		for (const key of keys) batch.put(key, `value of ${key}`);
		await batch.write();
		return database;
	}

	it('clear deletes a range, a prefix, from either end, up to a limit', async () => {
		const database = await filled(tinyTree);
		await database.flush();
		const left = () => database.iterator({ values: false }).allSync().length;
		await database.clear({ gte: 'k0100', lt: 'k0200' });
		expect(left()).toBe(1900);
		await database.clear({ prefix: 'k19' });
		expect(left()).toBe(1800);
		await database.clear({ limit: 10 });
		expect(database.hasManySync(['k0009', 'k0010'])).toEqual([false, true]);
		await database.clear({ limit: 10, reverse: true });
		expect(database.hasManySync(['k1889', 'k1890'])).toEqual([true, false]);
		const snapshot = database.snapshot();
		database.putSync('new', 'x');
		await database.clear({ snapshot });
		expect(database.iterator().allSync()).toEqual([['new', 'x']]);
		await database.clear();
		expect(left()).toBe(0);
		snapshot.close();
	});

	it('clear waits for the disk as other writes do', async () => {
		const database = await filled();
		await database.clear({ limit: 10 });
		expect(database.stats().wal.syncs).toBe(0);
		await database.clear({ limit: 10, sync: true });
		expect(database.stats().wal.syncs).toBe(1);
		await database.clear({ gt: 'z', sync: true });
		expect(database.iterator().allSync()).toHaveLength(1980);
	});

	it('clear ends at its signal, and refuses what makes no sense', async () => {
		const database = await filled();
		await expect(database.clear({ signal: AbortSignal.abort() })).rejects.toThrow(AbortError);
		await expect(database.clear({ limit: -1 })).rejects.toThrow(ConfigError);
		await expect(database.clear({ reverse: 1 as never })).rejects.toThrow(ConfigError);
		await expect(database.clear({ from: 'a' } as never)).rejects.toThrow(ConfigError);
		await expect(database.clear({ gt: 'a', gte: 'b' })).rejects.toThrow(ConfigError);
		await expect(database.clear({ sync: 'soon' as never })).rejects.toThrow(ConfigError);
		expect(database.iterator().allSync()).toHaveLength(2000);
		expect(database.stats().handles.iterators).toBe(0);
	});

	it('hasMany tells of each key, at one moment', async () => {
		const database = await filled();
		await database.flush();
		const snapshot = database.snapshot();
		database.deleteSync('k0001');
		const asked = ['k0001', 'k0002', 'none', ''];
		expect(await database.hasMany(asked)).toEqual([false, true, false, false]);
		expect(database.hasManySync(asked, { snapshot })).toEqual([true, true, false, false]);
		expect(await database.hasMany([])).toEqual([]);
		await expect(database.hasMany('k' as never)).rejects.toThrow(ConfigError);
		snapshot.close();
	});

	it('approximateSize follows the tables', async () => {
		const database = await filled({ blockSize: 512, filterFalsePositiveRate: false });
		expect(database.approximateSize()).toBe(0);
		await database.flush();
		const whole = database.approximateSize();
		expect(whole).toBe(database.stats().tableBytes);
		const half = database.approximateSize({ lt: 'k1000' });
		expect(half / whole).toBeGreaterThan(0.4);
		expect(half / whole).toBeLessThan(0.6);
		expect(half + database.approximateSize({ gte: 'k1000' })).toBe(whole);
		expect(database.approximateSize({ gt: 'z' })).toBe(0);
		expect(database.approximateSize({ lt: 'a' })).toBe(0);
		expect(() => database.approximateSize({ reverse: true } as never)).toThrow(ConfigError);
	});

	it('fillCache: false leaves the cache as it is', async () => {
		const database = await filled();
		await database.flush();
		const cold = { fillCache: false };
		expect(await database.get('k0001', cold)).toBe('value of k0001');
		expect(database.getSync('k0001', cold)).toBe('value of k0001');
		expect(database.getManySync(['k0001'], cold)).toEqual(['value of k0001']);
		expect(database.iterator(cold).allSync()).toHaveLength(2000);
		expect(database.stats().reads.cacheBytes).toBe(0);
		database.getSync('k0001');
		expect(database.stats().reads.cacheBytes).toBeGreaterThan(0);
		expect(() => database.getSync('k0001', { fillCache: 'no' as never })).toThrow(ConfigError);
	});
});
