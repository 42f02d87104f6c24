/** Kills a process while it writes, opens what it left, and looks for every write that it had acknowledged. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Database } from 'varve';
import { number } from '../../scripts/table.mjs';
import { batchKey, batchValue, OPERATIONS_PER_BATCH } from './crash-batches.mjs';
import { prove } from './proofs.mjs';

const WRITER = fileURLToPath(new URL('./crash-writer.mjs', import.meta.url));
const ROUNDS = 4;

/**
 * Kills a writer a few times, each time on another kernel where there are two; the store goes on from round to round.
 * @param {string} path
 * @param {('native' | 'js')[]} kernels
 */
export async function proveCrashSafety(path, kernels) {
	/** @type {Set<number>} */
	const acknowledged = new Set();
	for (let round = 0, first = 0; round < ROUNDS; round++) {
		const kernel = kernels[round % kernels.length];
		const before = acknowledged.size;
		await writeUntilKilled(path, kernel, first, acknowledged);
		const found = await batchesIn(path, kernels[(round + 1) % kernels.length]);
		const lost = [...acknowledged].filter((batch) => found.get(batch) !== OPERATIONS_PER_BATCH);
		const halves = [...found.values()].filter((count) => count !== OPERATIONS_PER_BATCH);
		console.log(
			`\nround ${round + 1}: ${number(acknowledged.size - before)} batches acknowledged on the ${kernel} kernel, then SIGKILL`,
		);
		prove('the writer was at work when it was killed', acknowledged.size > before);
		prove(`all ${number(acknowledged.size)} acknowledged batches are there; ${lost.length} lost`, lost.length === 0);
		prove(`${number(found.size)} batches are whole; ${halves.length} are there in part`, halves.length === 0);
		first = Math.max(...found.keys()) + 1;
	}
}

/**
 * Runs the writer for a moment, kills it, and adds the batches that it had acknowledged to `acknowledged`.
 * @param {string} path
 * @param {string} kernel
 * @param {number} first
 * @param {Set<number>} acknowledged
 */
async function writeUntilKilled(path, kernel, first, acknowledged) {
	const child = spawn(process.execPath, [WRITER, path, kernel, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
	/** @type {Promise<NodeJS.Signals | null>} */
	const ended = new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (_, signal) => resolve(signal));
	});
	const lines = createInterface({ input: child.stdout });
	lines.once('line', async () => {
		await sleep(500 + 500 * Math.random());
		child.kill('SIGKILL');
	});
	for await (const line of lines) acknowledged.add(Number(line));
	const signal = await ended;
	if (signal !== 'SIGKILL') throw new Error('The writer ended by itself, before it could be killed.');
}

/**
 * How many right entries of each batch a store holds.
 * @param {string} path
 * @param {'native' | 'js'} kernel
 */
async function batchesIn(path, kernel) {
	const db = await Database.open(path, { kernel, encoding: 'utf8' });
	try {
		/** @type {Map<number, number>} */
		const found = new Map();
		for (const [key, value] of db.iterator({ prefix: 'batch/' })) {
			const [batch, i] = key.split('/').slice(1).map(Number);
			const right = key === batchKey(batch, i) && value === batchValue(batch, i);
			found.set(batch, (found.get(batch) ?? 0) + (right ? 1 : 0));
		}
		return found;
	} finally {
		await db.close();
	}
}
