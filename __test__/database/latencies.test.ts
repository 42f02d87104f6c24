/** How long calls take, as `stats().latencies` has it. */
import { describe, expect, it } from 'vitest';
import { Latencies } from '../../ts/database/latencies';
import { ConfigError } from '../../ts/index';
import { ManualClock } from '../support/manual-clock';
import { kernelNames, openDatabase, Random, temporaryDirectory, testSeed } from '../support/stores';

const seed = testSeed();

describe('latencies', () => {
	it(`have the percentiles of the times that were told (VARVE_SEED=${seed})`, async () => {
		const clock = new ManualClock();
		const latencies = new Latencies(clock);
		const subject = {
			get: async (milliseconds: number) => clock.advance(milliseconds),
			getSync: (milliseconds: number) => clock.advance(milliseconds),
			getIntoSync: (milliseconds: number) => {
				clock.advance(milliseconds);
				throw new Error('counts as well');
			},
		};
		const stub = () => undefined;
		const others = [
			'getMany',
			'getManySync',
			'has',
			'hasSync',
			'hasMany',
			'hasManySync',
			'put',
			'putSync',
			'delete',
			'deleteSync',
		];
		const more = ['deleteRange', 'deleteRangeSync', 'writeBatch', 'writeBatchSync', 'flush'];
		latencies.wrap(Object.assign(subject, Object.fromEntries([...others, ...more].map((name) => [name, stub]))));
		const random = new Random(seed);
		const times = Array.from({ length: 3000 }, () => 0.0005 * 20_000 ** random.fraction());
		for (const [i, time] of times.entries()) {
			if (i % 3 === 0) subject.getSync(time);
			else if (i % 3 === 1) expect(() => subject.getIntoSync(time)).toThrow('counts as well');
			else await subject.get(time);
		}
		const sorted = times.map((time) => time * 1000).sort((a, b) => a - b);
		const { get, put } = latencies.stats();
		expect(put).toBeUndefined();
		expect(get?.count).toBe(3000);
		for (const [figure, share] of [
			['p50', 0.5],
			['p95', 0.95],
			['p99', 0.99],
			['max', 1],
		] as const) {
			const exact = sorted[Math.ceil(share * sorted.length) - 1];
			expect(Math.abs((get?.[figure] ?? 0) / exact - 1)).toBeLessThan(0.011);
		}
		const mean = sorted.reduce((sum, time) => sum + time, 0) / sorted.length;
		expect(Math.abs((get?.mean ?? 0) / mean - 1)).toBeLessThan(0.011);
	});

	it.each(kernelNames)('count every call, each batch and each read of many keys once (%s)', async (kernel) => {
		const database = await openDatabase(temporaryDirectory(), { kernel, sync: 'never', latencyStats: true });
		await database.put('a', '1');
		database.putSync('b', '2');
		await database.batch([{ type: 'put', key: 'c', value: '3' }]);
		await database.batch().put('d', '4').write();
		database.batch().put('e', '5').writeSync();
		database.batchSync([{ type: 'delete', key: 'a' }]);
		await database.delete('b');
		await database.deleteRange({ gte: 'e' });
		expect(await database.get('c')).toEqual(Buffer.from('3'));
		expect(database.getSync('e')).toBeUndefined();
		await database.getMany(['a', 'b', 'c']);
		database.hasSync('d');
		await database.flush();
		await expect(database.put(1 as never, 'x')).rejects.toThrow();
		const { latencies } = database.stats();
		const counts = Object.fromEntries(Object.entries(latencies ?? {}).map(([operation, { count }]) => [operation, count]));
		expect(counts).toEqual({ put: 3, batch: 4, delete: 2, get: 2, getMany: 1, has: 1, flush: 1 });
		for (const { p50, p95, p99, max } of Object.values(latencies ?? {})) {
			expect(p50).toBeGreaterThan(0);
			expect([p50, p95, p99, max]).toEqual([p50, p95, p99, max].sort((a, b) => a - b));
		}
	});

	it('are not there unless asked for', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel: 'js' });
		await database.put('a', '1');
		expect(database.stats().latencies).toBeUndefined();
		await expect(openDatabase(temporaryDirectory(), { latencyStats: 1 as never })).rejects.toThrow(ConfigError);
	});
});
