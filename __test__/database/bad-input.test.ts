/** Bad input and damaged directories: a typed error that says what to do, and nothing lost. */
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	truncateSync,
	unlinkSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
	ClosedError,
	ConcurrencyError,
	ConfigError,
	CorruptionError,
	Database,
	IOError,
	LockedError,
	NotFoundError,
	ResourceError,
} from '../../ts/index';
import { kernelNames, openDatabase, temporaryDirectory, tinyTree } from '../support/stores';

describe.each(kernelNames)('bad input (%s)', (kernel) => {
	const open = () => openDatabase(temporaryDirectory(), { kernel, sync: 'never' });

	it('refuses keys and values that are neither strings nor bytes, before anything is written', async () => {
		const database = await open();
		for (const bad of [undefined, null, 1, {}, [], new ArrayBuffer(1), Symbol('x')] as never[]) {
			await expect(database.put(bad, 'v')).rejects.toThrow(ConfigError);
			await expect(database.put('k', bad)).rejects.toThrow(ConfigError);
			await expect(database.get(bad)).rejects.toThrow(ConfigError);
			await expect(database.getMany([bad])).rejects.toThrow(ConfigError);
			expect(() => database.deleteSync(bad)).toThrow(ConfigError);
			expect(() => database.hasSync(bad)).toThrow(ConfigError);
			if (bad !== undefined) expect(() => database.iterator({ gt: bad })).toThrow(ConfigError);
		}
		expect(database.stats().sequence).toBe(0);
	});

	it('refuses keys over 1 MiB and takes those of 1 MiB', async () => {
		const database = await open();
		const longest = Buffer.alloc(1024 * 1024, 'k');
		await database.put(longest, 'v');
		expect(await database.get(longest, { encoding: 'utf8' })).toBe('v');
		const longer = Buffer.concat([longest, longest.subarray(0, 1)]);
		await expect(database.put(longer, 'v')).rejects.toThrow(ResourceError);
		await expect(database.put(longer.toString(), 'v')).rejects.toThrow(ResourceError);
		await expect(database.get(longer)).rejects.toThrow(ResourceError);
		expect(() => database.getSync(longer.toString())).toThrow(ResourceError);
		await expect(database.getMany([longer])).rejects.toThrow(ResourceError);
		expect(database.stats().sequence).toBe(1);
	});

	it('refuses values over 1 GiB', async () => {
		const database = await open();
		const huge = new Uint8Array(1024 ** 3 + 1);
		await expect(database.put('k', huge)).rejects.toThrow(ResourceError);
		expect(() => database.putSync('k', huge)).toThrow(ResourceError);
	});

	it('takes large values through memtable, table and back', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel, ...tinyTree });
		const values = [7000, 8192, 8193, 65_536, 3_000_000].map((size) => Buffer.alloc(size, String(size)));
		for (const [i, value] of values.entries()) await database.put(`k${i}`, value);
		const check = async () => {
			for (const [i, value] of values.entries()) {
				expect(database.getSync(`k${i}`)?.equals(value)).toBe(true);
				expect((await database.get(`k${i}`))?.equals(value)).toBe(true);
			}
			const all = await database.iterator({ keys: false }).all();
			expect(all.map(([, value]) => value.length)).toEqual(values.map((value) => value.length));
		};
		await check();
		await database.compact();
		await check();
	});

	it('writes nothing of a batch with a bad operation', async () => {
		const database = await open();
		const bad = [
			{ type: 'put', key: 'a', value: '1' },
			{ type: 'merge', key: 'b' },
		] as never;
		await expect(database.batch(bad)).rejects.toThrow(/Operation 1/);
		expect(() => database.batchSync(bad)).toThrow(ConfigError);
		await expect(database.batch('x' as never)).rejects.toThrow(ConfigError);
		await database.batch([]);
		expect(database.stats().sequence).toBe(0);
	});

	it('refuses unknown options and impossible ones', async () => {
		const path = temporaryDirectory();
		const cases: [object, RegExp][] = [
			[{ cachesize: 1 }, /Did you mean 'cacheSize'/],
			[{ nonsense: 1 }, /Known options/],
			[{ sync: 'sometimes' }, /'always', 'interval', 'never'|"always", "interval", "never"/],
			[{ levelMultiplier: 1 }, /from 2 to/],
			[{ memtableSize: 1.5 }, /integer/],
			[{ filterFalsePositiveRate: 2 }, /false or a number/],
			[{ level0CompactionTrigger: 30 }, /must not be greater/],
			[{ kernel: 'wasm' }, /"auto", "native", "js"/],
		];
		for (const [options, message] of cases) {
			await expect(Database.open(path, options as never)).rejects.toThrow(ConfigError);
			await expect(Database.open(path, options as never)).rejects.toThrow(message);
		}
		await expect(Database.open('', { kernel })).rejects.toThrow(ConfigError);
		const database = await openDatabase(path, { kernel });
		await expect(database.put('a', 'b', { synch: true } as never)).rejects.toThrow(/Unknown option 'synch'/);
		await expect(database.get('a', { encoding: 'hex' as never })).rejects.toThrow(ConfigError);
		expect(() => database.iterator({ limit: -1 })).toThrow(ConfigError);
		expect(() => database.iterator({ gt: 'a', gte: 'b' })).toThrow(/contradict/);
		await expect(database.compact({ reverse: true } as never)).rejects.toThrow(ConfigError);
		expect(await database.iterator({ gt: 'z', lt: 'a' }).all()).toEqual([]);
	});

	it('refuses iterators used twice at once, or after close', async () => {
		const database = await open();
		await database.put('a', 'b');
		const iterator = database.iterator();
		const first = iterator.next();
		expect(() => iterator.seek('x')).toThrow(ConcurrencyError);
		await expect(iterator.next()).rejects.toThrow(ConcurrencyError);
		await first;
		await expect(iterator.nextMany(0)).rejects.toThrow(ConfigError);
		await database.close();
		await expect(iterator.next()).rejects.toThrow(ClosedError);
		expect(() => iterator.nextSync()).toThrow(ClosedError);
		iterator.close();
	});

	it('waits for reads and writes in flight when it closes', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel, ...tinyTree, cacheSize: 0 });
		for (let i = 0; i < 1000; i++) database.putSync(`k${i}`, `v${i}`);
		await database.flush();
		// Past the cache: else what the operating system has in memory would be read at once.
		const reads = Array.from({ length: 50 }, (_, i) => database.get(`k${i}`, { encoding: 'utf8', fillCache: false }));
		const scan = database.iterator({ fillCache: false }).nextMany(1000);
		const writes = Array.from({ length: 50 }, (_, i) => database.put(`w${i}`, 'x'));
		const compaction = database.compact();
		// The compaction may be refused before the reads are through.
		const settled = Promise.allSettled([scan, compaction]);
		const closed = database.close();
		expect(await Promise.all(reads)).toEqual(reads.map((_, i) => `v${i}`));
		await Promise.all(writes);
		await settled;
		await closed;
	});

	it('says what to do about directories that are no stores', async () => {
		const directory = temporaryDirectory();
		const file = join(directory, 'file');
		writeFileSync(file, '');
		await expect(Database.open(file, { kernel })).rejects.toThrow(IOError);
		await expect(Database.open(file, { kernel })).rejects.toThrow(/A file is where the directory should be/);
		const missing = join(directory, 'missing');
		await expect(Database.open(missing, { kernel, createIfMissing: false })).rejects.toThrow(NotFoundError);
		expect(existsSync(missing)).toBe(false);
		const database = await openDatabase(join(directory, 'a', 'b'), { kernel });
		await expect(Database.open(database.path, { kernel })).rejects.toThrow(LockedError);
		await database.close();
		await expect(Database.open(database.path, { kernel, errorIfExists: true })).rejects.toThrow(/errorIfExists/);
	});

	it.runIf(process.platform !== 'win32' && process.getuid?.() !== 0)('refuses a directory that cannot be written', async () => {
		const directory = temporaryDirectory();
		chmodSync(directory, 0o500);
		await expect(Database.open(directory, { kernel })).rejects.toThrow(IOError);
		chmodSync(directory, 0o700);
	});

	describe('damaged files', () => {
		const filled = async () => {
			const path = temporaryDirectory();
			const database = await Database.open(path, { kernel, ...tinyTree });
			for (let i = 0; i < 500; i++) await database.put(`k${i}`, `value ${i}`);
			await database.flush();
			await database.put('in the log', 'v');
			await database.close();
			return path;
		};
		const tables = (path: string) => readdirSync(join(path, 'sst')).map((name) => join(path, 'sst', name));
		const refusal = (path: string) =>
			Database.open(path, { kernel }).then(
				(database) => database.close().then(() => undefined),
				(error) => error as CorruptionError,
			);

		it('a listed table is missing, empty, cut, or another one', async () => {
			const path = await filled();
			const [first, second] = tables(path);
			const original = readFileSync(first);
			const expectNamed = async () => {
				const error = await refusal(path);
				expect(error).toBeInstanceOf(CorruptionError);
				expect(error?.path).toBe(first);
			};
			renameSync(first, `${first}.away`);
			await expectNamed();
			renameSync(`${first}.away`, first);
			truncateSync(first, original.length - 1);
			await expectNamed();
			truncateSync(first, 0);
			await expectNamed();
			writeFileSync(first, original);
			expect(await refusal(path)).toBeUndefined();
			if (second !== undefined && readFileSync(second).length !== original.length) {
				writeFileSync(first, readFileSync(second));
				await expectNamed();
			}
		});

		it('a stray table is not read, and a damaged block fails its reads with file and offset', async () => {
			const path = await filled();
			const [first] = tables(path);
			const stray = join(path, 'sst', '0_999999_00000000000000000001.sst');
			writeFileSync(stray, readFileSync(first));
			const bytes = readFileSync(first);
			bytes[20] ^= 1;
			writeFileSync(first, bytes);
			const database = await openDatabase(path, { kernel });
			expect(existsSync(stray)).toBe(false);
			let failed = 0;
			for (let i = 0; i < 500; i++) {
				const value = await database.get(`k${i}`, { encoding: 'utf8' }).catch((error: CorruptionError) => error);
				if (typeof value === 'string') {
					expect(value).toBe(`value ${i}`);
					continue;
				}
				expect(value).toBeInstanceOf(CorruptionError);
				expect(value).toMatchObject({ code: 'VARVE_CORRUPTION', path: first, offset: 0 });
				expect(() => database.getSync(`k${i}`)).toThrow(CorruptionError);
				failed++;
			}
			expect(failed).toBeGreaterThan(0);
			await expect(database.iterator().all()).rejects.toThrow(CorruptionError);
		});

		it('CURRENT is missing, empty or dangling', async () => {
			const path = await filled();
			const current = join(path, 'CURRENT');
			const name = readFileSync(current);
			for (const content of ['', 'MANIFEST-999999\n', name.toString().trimEnd(), 'nonsense\n']) {
				writeFileSync(current, content);
				expect(await refusal(path)).toMatchObject({ code: 'VARVE_CORRUPTION', path: current });
			}
			unlinkSync(current);
			expect(await refusal(path)).toMatchObject({ code: 'VARVE_CORRUPTION', path: current });
			writeFileSync(current, name);
			expect(await refusal(path)).toBeUndefined();
		});

		it('the log is damaged in its middle: refused, and opened with salvage', async () => {
			const path = temporaryDirectory();
			const database = await Database.open(path, { kernel, sync: 'never' });
			for (let i = 0; i < 100; i++) database.putSync(`k${i}`, `value ${i}`);
			await database.close();
			const [log] = readdirSync(join(path, 'wal')).map((name) => join(path, 'wal', name));
			const bytes = readFileSync(log);
			bytes[bytes.length >> 1] ^= 4;
			writeFileSync(log, bytes);
			const error = await refusal(path);
			expect(error).toMatchObject({ code: 'VARVE_CORRUPTION', path: log });
			expect(error?.message).toMatch(/salvage: true/);
			const salvaged = await openDatabase(path, { kernel, salvage: true, encoding: 'utf8' });
			const entries = await salvaged.iterator().all();
			expect(entries.length).toBeGreaterThan(10);
			expect(entries.length).toBeLessThan(100);
			for (let i = 0; i < entries.length; i++) expect(salvaged.getSync(`k${i}`)).toBe(`value ${i}`);
			await salvaged.put('after', 'v');
			await salvaged.close();
			const again = await openDatabase(path, { kernel, encoding: 'utf8' });
			expect(again.getSync('after')).toBe('v');
		});
	});

	it('keeps unlisted files that are not its own', async () => {
		const path = temporaryDirectory();
		await (await Database.open(path, { kernel })).close();
		mkdirSync(join(path, 'notes'));
		writeFileSync(join(path, 'sst', 'readme.txt'), 'mine');
		await (await Database.open(path, { kernel })).close();
		expect(existsSync(join(path, 'sst', 'readme.txt'))).toBe(true);
	});
});
