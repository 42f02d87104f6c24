/** The two kernels write the same files where nothing is compressed (encoders may differ), and read each other's in any case. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../ts/database/open';
import { type Environment, systemEnvironment } from '../../ts/environment';
import { Database } from '../../ts/index';
import { kernelNames, openDatabase, Random, temporaryDirectory, testSeed, tinyTree } from '../support/stores';

/** Time that is the same in every run: each look moves it on, so there are no timers, which would look at any time. */
function steppedEnvironment(): Environment {
	let now = 1_700_000_000_000_000_000n;
	const nanoseconds = () => (now += 1_000_000n);
	return { ...systemEnvironment, clock: { ...systemEnvironment.clock, nanoseconds, schedule: () => () => undefined } };
}

/** Compactions when they are asked for only: those in the background take file numbers and times in an order that varies. */
const onDemand = { level0CompactionTrigger: 100, level0SlowdownTrigger: 100, level0StopTrigger: 100, levelBaseSize: 2 ** 30 };

function hashes(directory: string): string[] {
	const files = (readdirSync(directory, { recursive: true }) as string[]).filter((name) =>
		statSync(join(directory, name)).isFile(),
	);
	return files
		.filter((name) => name !== 'LOCK')
		.sort()
		.map(
			(name) =>
				`${name} ${createHash('sha256')
					.update(readFileSync(join(directory, name)))
					.digest('hex')}`,
		);
}

describe.runIf(kernelNames.length > 1)('the kernels agree', () => {
	const seed = testSeed();

	it(`on every byte of every file, seed ${seed}`, async () => {
		const results: string[][] = [];
		for (const kernel of kernelNames) {
			const random = new Random(seed);
			const directory = temporaryDirectory();
			const store = await openStore(directory, { ...tinyTree, ...onDemand, compression: 'none', kernel }, steppedEnvironment());
			for (let round = 0; round < 12; round++) {
				for (let i = 0; i < 100; i++) {
					const key = `key${random.below(2000)}`;
					const value = random.bytes(random.below(60));
					const dice = random.below(50);
					store.commits.addSync((encoder) => {
						if (dice === 0) encoder.deleteRange(key, `${key}${random.below(10)}`);
						else if (dice < 10) encoder.delete(key);
						else encoder.put(key, value, dice < 20 ? 1_700_000_000_000 + random.below(60) : undefined);
					}, 'never');
				}
				await store.flush();
				if (round % 4 === 3) await store.compact({ lower: undefined, upper: undefined });
			}
			store.commits.addSync((encoder) => encoder.put('in the', 'log'), 'never');
			await store.close();
			results.push(hashes(directory));
		}
		expect(results[0].length).toBeGreaterThan(4);
		for (const result of results) expect(result).toEqual(results[0]);
	});

	it('on stores that change hands', async () => {
		const directory = temporaryDirectory();
		for (let turn = 0; turn < 6; turn++) {
			const kernel = kernelNames[turn % kernelNames.length];
			const database = await Database.open(directory, { ...tinyTree, kernel, encoding: 'utf8' });
			expect(database.kernel).toBe(kernel);
			const entries = await database.iterator().all();
			expect(entries.length).toBe(turn * 200);
			for (const [key, value] of entries) expect(value).toBe(key.repeat(3));
			for (let i = 0; i < 200; i++) await database.put(`turn${turn}/${i}`, `turn${turn}/${i}`.repeat(3));
			if (turn % 2 === 1) await database.compact();
			await database.close();
		}
	});

	it('that one store is for one of them at a time', async () => {
		const directory = temporaryDirectory();
		await openDatabase(directory, { kernel: kernelNames[0] });
		await expect(Database.open(directory, { kernel: kernelNames[1] })).rejects.toMatchObject({ code: 'VARVE_LOCKED' });
	});
});
