/** What filters do for a whole store, told by its counters: of every policy and size, by level, changed between opens, and adapting. */
import { describe, expect, it } from 'vitest';
import { ConfigError, type Database, type OpenOptions } from '../../ts/index';
import { kernelNames, openDatabase, Random, temporaryDirectory, testSeed, tinyTree } from '../support/stores';

const COUNT = 2000;
const VALUE = 'v'.repeat(40);
const seed = testSeed();
const present = (i: number) => `key-${String(2 * i).padStart(6, '0')}`;
const missing = (i: number) => `key-${String(2 * i + 1).padStart(6, '0')}`;

/** Only flushes and `compact()` write tables. */
const quiet = {
	tableSize: 2 ** 20,
	memtableSize: 2 ** 20,
	levelBaseSize: 2 ** 20,
	level0CompactionTrigger: 100,
	level0SlowdownTrigger: 100,
	level0StopTrigger: 100,
} satisfies OpenOptions;

describe.each(kernelNames)('filters of a store (%s)', (kernel) => {
	const open = (options: OpenOptions = {}, path = temporaryDirectory()) =>
		openDatabase(path, { kernel, ...tinyTree, cacheSize: 0, ...options });

	/** Puts all entries in an order that spreads every memtable over the whole range, into a tree of several levels. */
	async function load(database: Database, from = 0, to = COUNT): Promise<void> {
		for (let i = from; i < to; i++) database.putSync(present((i * 7919) % COUNT), VALUE);
		await database.flush();
	}

	/** Reads keys that are not there; answers data blocks read, and tables asked, for each. */
	function readMissing(database: Database, keys = Array.from({ length: COUNT - 1 }, (_, i) => missing(i))) {
		const before = database.stats().reads;
		for (const key of keys) expect(database.getSync(key)).toBeUndefined();
		const after = database.stats().reads;
		return {
			blocks: (after.blockReads - before.blockReads) / keys.length,
			probes: (after.filterProbes - before.filterProbes) / keys.length,
		};
	}

	function readPresent(database: Database): void {
		for (let i = 0; i < COUNT; i++) expect(database.getSync(present(i), { encoding: 'utf8' })).toBe(VALUE);
	}

	it('answer at least 98 % of lookups of missing keys without a data block, by default', async () => {
		const database = await open();
		await load(database);
		await database.compact();
		expect(readMissing(database).blocks).toBeLessThanOrEqual(0.02);
		readPresent(database);
		const { filters, reads } = database.stats();
		expect(filters).toHaveLength(7);
		const deepest = filters.findLast((level) => level.keys > 0);
		expect(deepest).toMatchObject({ keys: COUNT, unknown: 0 });
		expect(deepest?.bitsPerKey).toBeGreaterThanOrEqual(10);
		expect(deepest?.falsePositiveRate).toBeLessThanOrEqual(0.02);
		expect(filters.reduce((sum, level) => sum + level.probes, 0)).toBe(reads.filterProbes);
	});

	it('make the difference: without them every missing key costs a block', async () => {
		const database = await open({ filterFalsePositiveRate: false });
		await load(database);
		await database.compact();
		expect(readMissing(database).blocks).toBeGreaterThan(0.99);
		expect(database.stats().filters.every(({ tables, probes, bitsPerKey }) => tables + probes + bitsPerKey === 0)).toBe(true);
		readPresent(database);
	});

	it('let fewer keys pass with more bits, of either policy', async () => {
		for (const filterPolicy of ['blocked-bloom', 'bloom'] as const) {
			const blocks: number[] = [];
			for (const filterBitsPerKey of [2, 6, 14]) {
				const database = await open({ filterPolicy, filterBitsPerKey, tableSize: 2 ** 20, levelBaseSize: 2 ** 20 });
				await load(database);
				await database.compact();
				blocks.push(readMissing(database).blocks);
				const deepest = database.stats().filters.findLast((level) => level.keys > 0);
				expect(Math.abs((deepest?.bitsPerKey ?? 0) - filterBitsPerKey)).toBeLessThan(0.5);
			}
			expect(blocks[0]).toBeGreaterThan(2 * blocks[1]);
			expect(blocks[1]).toBeGreaterThan(4 * blocks[2]);
		}
	});

	it('are not written to the deepest level on request, only to those above', async () => {
		const database = await open({ ...quiet, filterBottomLevel: false });
		await load(database);
		await database.compact();
		await load(database, 0, 100);
		const { levels, filters } = database.stats();
		const deepest = levels.findLastIndex(({ tables }) => tables > 0);
		expect(deepest).toBeGreaterThan(0);
		expect(filters[deepest]).toMatchObject({ tables: 0, bytes: 0, keys: COUNT });
		expect(filters[0]).toMatchObject({ tables: levels[0].tables, keys: 100 });
		expect(filters[0].bitsPerKey).toBeGreaterThan(9);
		expect(readMissing(database).blocks).toBeGreaterThan(0.9);
		readPresent(database);
	});

	it('give upper levels more bits than the deepest on request', async () => {
		const database = await open({ filterAllocation: 'levels', filterBitsPerKey: 8, level0CompactionTrigger: 2 });
		await load(database);
		await database.compact();
		await load(database, 0, 150);
		const { filters } = database.stats();
		const used = filters.filter((level) => level.keys > 0);
		expect(used.length).toBeGreaterThan(1);
		expect(used[0].bitsPerKey).toBeGreaterThan(used[used.length - 1].bitsPerKey + 2);
		expect(used[used.length - 1].bitsPerKey).toBeGreaterThan(4);
		readPresent(database);
	});

	it('move to the level that lookups of missing keys ask', async () => {
		const database = await open({ ...quiet, filterBitsPerKey: 6, filterAdaptive: true });
		const putHot = async () => {
			for (let i = 0; i < 200; i++) database.putSync(`hot-${present(i)}`, VALUE);
			await database.flush();
		};
		const missingHot = Array.from({ length: 3980 }, (_, i) => `hot-${missing(i % 199)}-${i}`);
		const usefulness = () => {
			const { negatives, falsePositives } = database.stats().filters[0];
			return { absent: negatives + falsePositives, falsePositives };
		};
		await load(database);
		await database.compact();
		await putHot();
		const before = database.stats().filters;
		readMissing(database, missingHot);
		const first = usefulness();
		await putHot();
		const after = database.stats().filters;
		// Two tables in level 0 now, of which the second alone has had the measurement.
		expect(2 * after[0].bitsPerKey - before[0].bitsPerKey).toBeGreaterThan(before[0].bitsPerKey + 4);
		readMissing(database, missingHot);
		const both = usefulness();
		const [rate, later] = [
			first.falsePositives / first.absent,
			(both.falsePositives - first.falsePositives) / (both.absent - first.absent),
		];
		expect(later).toBeLessThan(rate * 0.75);
		const bytes = (filters: typeof after) => filters.reduce((sum, level) => sum + level.bytes, 0);
		await database.compact();
		const settled = database.stats().filters;
		expect(bytes(settled) * 8).toBeLessThanOrEqual((COUNT + 200) * 6 * 1.1 + 1024);
		readPresent(database);
	});

	it('change between opens, and tables of all kinds stand side by side', async () => {
		const path = temporaryDirectory();
		const kinds: OpenOptions[] = [
			{ filterFalsePositiveRate: false },
			{ filterFalsePositiveRate: 0.01 },
			{ filterPolicy: 'bloom', filterBitsPerKey: 12 },
			{ filterPolicy: 'blocked-bloom', filterAllocation: 'levels', filterAdaptive: true },
			{ filterBottomLevel: false },
		];
		for (const [i, kind] of kinds.entries()) {
			const database = await open({ ...quiet, ...kind }, path);
			await load(database, (i * COUNT) / kinds.length, ((i + 1) * COUNT) / kinds.length);
			await database.close();
		}
		const database = await open(quiet, path);
		const [level0] = database.stats().filters;
		expect(level0).toMatchObject({ tables: kinds.length - 1, unknown: 0, keys: COUNT });
		readPresent(database);
		const { blocks, probes } = readMissing(database);
		expect(blocks).toBeGreaterThan(0.98);
		expect(blocks).toBeLessThan(1.2);
		expect(probes).toBeGreaterThan(3.9);
		await database.close();
		const uniform = await open(
			{ filterBottomLevel: true, filterAllocation: 'uniform', filterAdaptive: false, filterBitsPerKey: 12 },
			path,
		);
		await uniform.compact();
		expect(readMissing(uniform).blocks).toBeLessThanOrEqual(0.02);
		readPresent(uniform);
	});

	it('are refused when they are impossible, before any file is made', async () => {
		for (const options of [{ filterBitsPerKey: -1 }, { filterBitsPerKey: 1000 }, { filterPolicy: 'xor' }]) {
			await expect(open(options as OpenOptions)).rejects.toThrow(ConfigError);
		}
	});

	it(`never hide a key, whatever the options (seed ${seed})`, async () => {
		const random = new Random(seed);
		for (let run = 0; run < 4; run++) {
			const options: OpenOptions = {
				filterPolicy: random.pick(['blocked-bloom', 'bloom']),
				filterBitsPerKey: random.pick([1, 3, 10, 40]),
				filterAllocation: random.pick(['uniform', 'levels']),
				filterBottomLevel: random.pick([true, false]),
				filterAdaptive: random.pick([true, false]),
			};
			const database = await open(options);
			const model = new Map<string, string | undefined>();
			for (let i = 0; i < 1500; i++) {
				const key = `k${random.below(600)}`;
				const value = random.below(4) === 0 ? undefined : `${i}`;
				model.set(key, value);
				if (value === undefined) database.deleteSync(key);
				else database.putSync(key, value);
				if (i % 3 === 0) database.getSync(`absent-${random.below(1000)}`);
				if (i % 500 === 499) await (random.below(2) === 0 ? database.flush() : database.compact());
			}
			for (const [key, value] of model) expect(database.getSync(key, { encoding: 'utf8' }), JSON.stringify(options)).toBe(value);
			await database.close();
		}
	});
});
