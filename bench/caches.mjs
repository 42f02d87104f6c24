/**
 * `npm run bench:caches -- [--n keys] [--reads reads]`: what the caches do for reads.
 *
 * One store for each kernel, of 16-byte keys and 100-byte values. Lookups come in a Zipf-like order over groups of 100 neighbouring keys,
 * with caches of 5, 20 and 50 % of the store: first alone, then with a full scan after each tenth of them. Counted are the lookups: their
 * time, and the share of their blocks that was in the cache. Then a scan without a block cache, and how long opening a store of 1,000 tables
 * and reading one key takes. Both with the files in the page cache of the system, and out of it where `dd` can take them out (GNU, Linux).
 *
 * What reading ahead does to a scan, and what mmap and direct I/O would do, is measured by an example of the native kernel:
 * `cargo run --release -p varve-core --example file_reads`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Database } from 'varve';
import { number, table } from '../scripts/table.mjs';
import { keyText, shuffled, valueBytes } from './dataset.mjs';

const GROUP = 100;
const SKEW = 0.99;
const ROUNDS = 10;
const RUNS = 5;
const TABLES = 1_000;
const TABLE_SIZE = 64 * 1024;
/** That a table of this size holds. */
const TABLE_ENTRIES = 580;

const text = /** @type {const} */ ({ type: 'string' });
const { values } = parseArgs({ options: { n: text, reads: text } });
const count = Number(values.n ?? 400_000);
const reads = Number(values.reads ?? 200_000);
if (!(count >= GROUP && reads >= ROUNDS)) throw new Error('--n and --reads take positive numbers.');

