/** SIGKILL under load: what was acknowledged is there, no batch is half there, the lock is not stale. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Database } from '../../ts/index';
import { kernelNames, Random, temporaryDirectory, testSeed } from '../support/stores';

const KILLS = 50;
const PROGRAM = join(__dirname, 'programs', 'writer.cjs');
const ENTRY = join(__dirname, '..', '..', 'dist', 'index.js');

/** Lets the program write until `acknowledgements` have come, and a little longer; returns the last one that came. */
function writeAndKill(directory: string, kernel: string, first: number, acknowledgements: number): Promise<number> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [PROGRAM, ENTRY, directory, kernel, String(first)], {
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		let output = '';
		child.stdout.on('data', (data) => {
			output += data;
			if (output.split('\n').length > acknowledgements) child.kill('SIGKILL');
		});
		child.on('error', reject);
		child.on('close', () => resolve(Number(output.trimEnd().split('\n').at(-1))));
	});
}

async function check(database: Database<'utf8'>, acknowledged: number): Promise<number> {
	const entries = await database.iterator().all();
	const batches = new Map<number, number>();
	for (const [key, value] of entries) {
		const batch = Number(/^batch(\d+)\//.exec(key)?.[1]);
		expect(value).toBe(`${batch}`.repeat(20));
		batches.set(batch, (batches.get(batch) ?? 0) + 1);
	}
	expect([...batches.values()].every((count) => count === 10)).toBe(true);
	const last = Math.max(-1, ...batches.keys());
	expect(batches.size).toBe(last + 1);
	expect(last).toBeGreaterThanOrEqual(acknowledged);
	return last;
}

describe.each(kernelNames)('kill (%s)', (kernel) => {
	const seed = testSeed();
	it(`loses nothing in ${KILLS} kills, seed ${seed}`, { timeout: 240_000 }, async () => {
		const random = new Random(seed);
		const directory = temporaryDirectory();
		let last = -1;
		for (let kill = 0; kill < KILLS; kill++) {
			const acknowledged = await writeAndKill(directory, kernel, last + 1, 1 + random.below(60));
			const database = await Database.open(directory, { kernel, encoding: 'utf8' });
			try {
				last = await check(database, acknowledged);
			} finally {
				await database.close();
			}
		}
	});
});
