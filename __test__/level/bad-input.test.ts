/** VarveLevel and what goes wrong: the codes that abstract-level documents, the Varve error as cause, and nothing lost. */
import { existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { CorruptionError, IOError, LockedError, ResourceError } from '../../ts/index';
import { VarveLevel } from '../../ts/level/index';
import { kernelNames, temporaryDirectory } from '../support/stores';
import { fill, makeLevel, numbered, rejection } from './support';

describe.each(kernelNames)('VarveLevel and bad input (%s)', (kernel) => {
	it('refuses a location that is none', () => {
		for (const location of [undefined, null, '', 1, {}]) {
			expect(() => new VarveLevel(location as string)).toThrow(TypeError);
		}
	});

	it('says who holds a locked store, which is unharmed', async () => {
		const location = temporaryDirectory();
		const level = makeLevel({ kernel }, location);
		await level.put('a', '1');
		const second = makeLevel({ kernel }, location);
		const error = await rejection(second.open());
		expect(error).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN', cause: { code: 'LEVEL_LOCKED' } });
		expect(error.cause?.cause).toBeInstanceOf(LockedError);
		expect((await rejection(second.get('a'))).code).toBe('LEVEL_DATABASE_NOT_OPEN');
		expect((await rejection(VarveLevel.destroy(location))).code).toBe('LEVEL_LOCKED');
		expect((await rejection(VarveLevel.repair(location))).code).toBe('LEVEL_LOCKED');
		expect(await level.get('a')).toBe('1');
		await level.close();
		await second.open();
		expect(await second.get('a')).toBe('1');
	});

	it('refuses a location that is a file', async () => {
		const location = join(temporaryDirectory(), 'file');
		writeFileSync(location, 'not a directory');
		const error = await rejection(makeLevel({ kernel }, location).open());
		expect(error).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN', cause: { code: 'LEVEL_IO_ERROR' } });
		expect(error.cause?.cause).toBeInstanceOf(IOError);
	});

	it('refuses the directory of classic-level, and leaves it as it is', async () => {
		const location = temporaryDirectory();
		const classic = new ClassicLevel(location);
		await classic.put('a', '1');
		await classic.close();
		const files = readdirSync(location).sort();
		const error = await rejection(makeLevel({ kernel }, location).open());
		expect(error.code).toBe('LEVEL_DATABASE_NOT_OPEN');
		expect(error.cause?.message).toMatch(/LevelDB/);
		expect(readdirSync(location).sort()).toEqual(files);
		await classic.open();
		expect(await classic.get('a')).toBe('1');
		await classic.close();
	});

	it('makes nothing when the store is missing and must not be made', async () => {
		const missing = join(temporaryDirectory(), 'missing');
		expect((await rejection(makeLevel({ kernel, createIfMissing: false }, missing).open())).code).toBe('LEVEL_DATABASE_NOT_OPEN');
		expect(existsSync(missing)).toBe(false);
		const empty = temporaryDirectory();
		expect((await rejection(makeLevel({ kernel, createIfMissing: false }, empty).open())).code).toBe('LEVEL_DATABASE_NOT_OPEN');
		expect(readdirSync(empty)).toEqual([]);
	});

	it('refuses several instances on one directory', async () => {
		const error = await rejection(makeLevel({ kernel, multithreading: true }).open());
		expect(error).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN', cause: { code: 'LEVEL_NOT_SUPPORTED' } });
	});

	it('names the file and place of damage', async () => {
		const location = temporaryDirectory();
		const level = makeLevel({ kernel, cacheSize: 0 }, location);
		await fill(level, numbered(1000));
		await level.database.flush();
		await level.close();
		const table = join(location, 'sst', readdirSync(join(location, 'sst'))[0]);
		truncateSync(table, 100);
		const error = await rejection(level.open());
		expect(error).toMatchObject({ code: 'LEVEL_DATABASE_NOT_OPEN', cause: { code: 'LEVEL_CORRUPTION' } });
		expect(error.cause?.cause).toBeInstanceOf(CorruptionError);
		expect(error.cause?.cause).toMatchObject({ path: table });
	});

	it('refuses calls on a closed database, and can be opened again', async () => {
		const level = makeLevel({ kernel });
		await level.put('a', '1');
		const iterator = level.iterator();
		const snapshot = level.snapshot();
		const batch = level.batch().put('b', '2');
		await level.close();
		const closed = 'LEVEL_DATABASE_NOT_OPEN';
		const calls = [
			level.get('a'),
			level.getMany(['a']),
			level.has('a'),
			level.hasMany(['a']),
			level.put('a', '2'),
			level.del('a'),
			level.batch([{ type: 'del', key: 'a' }]),
			level.clear(),
			level.approximateSize('a', 'b'),
			level.compactRange('a', 'b'),
		];
		for (const call of calls) expect((await rejection(call)).code).toBe(closed);
		for (const call of [
			() => level.getSync('a'),
			() => level.iterator(),
			() => level.keys(),
			() => level.values(),
			() => level.snapshot(),
			() => level.batch(),
			() => level.getProperty('leveldb.stats'),
			() => level.database,
		]) {
			expect(call).toThrow(expect.objectContaining({ code: closed }));
		}
		expect((await rejection(iterator.next())).code).toBe('LEVEL_ITERATOR_NOT_OPEN');
		expect(() => batch.put('c', '3')).toThrow(expect.objectContaining({ code: 'LEVEL_BATCH_NOT_OPEN' }));
		await level.open();
		expect((await rejection(level.get('a', { snapshot }))).code).toBe('LEVEL_SNAPSHOT_NOT_OPEN');
		expect(await level.iterator().all()).toEqual([['a', '1']]);
	});

	it('closes everything that is open, reads in flight included', async () => {
		const level = makeLevel({ kernel, cacheSize: 0 });
		await fill(level, numbered(2000));
		await level.database.flush();
		// Past the cache: else what the operating system has in memory would be read at once.
		const past = { fillCache: false };
		const iterator = level.iterator(past);
		const reads = [
			level.get('key000001', past),
			level.getMany(['key000002'], past),
			iterator.all(),
			level.has('key000003', past),
		];
		await level.close();
		expect((await Promise.allSettled(reads)).map((result) => result.status)).toEqual(Array(4).fill('fulfilled'));
	});

	it('refuses a second read of an iterator that reads', async () => {
		const level = makeLevel({ kernel });
		await fill(level, numbered(10));
		const iterator = level.iterator();
		const first = iterator.next();
		expect(() => iterator.seek('a')).toThrow(expect.objectContaining({ code: 'LEVEL_ITERATOR_BUSY' }));
		for (const second of [iterator.next(), iterator.nextv(2), iterator.all()]) {
			expect((await rejection(second)).code).toBe('LEVEL_ITERATOR_BUSY');
		}
		expect(await first).toEqual(['key000000', 'value key000000']);
		await iterator.close();
	});

	it('writes nothing of a batch when an encoding throws', async () => {
		const level = makeLevel({ kernel });
		await level.open();
		const cyclic: { self?: object } = {};
		cyclic.self = cyclic;
		const batch = [
			{ type: 'put' as const, key: 'a', value: {} },
			{ type: 'put' as const, key: 'b', value: cyclic },
		];
		await expect(level.put<string, object>('a', cyclic, { valueEncoding: 'json' })).rejects.toThrow(TypeError);
		await expect(level.batch<string, object>(batch, { valueEncoding: 'json' })).rejects.toThrow(TypeError);
		const chained = level.batch().put('c', '1');
		expect(() => chained.put<string, object>('d', cyclic, { valueEncoding: 'json' })).toThrow(TypeError);
		await chained.write();
		expect(await level.keys().all()).toEqual(['c']);
		expect((await rejection(level.get('c', { valueEncoding: 'nothing' }))).code).toBe('LEVEL_ENCODING_NOT_FOUND');
	});

	it('refuses keys that are too long, and no others', async () => {
		const level = makeLevel({ kernel });
		const longest = 'k'.repeat(1024 * 1024);
		await level.put(longest, 'v');
		expect(await level.get(longest)).toBe('v');
		await expect(level.put(`${longest}k`, 'v')).rejects.toThrow(ResourceError);
		await expect(level.batch([{ type: 'put', key: `${longest}k`, value: 'v' }])).rejects.toThrow(ResourceError);
		expect(() => level.batch().put(`${longest}k`, 'v')).toThrow(ResourceError);
		await level.put('', 'the empty key');
		expect(await level.keys().all()).toEqual(['', longest]);
	});

	it('moves sizes into the limits, as LevelDB does', async () => {
		const level = makeLevel({
			kernel,
			writeBufferSize: 1,
			blockSize: 1,
			maxFileSize: Number.MAX_SAFE_INTEGER,
			blockRestartInterval: 4.5,
			cacheSize: -1,
			maxOpenFiles: 5,
			compression: false,
		});
		await level.open();
		expect(level.database.stats().config.options).toMatchObject({
			memtableSize: 4096,
			blockSize: 64,
			tableSize: 1024 ** 3,
			restartInterval: 4,
			cacheSize: 0,
		});
	});

	it('destroys a store and nothing else', async () => {
		const location = join(temporaryDirectory(), 'store');
		await VarveLevel.destroy(location);
		const level = makeLevel({ kernel }, location);
		await level.put('a', '1');
		await level.close();
		await VarveLevel.destroy(location);
		expect(existsSync(location)).toBe(false);
		mkdirSync(location);
		writeFileSync(join(location, 'mine.txt'), 'x');
		await level.open();
		expect(await level.keys().all()).toEqual([]);
		await level.close();
		await VarveLevel.destroy(location);
		expect(readdirSync(location)).toEqual(['mine.txt']);
	});
});