const directory = mkdtempSync(path.join(tmpdir(), 'varve-caches-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));
console.log(`Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}; ${number(count)} entries\n`);

const sequence = zipfSequence(reads, Math.floor(count / GROUP));
/** @type {string[][]} */
const rows = [];
for (const kernel of /** @type {const} */ (['native', 'js'])) {
	const store = path.join(directory, kernel);
	const bytes = await load(store, kernel, {}, count);
	for (const percent of [5, 20, 50]) {
		const cacheSize = Math.floor((bytes * percent) / 100);
		for (const scans of [false, true]) rows.push(await lookups(store, kernel, cacheSize, percent, scans));
	}
	await load(
		path.join(directory, `${kernel}-tables`),
		kernel,
		{ tableSize: TABLE_SIZE, levelBaseSize: 2 ** 30 },
		TABLE_ENTRIES * TABLES,
	);
	for (const cold of dropsPages(store) ? [false, true] : [false]) {
		await scan(store, kernel, cold);
		await opening(path.join(directory, `${kernel}-tables`), kernel, cold);
	}
}
console.log(`\n${table(['lookups', 'cache', 'ops/s', 'hit ratio'], rows)}`);

/**
 * @param {string} store
 * @param {'native' | 'js'} kernel
 * @param {number} cacheSize
 * @param {number} percent
 * @param {boolean} scans
 */
async function lookups(store, kernel, cacheSize, percent, scans) {
	const database = await Database.open(store, { kernel, cacheSize, sync: 'never' });
	const part = Math.floor(sequence.length / ROUNDS);
	let milliseconds = 0;
	let hits = 0;
	let misses = 0;
	// The first pass warms the cache.
	for (let round = -ROUNDS; round < ROUNDS; round++) {
		if (scans) for (const _ of database.iterator({ values: true }));
		const from = (round < 0 ? round + ROUNDS : round) * part;
		const before = database.stats().reads;
		const start = performance.now();
		for (let i = from; i < from + part; i++) database.getSync(keyText(sequence[i]));
		if (round < 0) continue;
		milliseconds += performance.now() - start;
		const after = database.stats().reads;
		hits += after.cacheHits - before.cacheHits;
		misses += after.cacheMisses - before.cacheMisses;
	}
	await database.close();
	const name = `${kernel}, ${scans ? 'with scans' : 'alone'}`;
	return [name, `${percent} %`, number((1000 * part * ROUNDS) / milliseconds), `${number((100 * hits) / (hits + misses), 1)} %`];
}

/**
 * @param {string} store
 * @param {'native' | 'js'} kernel
 * @param {boolean} cold
 */
async function scan(store, kernel, cold) {
	const times = [];
	let calls = '';
	for (let run = 0; run < RUNS; run++) {
		const database = await Database.open(store, { kernel, cacheSize: 0, sync: 'never' });
		if (cold) dropsPages(store);
		const start = performance.now();
		for await (const _ of database.iterator());
		times.push(performance.now() - start);
		const { blockReads, fileReads } = database.stats().reads;
		calls = `${number(blockReads)} blocks in ${number(fileReads)} reads`;
		await database.close();
	}
	console.log(`${kernel}, ${cold ? 'cold' : 'warm'}: scan without a block cache ${number(median(times))} ms, ${calls}`);
}

/**
 * @param {string} store
 * @param {'native' | 'js'} kernel
 * @param {boolean} cold
 */
async function opening(store, kernel, cold) {
	for (const tableLoading of /** @type {const} */ (['eager', 'lazy'])) {
		const times = [];
		let tables = 0;
		for (let run = 0; run < RUNS; run++) {
			if (cold) dropsPages(store);
			const start = performance.now();
			const database = await Database.open(store, { kernel, tableLoading });
			await database.get(keyText(run));
			times.push(performance.now() - start);
			tables = database.stats().reads.openTables;
			await database.close();
		}
		const name = `${kernel}, ${cold ? 'cold' : 'warm'}`;
		console.log(`${name}: open with ${number(tables)} tables, ${tableLoading}, and one get: ${number(median(times), 1)} ms`);
	}
}

/**
 * Takes the tables of a store out of the page cache; false where that cannot be done.
 * @param {string} store
 */
function dropsPages(store) {
	if (process.platform !== 'linux') return false;
	const tables = path.join(store, 'sst');
	return readdirSync(tables).every((name) => {
		const { status } = spawnSync('dd', [`if=${path.join(tables, name)}`, 'iflag=nocache', 'count=0', 'status=none']);
		return status === 0;
	});
}

/**
 * Writes entries in order and merges them into one level.
 * @param {string} store
 * @param {'native' | 'js'} kernel
 * @param {import('varve').OpenOptions<'buffer'>} options
 * @param {number} entries
 * @returns {Promise<number>} bytes of its tables
 */
async function load(store, kernel, options, entries) {
	const database = await Database.open(store, { ...options, kernel, sync: 'never', compression: 'none' });
	for (let i = 0; i < entries; i++) {
		database.putSync(keyText(i), valueBytes(i));
		if (i % 100_000 === 99_999) await database.flush();
	}
	await database.flush();
	await database.compact();
	const { tableBytes } = database.stats();
	await database.close();
	return tableBytes;
}

/**
 * Numbers of keys: groups by a Zipf distribution, scattered over the store, and any key in a group.
 * @param {number} length
 * @param {number} groups
 */
function zipfSequence(length, groups) {
	const sums = new Float64Array(groups);
	for (let rank = 0, sum = 0; rank < groups; rank++) {
		sum += 1 / (rank + 1) ** SKEW;
		sums[rank] = sum;
	}
	let state = 1;
	const random = () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return state / 2 ** 32;
	};
	return Uint32Array.from({ length }, () => {
		const wanted = random() * sums[groups - 1];
		let low = 0;
		let high = groups - 1;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (sums[middle] < wanted) low = middle + 1;
			else high = middle;
		}
		return shuffled(low, groups) * GROUP + Math.floor(random() * GROUP);
	});
}

/** @param {number[]} times */
function median(times) {
	return times.sort((a, b) => a - b)[times.length >> 1];
}
