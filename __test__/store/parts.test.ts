/** Small parts of a store, each alone. */
import { describe, expect, it } from 'vitest';
import { TypedEmitter } from '../../ts/events';
import { Fairness } from '../../ts/fairness';
import type { KernelEngine } from '../../ts/kernel/kernel';
import { Backoff } from '../../ts/store/backoff';
import { Counters } from '../../ts/store/counters';
import { Health } from '../../ts/store/health';
import { packKeys, writeKey } from '../../ts/store/key-writer';
import { Memtables } from '../../ts/store/memtables';
import { Stall } from '../../ts/store/stall';
import { ManualClock } from '../support/manual-clock';

describe('stall', () => {
	const MIB = 1024 * 1024;
	const options = {
		maxImmutableMemtables: 3,
		level0SlowdownTrigger: 4,
		level0StopTrigger: 8,
		compactionDebtSlowdown: 100,
		compactionDebtStop: 200,
	};
	const setUp = () => {
		const debt = { immutableMemtables: 0, level0Tables: 0, compactionBytes: 0 };
		const clock = new ManualClock();
		const counters = new Counters();
		counters.flushBytesPerSecond = 10 * MIB;
		return { debt, clock, counters, stall: new Stall(() => debt, options, clock, new TypedEmitter(), counters) };
	};

	it('lets writes through while background work keeps up', () => {
		const { debt, stall } = setUp();
		Object.assign(debt, { immutableMemtables: 1, level0Tables: 3, compactionBytes: 100 });
		expect(stall.room(100 * MIB)).toBeUndefined();
		expect(stall.pressure).toBe(0);
	});

	it.each([
		['immutableMemtables', 3, 2],
		['level0Tables', 8, 7],
		['compactionBytes', 200, 199],
	] as const)('stops writes at too many %s until there are fewer, and counts the time', async (part, stop, fewer) => {
		const { debt, clock, counters, stall } = setUp();
		debt[part] = stop;
		const room = stall.room(1);
		expect(room).toBe(stall.room(1000));
		clock.advance(50);
		stall.update();
		debt[part] = fewer;
		stall.update();
		await room;
		expect([counters.stalls, counters.stallMilliseconds]).toEqual([1, 50]);
		stall.release();
	});

	it('slows writes to 2 (1 - pressure) of the rate of flushes, without a step', async () => {
		const { debt, clock, counters, stall } = setUp();
		const milliseconds: number[] = [];
		for (const compactionBytes of [101, 150, 175, 190]) {
			debt.compactionBytes = compactionBytes;
			const before = counters.stallMilliseconds;
			const room = stall.room(MIB);
			clock.advance(2000);
			await room;
			milliseconds.push(Math.round(counters.stallMilliseconds - before));
			// It has paid for these bytes.
			expect(stall.room(MIB)).toBeUndefined();
		}
		expect(milliseconds).toEqual([51, 100, 200, 500]);
		expect(counters.slowdowns).toBe(4);
	});

	it('saves up waits that are too short, and lets a group that has grown pay for the rest', async () => {
		const { debt, clock, counters, stall } = setUp();
		debt.compactionBytes = 150;
		// At 10 MiB a second, 4 KiB take 0.4 ms.
		expect(stall.room(4096)).toBeUndefined();
		expect(stall.room(4096)).toBeUndefined();
		const room = stall.room(4096);
		expect(room).toBeDefined();
		clock.advance(2);
		await room;
		const again = stall.room(4096 + MIB);
		expect(again).toBeDefined();
		clock.advance(100);
		await again;
		expect(stall.room(4096 + MIB)).toBeUndefined();
		expect(counters.stallMilliseconds).toBeCloseTo(101.2, 1);
	});
});

describe('backoff', () => {
	it('waits twice as long after each failure, up to ten seconds, and again shortest after a success', async () => {
		const clock = new ManualClock();
		const backoff = new Backoff(clock);
		const waited: number[] = [];
		for (let i = 0; i < 9; i++) {
			const start = clock.now;
			let done = false;
			const wait = backoff.wait(false).then(() => {
				done = true;
			});
			while (!done) {
				clock.advance(100);
				await new Promise(setImmediate);
			}
			await wait;
			waited.push(clock.now - start);
		}
		expect(waited).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
		backoff.succeeded();
		const wait = backoff.wait(true);
		backoff.wake();
		await wait;
	});
});

