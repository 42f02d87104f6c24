/**
 * `npm run bench:tree -- [--kernel native|js] [--n keys]`: does the tree stay in shape, and out of the way?
 *
 * Values compress to half, with the default codec. Prints figures beside the bounds that they should keep: space and write amplification under random overwrites, what a full compaction does
 * to the event loop and to gets, the rate limit, and what deleting gives back. Each part has a directory of its own, which is removed.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Database } from 'varve';
import { number, table } from '../scripts/table.mjs';
import { halfCompressibleValues, keyText, shuffled } from './dataset.mjs';

const { values } = parseArgs({ options: { kernel: { type: 'string' }, n: { type: 'string' } } });
const keys = Number(values.n ?? 1_000_000);
const kernel = /** @type {'native' | 'js' | 'auto'} */ (values.kernel ?? 'auto');
const BATCH = 1_000;
const ENTRY_BYTES = 116;
const VALUES = halfCompressibleValues(10_000, 100);
const RATE_LIMIT = 5_000_000;

const root = mkdtempSync(path.join(tmpdir(), 'varve-bench-tree-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));

/** @type {string[][]} */
const rows = [];
await overwrites();
await responsiveness();
await rateLimit();
await deletes();
console.log(`\n${table(['figure', 'measured', 'bound'], rows)}`);

/** Two random overwrites of every key: the space that is taken meanwhile, and once the tree has come to rest. */
async function overwrites() {
	const directory = path.join(root, 'overwrites');
	const db = await open(directory, {});
	await load(db, keys);
	const live = keys * ENTRY_BYTES;
	let worst = 0;
	for (let written = 0; written < 2 * keys; written += BATCH) {
		await db.batch(Array.from({ length: BATCH }, () => put(Math.floor(Math.random() * keys))));
		if (written % (50 * BATCH) === 0) worst = Math.max(worst, tableBytes(directory) / live);
	}
	await db.flush();
	await atRest(db);
	const { amplification } = db.stats();
	console.log(db.describe());
	add('space for live data, worst while overwriting', worst, 'at most 1.6');
	add('space for live data, at rest', tableBytes(directory) / live, 'at most 1.15');
	add('write amplification', amplification.write ?? 0, '');
	await db.close();
}

/** Gets and the event loop while everything is merged, against the same tree at rest; its blocks are in the cache both times. */
async function responsiveness() {
	const db = await open(path.join(root, 'responsiveness'), { cacheSize: 512 * keys });
	await load(db, keys);
	await load(db, keys);
	await db.flush();
	await atRest(db);
	for await (const _ of db.iterator());
	const idle = await watch(db, setTimeout(3_000));
	const busy = await watch(db, db.compact());
	console.log(`get p99 ${number(idle.get * 1000)} us idle, ${number(busy.get * 1000)} us busy, of ${busy.count} gets`);
	add('event-loop delay p99 in a full compaction, ms', busy.loop.p99, 'under 5');
	add('event-loop delay max in a full compaction, ms', busy.loop.max, 'under 50');
	add('p99 of await get, busy to idle', busy.get / idle.get, 'at most 5');
	await db.close();
}

/** Bytes a second that a compaction writes under a limit. */
async function rateLimit() {
	const db = await open(path.join(root, 'rate'), { compactionRateLimit: RATE_LIMIT });
	await load(db, Math.min(keys, 300_000));
	await db.flush();
	await atRest(db);
	const before = db.stats().bytes.compacted;
	const begin = performance.now();
	await db.compact();
	const seconds = (performance.now() - begin) / 1000;
	add('rate of compaction to its limit', (db.stats().bytes.compacted - before) / seconds / RATE_LIMIT, '0.9 to 1.1');
	await db.close();
}

/** Deletes nine keys of ten: the space, and a scan over where they were. */
async function deletes() {
	const directory = path.join(root, 'deletes');
	const db = await open(directory, {});
	await load(db, keys);
	await db.compact();
	const before = tableBytes(directory);
	for (let i = 0; i < keys; i += BATCH) {
		const doomed = Array.from({ length: BATCH }, (_, j) => i + j).filter((j) => j % 10 !== 0);
		await db.batch(doomed.map((j) => ({ type: 'delete', key: keyText(j) })));
	}
	await db.compact();
	add('space after deleting 90 % and compacting', tableBytes(directory) / before, 'about 0.1');
	const fresh = await open(path.join(root, 'deletes-fresh'), {});
	for (let i = 0; i < keys; i += 10 * BATCH) {
		await fresh.batch(Array.from({ length: BATCH }, (_, j) => put(i + 10 * j)));
	}
	await fresh.compact();
	const scan = async (/** @type {Database} */ store) => {
		const begin = performance.now();
		for (const _ of store.iterator());
		return performance.now() - begin;
	};
	/** @type {number[]} */
	const ratios = [];
	for (let i = 0; i < 5; i++) ratios.push((await scan(db)) / (await scan(fresh)));
	add('scan over deleted keys, to one over the live keys alone', ratios.sort((a, b) => a - b)[2], 'about 1');
	await fresh.close();
	await db.close();
}

/**
 * @param {string} directory
 * @param {import('varve').OpenOptions<'buffer'>} options
 */
function open(directory, options) {
	return Database.open(directory, { kernel, sync: 'never', ...options });
}

/**
 * @param {Database} db
 * @param {number} count
 */
async function load(db, count) {
	for (let i = 0; i < count; i += BATCH) {
		await db.batch(Array.from({ length: BATCH }, (_, j) => put(shuffled(i + j, count))));
	}
}

/** @param {number} i */
function put(i) {
	return /** @type {const} */ ({ type: 'put', key: keyText(i), value: VALUES[i % VALUES.length] });
}

/** @param {Database} db */
async function atRest(db) {
	let quiet = 0;
	for (let seen = -1; quiet < 5; seen = db.stats().compactions) {
		quiet = db.stats().compactions === seen && db.stats().jobs.running.length === 0 ? quiet + 1 : 0;
		await setTimeout(100);
	}
}

/**
 * Reads random keys until something is done.
 * @param {Database} db
 * @param {Promise<unknown>} done
 */
async function watch(db, done) {
	const loop = monitorEventLoopDelay({ resolution: 1 });
	let running = true;
	const end = done.finally(() => {
		running = false;
	});
	/** @type {number[]} */
	const times = [];
	loop.enable();
	while (running) {
		const begin = performance.now();
		await db.get(keyText(Math.floor(Math.random() * keys)));
		times.push(performance.now() - begin);
		await setTimeout(1);
	}
	loop.disable();
	await end;
	times.sort((a, b) => a - b);
	return {
		count: times.length,
		get: times[Math.floor(times.length * 0.99)],
		// The resolution is part of every measured delay.
		loop: { p99: loop.percentile(99) / 1e6 - 1, max: loop.max / 1e6 - 1 },
	};
}

/** @param {string} directory */
function tableBytes(directory) {
	const tables = path.join(directory, 'sst');
	return readdirSync(tables).reduce((sum, name) => sum + sizeOf(path.join(tables, name)), 0);
}

/** @param {string} file */
function sizeOf(file) {
	try {
		return statSync(file).size;
	} catch {
		// Removed meanwhile.
		return 0;
	}
}

/**
 * @param {string} figure
 * @param {number} measured
 * @param {string} bound
 */
function add(figure, measured, bound) {
	rows.push([figure, number(measured, 2), bound]);
	console.log(`${figure}: ${number(measured, 2)}`);
}
