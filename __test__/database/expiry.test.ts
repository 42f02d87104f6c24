/** Entries that expire, in whole stores: every way to write and to read them, and how their space comes back. */
import { afterEach, describe, expect, it } from 'vitest';
import { openStore } from '../../ts/database/open';
import { systemEnvironment } from '../../ts/environment';
import {
	AbortError,
	type BatchOperation,
	ClosedError,
	ConfigError,
	Database,
	type OpenOptions,
	type Snapshot,
} from '../../ts/index';
import { VarveLevel } from '../../ts/level/index';
import { repairStore } from '../../ts/maintenance/repair';
import type { Store } from '../../ts/store/store';
import { ManualClock } from '../support/manual-clock';
import { type Frozen, range } from '../support/model';
import { kernelNames, openDatabase, Random, temporaryDirectory, testSeed, tinyTree } from '../support/stores';

/** Compactions only when they are asked for, or when tables have expired. */
const onDemand = { level0CompactionTrigger: 100, level0SlowdownTrigger: 100, level0StopTrigger: 100, levelBaseSize: 2 ** 30 };
const STRATEGIES = ['leveled', 'tiered', 'fifo'] as const;
const badTtls = [0, -1, -0.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, 5n, {}];

/** A store whose time is moved by hand. */
class TimedStore {
	readonly clock = new ManualClock();
	database!: Database<'utf8'>;
	store!: Store;

	constructor(
		readonly kernel: 'native' | 'js',
		readonly path = temporaryDirectory(),
	) {
		this.clock.now = 1_700_000_000_000;
	}

	async open(options: OpenOptions = {}): Promise<this> {
		const environment = { ...systemEnvironment, clock: this.clock };
		this.store = await openStore(this.path, { sync: 'never', kernel: this.kernel, ...options }, environment);
		this.database = new Database<'utf8'>(this.store, { encoding: 'utf8' });
		this.advance(0);
		return this;
	}

	/** Lets time pass, for reads first. */
	advance(milliseconds: number): void {
		this.store.engine.setTime(this.clock.now + milliseconds);
		this.clock.advance(milliseconds);
	}
}

