/** What a user sees of background work, and can do about it: jobs and amplification in stats, describe, pausing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../ts/index';
import { kernelNames, openDatabase, temporaryDirectory, tinyTree } from '../support/stores';

describe.each(kernelNames)('background work (%s)', (kernel) => {
	const open = (options = {}) => openDatabase(temporaryDirectory(), { kernel, ...tinyTree, ...options });

	const waitFor = async (condition: () => boolean) => {
		// Asked once at a time: jobs go on meanwhile.
		for (let i = 0; i < 500; i++) {
			if (condition()) return;
			await sleep(20);
		}
		expect.fail('it did not come about');
	};

	it('is listed job by job, with what each read and wrote', async () => {
		const database = await open();
		const value = 'v'.repeat(100);
		for (let round = 0; round < 3; round++) {
			for (let i = 0; i < 50; i++) database.putSync(`k${i}`, value);
			await database.flush();
		}
		await database.compact();
		const { jobs, amplification, compactions, flushes } = database.stats();
		expect(jobs.running).toEqual([]);
		const flushed = jobs.ended.filter((job) => job.kind === 'flush');
		expect(flushed).toHaveLength(flushes);
		expect(flushed[0]).toMatchObject({ reason: 'memtable', outputLevel: 0, outputTables: 1, error: undefined });
		const compacted = jobs.ended.filter((job) => job.kind === 'compaction');
		expect(compacted).toHaveLength(compactions);
		const last = compacted[compacted.length - 1];
		expect(last).toMatchObject({ reason: 'manual', doneBytes: last.inputBytes });
		expect(last.outputBytes).toBe(database.stats().tableBytes);
		expect(jobs.ended.map((job) => job.job)).toEqual([...new Set(jobs.ended.map((job) => job.job))]);
		expect(amplification.write).toBeGreaterThan(1);
		expect(amplification.read).toBe(2);
		expect(amplification.space).toBe(1);
	});

	it('remembers the last 64 jobs only', async () => {
		const database = await open({ level0CompactionTrigger: 1000, level0SlowdownTrigger: 1000, level0StopTrigger: 1000 });
		for (let i = 0; i < 70; i++) {
			database.putSync('k', String(i));
			await database.flush();
		}
		const { ended } = database.stats().jobs;
		expect(ended).toHaveLength(64);
		expect(ended[63].job).toBe(70);
	});

	it('does an urgent level 0 before a deeper level that is due as well', async () => {
		const path = temporaryDirectory();
		const first = await openDatabase(path, { kernel, ...tinyTree });
		const middle = () => first.stats().levels[5].tables;
		for (let i = 0; i < 40_000 && middle() === 0; i++)
			await first.put(`k${String((i * 7919) % 2003).padStart(4, '0')}`, 'v'.repeat(90) + i);
		first.pauseCompactions();
		for (let round = 0; round < 8; round++) {
			for (let i = 0; i < 40; i++) first.putSync(`k${String(i * 50 + round).padStart(4, '0')}`, 'w');
			await first.flush();
		}
		await waitFor(() => first.stats().jobs.running.length === 0);
		expect(first.stats().levels[0].tables).toBeGreaterThanOrEqual(8);
		expect(middle()).toBeGreaterThan(0);
		await first.close();
		// With a target so much smaller the level above the bottom has too much.
		const options = { ...tinyTree, levelMultiplier: 100, level0SlowdownTrigger: 8, compactionThreads: 1 };
		const database = await openDatabase(path, { kernel, ...options });
		await waitFor(() => database.stats().jobs.ended.some(({ reason }) => reason === 'size'));
		const begun = database.stats().jobs.ended.sort((a, b) => a.job - b.job);
		const reasons = begun.map(({ reason }) => reason).filter((reason) => reason === 'level0' || reason === 'size');
		expect(reasons[0]).toBe('level0');
		expect(reasons).toContain('size');
	});

	it('pauses and goes on', async () => {
		const database = await open({ level0CompactionTrigger: 2 });
		database.pauseCompactions();
		for (let i = 0; i < 6; i++) {
			database.putSync('k', String(i));
			await database.flush();
		}
		expect(database.stats()).toMatchObject({ compactions: 0, compactionsPaused: true });
		expect(database.stats().levels[0].tables).toBe(6);
		await expect(database.compact()).rejects.toThrow(ConfigError);
		const done = new Promise<void>((resolve) => {
			database.on('compaction', ({ state }) => state === 'end' && resolve());
		});
		database.resumeCompactions();
		await done;
		expect(database.stats()).toMatchObject({ compactionsPaused: false });
		expect(database.stats().levels[0].tables).toBe(0);
		await database.compact();
	});

	it('splits a large compaction into parts, some at a time', async () => {
		const database = await open({ compactionThreads: 3 });
		const expected: [string, string][] = [];
		for (const round of ['old', 'new']) {
			for (let i = 0; i < 1000; i++) {
				const entry: [string, string] = [`key${String((i * 617) % 1000).padStart(4, '0')}`, round.repeat(30)];
				database.putSync(...entry);
				if (round === 'new') expected.push(entry);
			}
			await database.flush();
			await database.compact();
		}
		const { jobs, levels } = database.stats();
		expect(Math.max(...jobs.ended.map(({ parts }) => parts))).toBeGreaterThan(3);
		expect(jobs.ended.every(({ error }) => error === undefined)).toBe(true);
		expect(levels.reduce((sum, { entries }) => sum + entries, 0)).toBe(1000);
		const found: [string, string][] = [];
		for await (const entry of database.iterator({ encoding: 'utf8' })) found.push(entry);
		expect(found).toEqual(expected.sort(([a], [b]) => (a < b ? -1 : 1)));
	});

	it('is drawn in text', async () => {
		const database = await open();
		for (let i = 0; i < 1000; i++) database.putSync(`k${i}`, 'value');
		for (let i = 0; i < 500; i++) database.deleteSync(`k${i}`);
		await database.flush();
		const text = database.describe();
		const { levels } = database.stats();
		for (const [level, { entries }] of levels.entries()) {
			expect(text).toMatch(new RegExp(`^L${level} .* ${entries.toLocaleString('en-US')} `, 'm'));
		}
		expect(text).toMatch(/^memtable of 0 B/m);
		expect(text).toMatch(/^done: flush \d+ \(memtable\), a memtable to L0, .* 100 %$/m);
	});
});
