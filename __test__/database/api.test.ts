/** The public API: what each method returns, and what it does. */
import { describe, expect, it } from 'vitest';
import { AbortError, ClosedError, Database } from '../../ts/index';
import { kernelNames, openDatabase, temporaryDirectory, tinyTree } from '../support/stores';

describe.each(kernelNames)('database (%s)', (kernel) => {
	const open = (options = {}) => openDatabase(temporaryDirectory(), { kernel, sync: 'never', ...options });

	it('says which kernel runs it, where it is and whether it is open', async () => {
		const database = await open();
		expect(database.kernel).toBe(kernel);
		expect(database.path).toMatch(/^(\/|[A-Z]:)/);
		expect(database.status).toBe('open');
		const closing = database.close();
		expect(database.status).toBe('closing');
		await closing;
		expect(database.status).toBe('closed');
		await database.close();
		expect(() => database.getSync('a')).toThrow(ClosedError);
		await expect(database.put('a', 'b')).rejects.toThrow(ClosedError);
	});

	it('stores strings and bytes, promise and sync, also empty ones', async () => {
		const database = await open();
		await database.put('a', 'ä');
		database.putSync(Uint8Array.of(0, 255), Uint8Array.of(1, 2, 3));
		await database.put('', 'empty key');
		await database.put('empty value', '');
		expect(await database.get('a')).toEqual(Buffer.from('ä'));
		expect(database.getSync(Buffer.from([0, 255]))).toEqual(Buffer.from([1, 2, 3]));
		expect(await database.get('', { encoding: 'utf8' })).toBe('empty key');
		expect(database.getSync('empty value', { encoding: 'utf8' })).toBe('');
		expect(await database.has('empty value')).toBe(true);
		expect(await database.get('missing')).toBeUndefined();
		expect(database.hasSync('missing')).toBe(false);
		await database.delete('a');
		database.deleteSync('');
		expect(await database.getMany(['a', '', 'empty value', 'missing'])).toEqual([
			undefined,
			undefined,
			Buffer.alloc(0),
			undefined,
		]);
	});

	it('returns strings where the database has the encoding utf8', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel, encoding: 'utf8' });
		await database.put('schlüssel', 'wert 🪨');
		const value: string | undefined = await database.get('schlüssel');
		expect(value).toBe('wert 🪨');
		expect(database.getManySync(['schlüssel', 'x'])).toEqual(['wert 🪨', undefined]);
		expect(await database.iterator().all()).toEqual([['schlüssel', 'wert 🪨']]);
		expect(await database.get('schlüssel', { encoding: 'buffer' })).toEqual(Buffer.from('wert 🪨'));
	});

	it('writes batches whole, later operations winning', async () => {
		const database = await open({ encoding: 'utf8' });
		await database.batch([
			{ type: 'put', key: 'a', value: '1' },
			{ type: 'delete', key: 'a' },
			{ type: 'put', key: 'b', value: '2' },
			{ type: 'put', key: 'b', value: '3' },
		]);
		expect(database.getManySync(['a', 'b'])).toEqual([undefined, '3']);
		const batch = database.batch().put('c', '4').delete('b');
		expect(batch.length).toBe(2);
		batch.writeSync();
		expect(database.getManySync(['b', 'c'])).toEqual([undefined, '4']);
		expect(() => batch.put('d', '5')).toThrow(ClosedError);
		await database.batch().put('x', 'y').clear().write();
		expect(database.hasSync('x')).toBe(false);
		database.batchSync([{ type: 'put', key: 'e', value: '6' }]);
		expect(database.getSync('e')).toBe('6');
	});

	it('copies what it is given before it returns', async () => {
		const database = await open({ encoding: 'utf8' });
		const [key, value] = [Buffer.from('key'), Buffer.from('value')];
		const written = database.put(key, value);
		key.fill(0);
		value.fill(0);
		await written;
		expect(database.getSync('key')).toBe('value');
	});

	it('returns buffers that stay as they are', async () => {
		const database = await open();
		await database.put('a', 'first');
		const buffer = database.getSync('a');
		await database.put('a', 'other');
		for (let i = 0; i < 100_000; i++) database.getSync('a');
		expect(buffer?.toString()).toBe('first');
	});

	it('iterates in both directions, in loops, steps and pieces', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel, ...tinyTree, encoding: 'utf8' });
		const keys = Array.from({ length: 1000 }, (_, i) => `k${String(i).padStart(4, '0')}`);
		for (const key of keys) await database.put(key, key.toUpperCase());
		const seen: string[] = [];
		for await (const [key, value] of database.iterator({ gte: 'k0100', lt: 'k0200' })) {
			expect(value).toBe(key.toUpperCase());
			seen.push(key);
		}
		expect(seen).toEqual(keys.slice(100, 200));
		expect([...database.iterator({ prefix: 'k09', reverse: true, values: false })]).toEqual(
			keys
				.slice(900)
				.reverse()
				.map((key) => [key, undefined]),
		);
		const iterator = database.iterator({ limit: 7, keys: false });
		expect(await iterator.next()).toEqual([undefined, 'K0000']);
		expect(await iterator.nextMany(3)).toHaveLength(3);
		iterator.seek('k0500');
		expect(await iterator.nextMany(100)).toEqual([500, 501, 502].map((i) => [undefined, keys[i].toUpperCase()]));
		expect(await iterator.next()).toBeUndefined();
		iterator.close();
		await expect(iterator.next()).rejects.toThrow(ClosedError);
		expect(database.stats().handles.iterators).toBe(0);
	});

	it('keeps an iterator and a snapshot on their moment through writes, flush and compaction', async () => {
		const database = await open({ ...tinyTree, encoding: 'utf8' });
		for (let i = 0; i < 500; i++) await database.put(`k${i}`, 'before');
		const snapshot = database.snapshot();
		const iterator = database.iterator();
		for (let i = 0; i < 500; i++) await (i % 2 === 0 ? database.put(`k${i}`, 'after') : database.delete(`k${i}`));
		await database.compact();
		expect((await iterator.all()).map(([, value]) => value)).toEqual(Array(500).fill('before'));
		expect(await database.get('k1', { snapshot })).toBe('before');
		expect(await database.getMany(['k1', 'k2'], { snapshot })).toEqual(['before', 'before']);
		expect(database.getManySync(['k1', 'k2'])).toEqual([undefined, 'after']);
		const kept = database.stats().levels.reduce((sum, level) => sum + level.entries, 0);
		snapshot.close();
		await database.compact();
		const left = database.stats().levels.reduce((sum, level) => sum + level.entries, 0);
		expect([kept, left]).toEqual([1000, 250]);
		await expect(database.get('k1', { snapshot })).rejects.toThrow(ClosedError);
	});

	it('ends promises whose signal fires, and does nothing for one that has fired', async () => {
		const database = await open();
		const aborted = AbortSignal.abort(new Error('enough'));
		await expect(database.put('a', 'b', { signal: aborted })).rejects.toThrow(AbortError);
		await expect(database.get('a', { signal: aborted })).rejects.toMatchObject({ name: 'AbortError', code: 'VARVE_ABORTED' });
		await expect(database.flush({ signal: aborted })).rejects.toThrow(AbortError);
		expect(() => database.iterator({ signal: aborted })).toThrow(AbortError);
		expect(database.hasSync('a')).toBe(false);
		const controller = new AbortController();
		const iterator = database.iterator({ signal: controller.signal });
		controller.abort();
		await expect(iterator.next()).rejects.toThrow(AbortError);
	});

	it('lets the body of a loop seek, abort or close', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel, encoding: 'utf8' });
		for (let i = 0; i < 100; i++) await database.put(`k${String(i).padStart(2, '0')}`, 'v', { sync: false });
		const iterator = database.iterator({ values: false });
		const seen: string[] = [];
		for await (const [key] of iterator) {
			seen.push(key);
			if (key === 'k02') iterator.seek('k97');
		}
		expect(seen).toEqual(['k00', 'k01', 'k02', 'k97', 'k98', 'k99']);
		const controller = new AbortController();
		let count = 0;
		const abortedLoop = async () => {
			for await (const _ of database.iterator({ signal: controller.signal })) if (++count === 5) controller.abort();
		};
		await expect(abortedLoop()).rejects.toThrow(AbortError);
		expect(count).toBe(5);
		const closedLoop = async () => {
			const closing = database.iterator();
			for await (const _ of closing) closing.close();
		};
		await expect(closedLoop()).rejects.toThrow(ClosedError);
		expect(database.stats().handles.iterators).toBe(0);
	});

	it('tells of flushes, compactions and log rotations in order', async () => {
		const database = await open(tinyTree);
		const seen: string[] = [];
		database.on('flush', ({ state, job }) => seen.push(`flush ${job} ${state}`));
		database.on('compaction', ({ state, job }) => state !== 'progress' && seen.push(`compaction ${job} ${state}`));
		database.on('walRotation', () => seen.push('rotation'));
		await database.put('a', 'b');
		await database.compact();
		await Promise.resolve();
		expect(seen).toEqual(['rotation', 'flush 1 begin', 'flush 1 end', 'compaction 2 begin', 'compaction 2 end']);
	});

	it('counts what it does', async () => {
		const database = await open(tinyTree);
		for (let i = 0; i < 100; i++) await database.put(`k${i}`, 'v');
		for (let i = 0; i < 10; i++) await database.delete(`k${i}`);
		for (let i = 0; i < 5; i++) database.getSync(`k${i}`);
		await database.flush();
		const stats = database.stats();
		expect(stats.operations).toEqual({ puts: 100, deletes: 10, gets: 5, batches: 0 });
		expect(stats.sequence).toBe(110);
		expect(stats.levels.map((level) => level.entries)).toEqual([100, 0, 0, 0, 0, 0, 0]);
		expect(stats.levels[0].tombstones).toBe(10);
		expect(stats.bytes.flushed).toBe(stats.tableBytes);
		expect(stats.wal.files).toBeLessThanOrEqual(2);
	});

	it('merges concurrent flushes', async () => {
		const database = await open();
		await database.put('a', 'b');
		await Promise.all([database.flush(), database.flush(), database.flush()]);
		expect(database.stats().flushes).toBe(1);
	});

	it('closes itself at the end of a using block', async () => {
		const path = temporaryDirectory();
		const database = await Database.open(path, { kernel });
		await database.put('a', 'b');
		await database[Symbol.asyncDispose]();
		const again = await openDatabase(path, { kernel, encoding: 'utf8' });
		expect(again.getSync('a')).toBe('b');
	});
});