describe('health', () => {
	it('keeps the first failure, tells of it once, and refuses writes with it as cause', () => {
		const events = new TypedEmitter();
		const seen: Error[] = [];
		events.on('backgroundError', (error) => seen.push(error));
		const health = new Health('store', events);
		let told = 0;
		health.onFailure = () => told++;
		health.checkWritable();
		health.fail(new Error('first'));
		health.fail(new Error('second'));
		expect([told, health.backgroundErrors, health.readOnlyCause?.message]).toEqual([1, 1, 'first']);
		expect(() => health.checkWritable()).toThrow(/first/);
		health.close();
		expect(() => health.checkWritable()).toThrow(/is closed/);
	});

	it('warns of a background error when nobody listens', async () => {
		const warning = new Promise<Error>((resolve) => process.once('warning', resolve));
		new Health('store', new TypedEmitter()).report(new Error('nobody listens'));
		expect((await warning).message).toBe('nobody listens');
	});
});

describe('events', () => {
	it('reach listeners in a later microtask, once or until they are taken off', async () => {
		const events = new TypedEmitter();
		const seen: string[] = [];
		const always = (error: Error) => seen.push(`always ${error.message}`);
		events.on('backgroundError', always);
		events.once('backgroundError', (error) => seen.push(`once ${error.message}`));
		events.emit('backgroundError', new Error('1'));
		expect(seen).toEqual([]);
		await Promise.resolve();
		events.emit('backgroundError', new Error('2'));
		await Promise.resolve();
		events.off('backgroundError', always);
		expect(events.listenerCount('backgroundError')).toBe(0);
		expect(seen).toEqual(['always 1', 'once 1', 'always 2']);
	});
});

describe('memtables', () => {
	const setUp = () => {
		const calls: string[] = [];
		const engine = {
			createMemtable: (id: number, capacity: number) => calls.push(`create ${id} ${capacity}`),
			dropMemtable: (id: number) => calls.push(`drop ${id}`),
		} as unknown as KernelEngine;
		return { calls, memtables: new Memtables(engine, 100, 5) };
	};

	it('take a number of range deletes, and none more', () => {
		const { memtables } = setUp();
		memtables.applied(1, 16_383, 16_383, 1);
		expect(memtables.fits(1)).toBe(true);
		memtables.applied(1, 1, 1, 2);
		expect(memtables.fits(1)).toBe(false);
		memtables.rotate(100, 6);
		expect(memtables.fits(1)).toBe(true);
	});

	it('are frozen, listed newest first, and let go oldest first, each with the log it needs', () => {
		const { calls, memtables } = setUp();
		expect([memtables.fits(100), memtables.fits(101)]).toEqual([true, false]);
		memtables.applied(90, 3, 0, 7);
		expect([memtables.fits(10), memtables.fits(11)]).toEqual([true, false]);
		memtables.rotate(100, 6);
		memtables.applied(1, 1, 0, 8);
		memtables.rotate(200, 7);
		expect(memtables.ids()).toEqual([3, 2, 1]);
		expect([memtables.oldestWalNumber(), memtables.walNumberAfterOldest(), memtables.immutableBytes()]).toEqual([5, 6, 91]);
		memtables.removeOldest();
		memtables.removeOldest();
		expect([memtables.ids(), memtables.oldestWalNumber()]).toEqual([[3], 7]);
		memtables.replaceEmpty(300, 9);
		expect(calls).toEqual(['create 1 100', 'create 2 100', 'create 3 200', 'drop 1', 'drop 2', 'create 4 300', 'drop 3']);
	});
});

describe('keys for the kernel', () => {
	const engine = () => {
		const fake = {
			keyScratch: Buffer.alloc(64),
			reserveKey(length: number) {
				fake.keyScratch = Buffer.alloc(length);
			},
		};
		return fake as unknown as KernelEngine;
	};

	it.each(['', 'key', 'ключ', 'a'.repeat(48), 'a'.repeat(49), `${'a'.repeat(40)}ä`, '🪨'.repeat(30), 'long'.repeat(100)])(
		'%s',
		(text) => {
			const one = engine();
			const expected = Buffer.from(text);
			for (const key of [text, expected, new Uint8Array(expected)]) {
				const length = writeKey(one, key);
				expect(one.keyScratch.subarray(0, length)).toEqual(expected);
			}
			const packed = Buffer.from(packKeys([text, expected]));
			expect(packed.readUInt32LE(0)).toBe(expected.length);
			expect(packed.subarray(4 + expected.length).equals(packed.subarray(0, 4 + expected.length))).toBe(true);
		},
	);
});

describe('fairness', () => {
	it('is due once the work has added up', () => {
		const fairness = new Fairness(3);
		expect([1, 1, 1, 1, 5, 1].map((work) => fairness.due(work))).toEqual([false, false, true, false, true, false]);
	});
});
