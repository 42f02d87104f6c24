/**
 * `npm run bench:compression -- [--n keys]`: what each codec costs and saves, on both kernels.
 *
 * Each case loads a store in random order, merges it into one level and reads it. Without a cache, blocks come from the operating system's
 * page cache and are verified and decompressed for every read; with one they are there as they were before compression.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as zlib from 'node:zlib';
import { Database } from 'varve';
import { number, table } from '../scripts/table.mjs';
import { keyText, shuffled } from './dataset.mjs';

const { values: given } = parseArgs({ options: { n: { type: 'string' } } });
const keys = Number(given.n ?? 200_000);
const BATCH = 1_000;
const CACHED_GETS = 100_000;
const UNCACHED_GETS = 10_000;
const KEY_BYTES = 16;
const ROUNDS = 4;

/** @typedef {import('varve').OpenOptions<'buffer'>} Options */

/** @type {[name: string, options: Options][]} */
const codecs = [
	['none', { compression: 'none' }],
	['lz4', { compression: 'lz4' }],
	['none, then lz4', { compression: ['none', 'lz4'] }],
	['snappy', { compression: 'snappy' }],
	['zstd 1', { compression: 'zstd', zstdLevel: 1 }],
	['zstd 3', { compression: 'zstd', zstdLevel: 3 }],
	['lz4, then zstd 3', { compression: ['lz4', 'lz4', 'zstd'], zstdLevel: 3 }],
];

/** @type {[name: string, value: (i: number) => Buffer][]} */
const kinds = [
	['half of 100 bytes repeats', halfCompressible],
	['JSON of about 140 bytes', json],
];

const root = mkdtempSync(path.join(tmpdir(), 'varve-bench-compression-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));
/** The TypeScript kernel writes zstd with this version of Node.js only if it has it built in. */
const canWriteZstd = 'zstdCompressSync' in zlib;

for (const [kind, makeValue] of kinds) {
	const values = Array.from({ length: keys }, (_, i) => makeValue(i));
	for (const kernel of /** @type {const} */ (['native', 'js'])) {
		const writable = codecs.filter(([name]) => kernel === 'native' || !name.includes('zstd') || canWriteZstd);
		const rows = await measureAll(values, kernel, writable);
		const header = ['codec', 'fill MB/s', 'get cached µs', 'get uncached µs', 'scan uncached M/s', 'MB on disk', 'of raw'];
		console.log(`\n${kind}, ${number(keys)} keys, ${kernel} kernel\n\n${table(header, rows)}`);
	}
}

/**
 * Rows of a table: the best of several rounds, each with every codec, so that what else the machine does falls on all of them.
 * @param {Buffer[]} values
 * @param {'native' | 'js'} kernel
 * @param {[name: string, options: Options][]} subjects
 */
async function measureAll(values, kernel, subjects) {
	/** @type {Figures[][]} */
	const rounds = [];
	for (let round = 0; round < ROUNDS; round++) {
		const figures = [];
		for (const [, options] of subjects) figures.push(await measure(values, { ...options, kernel, sync: 'never' }));
		rounds.push(figures);
	}
	const userBytes = values.reduce((sum, value) => sum + KEY_BYTES + value.length, 0);
	return subjects.map(([name], i) => {
		/** @param {keyof Figures} figure */
		const least = (figure) => Math.min(...rounds.map((figures) => figures[i][figure]));
		return [
			name,
			number(userBytes / least('fill') / 1e3, 1),
			number((least('cached') * 1e3) / CACHED_GETS, 2),
			number((least('uncached') * 1e3) / UNCACHED_GETS, 1),
			number(keys / least('scan') / 1e3, 2),
			number(least('tableBytes') / 1e6, 1),
			`${Math.round((100 * least('tableBytes')) / userBytes)} %`,
		];
	});
}

/**
 * Milliseconds of each part, and the size of the store.
 * @typedef {{ fill: number, cached: number, uncached: number, scan: number, tableBytes: number }} Figures
 */

/**
 * @param {Buffer[]} values
 * @param {Options} options
 * @returns {Promise<Figures>}
 */
async function measure(values, options) {
	const directory = path.join(root, 'store');
	let db = await Database.open(directory, { ...options, cacheSize: 1024 * keys });
	const fill = await timed(async () => {
		await load(db, values);
		await db.flush();
		await db.compact();
	});
	const { tableBytes } = db.stats();
	for await (const _ of db.iterator());
	getAll(db, CACHED_GETS / 10);
	const cached = await timed(() => getAll(db, CACHED_GETS));
	await db.close();
	db = await Database.open(directory, { ...options, cacheSize: 0 });
	getAll(db, UNCACHED_GETS / 10);
	const uncached = await timed(() => getAll(db, UNCACHED_GETS));
	const scan = await timed(async () => {
		for await (const _ of db.iterator());
	});
	await db.close();
	await Database.destroy(directory);
	return { fill, cached, uncached, scan, tableBytes };
}

/**
 * @param {Database} db
 * @param {Buffer[]} values
 */
async function load(db, values) {
	for (let first = 0; first < keys; first += BATCH) {
		const count = Math.min(BATCH, keys - first);
		await db.batch(
			Array.from({ length: count }, (_, i) => {
				const key = shuffled(first + i, keys);
				return { type: 'put', key: keyText(key), value: values[key] };
			}),
		);
	}
}

/**
 * @param {Database} db
 * @param {number} count
 */
function getAll(db, count) {
	for (let i = 0; i < count; i++) {
		if (db.getSync(keyText(shuffled(i * 7, keys))) === undefined) throw new Error('A key is missing.');
	}
}

/**
 * @param {() => void | Promise<void>} run
 * @returns {Promise<number>} milliseconds
 */
async function timed(run) {
	const begin = performance.now();
	await run();
	return performance.now() - begin;
}

/**
 * 50 bytes without a pattern, twice.
 * @param {number} i
 */
function halfCompressible(i) {
	const value = Buffer.allocUnsafe(100);
	let state = (i * 2_654_435_761 + 1) >>> 0;
	for (let offset = 0; offset < 50; offset++) {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		value[offset] = state >>> 24;
	}
	value.copy(value, 50, 0, 50);
	return value;
}

/** @param {number} i */
function json(i) {
	const random = Math.imul(i + 1, 2_654_435_761) >>> 0;
	const name = `user${random % 50_000}`;
	const date = new Date(1_700_000_000_000 + (random % 1e9)).toISOString();
	const record = { id: i, name, email: `${name}@example.com`, active: random % 3 > 0, score: random % 1000, createdAt: date };
	return Buffer.from(JSON.stringify({ ...record, tags: ['new', 'paid', 'trial'].slice(random % 3) }));
}