describe.each(kernelNames)('expiry, %s kernel', (kernel) => {
	const stores: TimedStore[] = [];
	afterEach(async () => {
		for (const { database } of stores.splice(0)) await database.close();
	});

	async function opened(options: OpenOptions = {}): Promise<TimedStore> {
		const timed = new TimedStore(kernel);
		stores.push(timed);
		return timed.open(options);
	}

	const keysOf = (database: Database<'utf8'>, snapshot?: Snapshot) =>
		database
			.iterator({ values: false, snapshot })
			.allSync()
			.map(([key]) => key)
			.join('');

	it('is of every put: promises, synchronous ones, batches of both kinds', async () => {
		const timed = await opened();
		const { database } = timed;
		await database.put('a', 'A', { ttl: 10 });
		database.putSync('b', 'B', { ttl: 9.5, sync: false });
		await database.batch([
			{ type: 'put', key: 'c', value: 'C', ttl: 10 },
			{ type: 'put', key: 'd', value: 'D' },
		]);
		database.batchSync([{ type: 'put', key: 'e', value: 'E', ttl: 20 }]);
		await database.batch().put('f', 'F', { ttl: 10 }).put('g', 'G').put('h', 'H', { ttl: undefined }).write();
		expect(keysOf(database)).toBe('abcdefgh');
		timed.advance(9);
		expect(keysOf(database)).toBe('abcdefgh');
		expect(await database.getMany(['a', 'b', 'f', 'x'])).toEqual(['A', 'B', 'F', undefined]);
		timed.advance(1);
		expect(keysOf(database)).toBe('degh');
		expect(await database.get('a')).toBeUndefined();
		expect(database.getSync('b')).toBeUndefined();
		expect(await database.has('c')).toBe(false);
		expect(await database.hasMany(['a', 'd', 'f'])).toEqual([false, true, false]);
		timed.advance(10);
		expect(keysOf(database)).toBe('dgh');
	});

	it('is that of the last put', async () => {
		const timed = await opened();
		const { database } = timed;
		await database.put('a', 'plain');
		await database.put('a', 'brief', { ttl: 10 });
		await database.put('b', 'brief', { ttl: 10 });
		await database.put('b', 'plain');
		await database.put('c', 'brief', { ttl: 10 });
		await database.put('c', 'longer', { ttl: 30 });
		timed.advance(10);
		expect(keysOf(database)).toBe('bc');
		expect(database.getSync('c')).toBe('longer');
		await database.put('a', 'back');
		expect(keysOf(database)).toBe('abc');
		timed.advance(20);
		expect(keysOf(database)).toBe('ab');
	});

	it('counts for snapshots, and not for iterators that were there before', async () => {
		const timed = await opened();
		const { database } = timed;
		await database.batch([...'abc'].map((key) => ({ type: 'put', key, value: key, ttl: 10 }) as const));
		const snapshot = database.snapshot();
		const iterator = database.iterator({ reverse: true });
		expect(iterator.nextSync()).toEqual(['c', 'c']);
		expect(keysOf(database, snapshot)).toBe('abc');
		timed.advance(10);
		await database.put('a', 'new');
		expect(keysOf(database, snapshot)).toBe('');
		expect(iterator.allSync()).toEqual([
			['b', 'b'],
			['a', 'a'],
		]);
		expect(keysOf(database)).toBe('a');
		snapshot.close();
	});

	it('goes by the time of the system where nothing is said', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel, encoding: 'utf8' });
		await database.put('a', 'brief', { ttl: 1 });
		await database.put('b', 'long', { ttl: 3_600_000 });
		await database.put('c', 'for good', { ttl: Number.MAX_VALUE });
		await expect.poll(() => database.getSync('a')).toBeUndefined();
		expect(keysOf(database)).toBe('bc');
	});

	it('survives reopening, by log and by table, and compaction', async () => {
		const timed = await opened(onDemand);
		const fill = (key: string) => timed.database.put(key, key, { ttl: 100 });
		await fill('a');
		await timed.database.close();
		await timed.open(onDemand);
		await fill('b');
		await timed.database.flush();
		await fill('c');
		await timed.database.compact();
		expect(timed.database.stats().levels.map(({ expiring }) => expiring)).toEqual([0, 0, 0, 0, 0, 0, 3]);
		await timed.database.close();
		await timed.open(onDemand);
		expect(timed.database.stats().levels.map(({ expiring }) => expiring)).toEqual([0, 0, 0, 0, 0, 0, 3]);
		timed.advance(99);
		expect(keysOf(timed.database)).toBe('abc');
		timed.advance(1);
		expect(keysOf(timed.database)).toBe('');
		await fill('d');
		await timed.database.close();
		timed.clock.now += 100;
		await timed.open(onDemand);
		expect(keysOf(timed.database)).toBe('');
		await timed.database.compact();
		expect(timed.database.tables().flat()).toEqual([]);
	});

	it('refuses a ttl that is none, and changes nothing', async () => {
		const { database } = await opened();
		const { sequence } = database.stats();
		for (const ttl of badTtls as number[]) {
			await expect(database.put('a', 'A', { ttl })).rejects.toThrow(ConfigError);
			expect(() => database.putSync('a', 'A', { ttl })).toThrow(ConfigError);
			await expect(database.batch([{ type: 'put', key: 'a', value: 'A', ttl }])).rejects.toThrow(ConfigError);
			expect(() => database.batchSync([{ type: 'put', key: 'a', value: 'A', ttl }])).toThrow(ConfigError);
			expect(() => database.batch().put('a', 'A', { ttl })).toThrow(ConfigError);
		}
		expect(() => database.batch().put('a', 'A', { sync: true } as never)).toThrow(/sync/);
		expect(() => database.batch().put('a', 'A', null as never)).toThrow(ConfigError);
		await expect(database.delete('a', { ttl: 5 } as never)).rejects.toThrow(/ttl/);
		await expect(database.batch([{ type: 'delete', key: 'a' }], { ttl: 5 } as never)).rejects.toThrow(/ttl/);
		await expect(database.put(7 as never, 'A', { ttl: 5 })).rejects.toThrow(ConfigError);
		await expect(database.put('a', 7 as never, { ttl: 5 })).rejects.toThrow(ConfigError);
		await expect(database.put('a', 'A', { ttl: 5, signal: AbortSignal.abort() })).rejects.toThrow(AbortError);
		expect(database.stats().sequence).toBe(sequence);
		await database.close();
		await expect(database.put('a', 'A', { ttl: 5 })).rejects.toThrow(ClosedError);
	});

	it.each(STRATEGIES)('gives the space of an idle store back, %s', async (compactionStrategy) => {
		const timed = await opened({ ...onDemand, compactionStrategy, compression: 'none' });
		const { database } = timed;
		const value = 'x'.repeat(500);
		for (let i = 0; i < 200; i++) await database.put(`key${i}`, value, { ttl: 60_000 });
		await database.flush();
		const snapshot = database.snapshot();
		const { tableBytes, levels } = database.stats();
		expect(tableBytes).toBeGreaterThan(100_000);
		expect(levels[0].expiring).toBe(200);
		timed.advance(59_999);
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect(database.stats().tableBytes).toBe(tableBytes);
		timed.advance(1);
		await expect.poll(() => database.stats().tableBytes, { timeout: 10_000 }).toBeLessThan(10_000);
		expect(database.stats().levels.every(({ expiring }) => expiring === 0)).toBe(true);
		expect(database.stats().jobs.ended.at(-1)).toMatchObject({ reason: 'expiry' });
		snapshot.close();
	});

	it('leaves tables alone of which little has expired, and all with tombstoneRatio false', async () => {
		for (const [tombstoneRatio, expiring] of [
			[0.5, 80],
			[false, 200],
		] as const) {
			const timed = await opened({ ...onDemand, tombstoneRatio });
			for (let i = 0; i < 200; i++) await timed.database.put(`key${i}`, 'x', i < expiring ? { ttl: 5000 } : {});
			await timed.database.flush();
			timed.advance(4_000_000);
			await new Promise((resolve) => setTimeout(resolve, 50));
			expect(timed.database.stats().compactions).toBe(0);
			await timed.database.compact();
			expect(timed.database.stats().levels[6].entries).toBe(200 - expiring);
		}
	});

	it('is kept by a repair, which drops what has expired', async () => {
		const timed = await opened(onDemand);
		const { database, clock, path } = timed;
		await database.put('a', 'A', { ttl: 10 });
		await database.put('b', 'B', { ttl: 1000 });
		await database.flush();
		await database.put('c', 'C', { ttl: 1000 });
		await database.close();
		clock.advance(10);
		await repairStore(path, { kernel }, { ...systemEnvironment, clock });
		await timed.open(onDemand);
		expect(keysOf(timed.database)).toBe('bc');
		expect(timed.database.stats().levels[6]).toMatchObject({ entries: 1, expiring: 1 });
		timed.advance(1000);
		expect(keysOf(timed.database)).toBe('');
	});

	it('is an option of puts, batches and chained batches of VarveLevel', async () => {
		const db = new VarveLevel(temporaryDirectory(), { kernel });
		try {
			const brief = { ttl: 1 };
			await db.put('a', 'A', brief);
			await db.put('b', 'B', { ttl: 3_600_000 });
			await db.batch([
				{ type: 'put', key: 'c', value: 'C', ...brief },
				{ type: 'put', key: 'd', value: 'D' },
				{ type: 'del', key: 'x' },
			]);
			await db.batch(
				[
					{ type: 'put', key: 'e', value: 'E' },
					{ type: 'put', key: 'f', value: 'F', ttl: 3_600_000 },
					{ type: 'del', key: 'y' },
				],
				brief,
			);
			await db.batch().put('g', 'G', brief).put('h', 'H').write();
			const sublevel = db.sublevel('s');
			await sublevel.put('i', 'I', brief as object);
			await expect.poll(() => db.keys().all()).toEqual(['b', 'd', 'f', 'h']);
			for (const ttl of badTtls as number[]) {
				await expect(db.put('a', 'A', { ttl })).rejects.toThrow(ConfigError);
				await expect(db.batch([{ type: 'put', key: 'a', value: 'A', ttl }])).rejects.toThrow(ConfigError);
				expect(() => db.batch().put('a', 'A', { ttl })).toThrow(ConfigError);
			}
			expect(await db.get('a')).toBeUndefined();
		} finally {
			await db.close();
		}
	});

	const seed = testSeed();
	it(`agrees with a sorted map while time passes, seed ${seed}`, async () => {
		const random = new Random(seed);
		const timed = await opened(tinyTree);
		const model = new Map<string, { value: string; expiresAt: number }>();
		const snapshots: { snapshot: Snapshot; model: typeof model }[] = [];
		const key = () => `k${random.below(300)}`;
		const live = (entries: typeof model): Frozen =>
			new Map([...entries].flatMap(([name, { value, expiresAt }]) => (expiresAt > timed.clock.now ? [[name, value]] : [])));
		const operation = (): BatchOperation => {
			const name = key();
			if (random.below(5) === 0) {
				model.delete(name);
				return { type: 'delete', key: name };
			}
			const value = 'v'.repeat(random.below(80)) + random.below(1000);
			const ttl = random.below(2) === 0 ? undefined : 1 + random.below(5000);
			model.set(name, { value, expiresAt: timed.clock.now + (ttl ?? Number.POSITIVE_INFINITY) });
			return { type: 'put', key: name, value, ttl };
		};
		const check = async (): Promise<void> => {
			const sides = [{ snapshot: undefined, model }, ...snapshots];
			const { snapshot, model: seen } = random.pick(sides);
			const expected = live(seen);
			const reverse = random.below(2) === 0;
			expect(await timed.database.iterator({ snapshot, reverse }).all()).toEqual(range(expected, { reverse }));
			const asked = Array.from({ length: 20 }, key);
			const values = asked.map((name) => expected.get(name));
			expect(await timed.database.getMany(asked, { snapshot })).toEqual(values);
			expect(asked.map((name) => timed.database.getSync(name, { snapshot }))).toEqual(values);
		};
		for (let step = 0; step < 1500; step++) {
			const dice = random.below(100);
			if (dice < 60) await timed.database.batch(Array.from({ length: 1 + random.below(8) }, operation));
			else if (dice < 80) timed.advance(random.below(800));
			else if (dice < 90) await check();
			else if (dice < 93) snapshots.push({ snapshot: timed.database.snapshot(), model: new Map(model) });
			else if (dice < 96 && snapshots.length > 0) snapshots.splice(random.below(snapshots.length), 1)[0].snapshot.close();
			else if (dice < 98) await timed.database.flush();
			else if (dice === 98) await timed.database.compact();
			else {
				for (const { snapshot } of snapshots.splice(0)) snapshot.close();
				await timed.database.close();
				await timed.open(tinyTree);
			}
		}
		await check();
		for (const { snapshot } of snapshots.splice(0)) snapshot.close();
		timed.advance(5000);
		await timed.database.compact();
		const { levels } = timed.database.stats();
		expect(levels[6].entries).toBe(live(model).size);
		expect(levels[6].expiring).toBe(0);
		await check();
	}, 60_000);
});
