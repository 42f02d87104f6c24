/** The options `compression` and `zstdLevel` in whole stores, whose jobs run on other threads. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openStore } from '../../ts/database/open';
import { systemEnvironment } from '../../ts/environment';
import { type Compression, ConfigError, Database, type OpenOptions } from '../../ts/index';
import { createJsKernel } from '../../ts/kernel/js/index';
import { COMPRESSION_LZ4, COMPRESSION_ZSTD } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { makeLevel } from '../level/support';
import { kernelNames, openDatabase, Random, temporaryDirectory, testSeed, tinyTree } from '../support/stores';

const FLAGS_FROM_END = 20;
const FLAG_COMPRESSED = 1;

const names: readonly Compression[] = ['none', 'lz4', 'snappy', 'zstd'];
const writes = (kernel: 'native' | 'js', name: Compression): boolean =>
	name !== 'zstd' || kernels.some((each) => each.name === kernel && each.canCompress(COMPRESSION_ZSTD));
const cases = kernelNames.flatMap((kernel) =>
	names.filter((name) => writes(kernel, name)).map((compression) => ({ kernel, compression })),
);

/** Compactions when they are asked for only. */
const onDemand = { level0CompactionTrigger: 100, level0SlowdownTrigger: 100, level0StopTrigger: 100, levelBaseSize: 2 ** 30 };

const record = (i: number): string => JSON.stringify({ id: i, name: `user ${i % 50}`, tags: ['a', 'b', 'c'], active: true });

async function fill(database: Database<'utf8'>, count = 200): Promise<void> {
	for (let i = 0; i < count; i++) database.putSync(`k${i}`, record(i));
	await database.flush();
}

const text = (options: OpenOptions): OpenOptions<'utf8'> => ({ ...tinyTree, ...options, encoding: 'utf8' });

/** For each table: is there a compressed block in it? */
function compressedTables(directory: string): boolean[] {
	const folder = join(directory, 'sst');
	const tables = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
	return tables.map((table) => (table.readUInt32LE(table.length - FLAGS_FROM_END) & FLAG_COMPRESSED) !== 0);
}

describe.each(cases)('a store of the $kernel kernel with compression $compression', ({ kernel, compression }) => {
	it('holds what was put, and tells how much smaller it is', async () => {
		const directory = temporaryDirectory();
		const database = await openDatabase(directory, text({ kernel, compression, ...onDemand }));
		await fill(database);
		await database.compact();
		for (let i = 0; i < 200; i++) expect(database.getSync(`k${i}`)).toBe(record(i));
		expect((await database.iterator().all()).length).toBe(200);
		const { levels, dataBlocks } = database.stats();
		expect(levels.map((level) => level.compression)).toEqual(Array(7).fill(compression));
		const settled = levels.find((level) => level.tables > 0);
		expect(settled?.rawBytes).toBe(Array.from({ length: 200 }, (_, i) => `k${i}${record(i)}`.length + 8).reduce((a, b) => a + b));
		expect(compressedTables(directory)).not.toContain(compression === 'none');
		if (compression === 'none') expect(dataBlocks.storedBytes).toBe(dataBlocks.rawBytes);
		else expect(dataBlocks.storedBytes).toBeLessThan(0.7 * dataBlocks.rawBytes);
	});
});

describe.each(kernelNames)('compression on the %s kernel', (kernel) => {
	it('is chosen by level, the last of the list for those below', async () => {
		const database = await openDatabase(
			temporaryDirectory(),
			text({ kernel, compression: ['none', 'snappy', 'lz4'], ...onDemand }),
		);
		await fill(database);
		const { levels, dataBlocks: flushed } = database.stats();
		expect(levels.map((level) => level.compression)).toEqual(['none', 'snappy', ...Array(5).fill('lz4')]);
		expect(flushed.storedBytes).toBe(flushed.rawBytes);
		await database.compact();
		const { dataBlocks } = database.stats();
		const compacted = dataBlocks.storedBytes - flushed.storedBytes;
		expect(compacted).toBeGreaterThan(0);
		expect(compacted).toBeLessThan(0.7 * (dataBlocks.rawBytes - flushed.rawBytes));
	});

	it('is recorded, and LZ4 when nobody says anything', async () => {
		const directory = temporaryDirectory();
		const first = await openDatabase(directory, { kernel });
		expect(first.stats().config.options.compression).toBe('lz4');
		await first.close();
		const second = await openDatabase(directory, { kernel, compression: ['none', 'snappy'], zstdLevel: 7 });
		expect(second.stats().config.version).toBe(2);
		await second.close();
		const third = await openDatabase(directory, { kernel });
		expect(third.stats().config).toMatchObject({ version: 2, options: { compression: ['none', 'snappy'], zstdLevel: 7 } });
	});

	it.each([
		{ compression: 'gzip' },
		{ compression: 'LZ4' },
		{ compression: '' },
		{ compression: true },
		{ compression: [] },
		{ compression: ['lz4', 'toString'] },
		{ compression: Array(8).fill('lz4') },
		{ zstdLevel: 0 },
		{ zstdLevel: 23 },
		{ zstdLevel: 1.5 },
	])('refuses %j', async (options) => {
		const opening = Database.open(temporaryDirectory(), { kernel, ...(options as OpenOptions) });
		await expect(opening).rejects.toThrow(ConfigError);
		await expect(opening).rejects.toThrow(new RegExp(Object.keys(options)[0]));
	});

	it('of VarveLevel is on, off, or as the store has it', async () => {
		const location = temporaryDirectory();
		for (const [compression, name] of [
			[undefined, 'lz4'],
			[false, 'none'],
			[undefined, 'none'],
			[true, 'lz4'],
		] as const) {
			const level = makeLevel({ kernel, compression }, location);
			await level.open();
			await level.put('a', 'b');
			await level.close();
			const database = await openDatabase(location, { kernel });
			expect(database.stats().config.options.compression).toBe(name);
			await database.close();
		}
	});
});

describe('tables of many codecs', () => {
	const seed = testSeed();

	it(`are read and merged by every kernel, as compression changes at every open, seed ${seed}`, async () => {
		const random = new Random(seed);
		const directory = temporaryDirectory();
		const model = new Map<string, string>();
		for (let turn = 0; turn < 12; turn++) {
			const kernel = random.pick(kernelNames);
			const compression = Array.from({ length: 1 + random.below(4) }, () =>
				random.pick(names.filter((name) => writes(kernel, name))),
			);
			const database = await openDatabase(directory, text({ kernel, compression, zstdLevel: 1 + random.below(5) }));
			expect(new Map(await database.iterator().all())).toEqual(model);
			for (let i = 0; i < 150; i++) {
				const key = `k${random.below(600)}`;
				const value = random.below(3) === 0 ? random.bytes(random.below(60)).toString('hex') : record(random.below(1000));
				if (random.below(5) === 0) {
					database.deleteSync(key);
					model.delete(key);
				} else {
					database.putSync(key, value);
					model.set(key, value);
				}
			}
			await database.flush();
			if (random.below(3) === 0) await database.compact();
			await database.close();
		}
	});
});

describe('a kernel that cannot write zstd', () => {
	const limited = { ...createJsKernel({ jobs: 'inline' }), canCompress: (id: number) => id !== COMPRESSION_ZSTD };

	it('says so once, writes LZ4 instead, and reads zstd', async () => {
		const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
		try {
			const directory = temporaryDirectory();
			const writer = kernelNames.find((kernel) => writes(kernel, 'zstd'));
			if (writer !== undefined) {
				const database = await openDatabase(directory, text({ kernel: writer, compression: 'zstd' }));
				await fill(database);
				await database.close();
			}
			for (let turn = 0; turn < 2; turn++) {
				const options: OpenOptions = { ...tinyTree, ...onDemand, compression: ['none', 'zstd'] };
				const store = await openStore(directory, options, systemEnvironment, limited);
				store.commits.addSync((encoder) => encoder.put(`turn${turn}`, Buffer.alloc(3000, turn)), 'never');
				await store.compact({ lower: undefined, upper: undefined });
				expect(store.tableOptions(6).compression).toBe(COMPRESSION_LZ4);
				expect(store.configuration.options.compression).toEqual(['none', 'zstd']);
				await store.close();
			}
			expect(warned.mock.calls.filter(([, options]) => codeOf(options) === 'VARVE_COMPRESSION_FALLBACK').length).toBe(1);
			expect(compressedTables(directory)).not.toContain(false);
			const database = await openDatabase(directory, text({ kernel: kernelNames[0] }));
			expect(database.getSync('turn1')).toBe('\x01'.repeat(3000));
			if (writer !== undefined) expect(database.getSync('k7')).toBe(record(7));
		} finally {
			warned.mockRestore();
		}
	});
});

function codeOf(options: unknown): unknown {
	return (options as { code?: string } | undefined)?.code;
}
