/**
 * `npm run bench:tune -- [--n keys] [--rounds n] [--kernel native|js] [--out file]`: what the options with the most effect trade, as a table of
 * Markdown. The defaults of the options were chosen by it.
 *
 * Each case changes one option and leaves the others at their default. It fills a store in random order without fsync, merges it into one
 * level and reads it. Rounds go over all cases, so that what else the machine does falls on all of them.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Database } from 'varve';
import { markdownTable, number } from '../scripts/table.mjs';
import { halfCompressibleValues, keyText, missingKeyText, shuffled } from './dataset.mjs';
import { integer } from './peers/arguments.mjs';
import { diskBytes } from './peers/stores/store.mjs';

/** @typedef {import('varve').OpenOptions<'buffer'>} Options */
/** @typedef {{ option: string, value: string, options: Options }} Case */
/**
 * @typedef {object} Figures
 * @property {number} fill entries in a second, until all are in tables
 * @property {number} get nanoseconds of a get whose block is in the cache
 * @property {number} uncached nanoseconds of a get without a cache, out of the page cache of the operating system
 * @property {number} missing nanoseconds of a get of a missing key without a cache
 * @property {number} scan entries in a second
 * @property {number} disk bytes of the files
 * @property {number} memory bytes of the indexes and filters
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const BATCH = 1_000;
const VALUE_BYTES = 100;
const GETS = 100_000;
const UNCACHED_GETS = 20_000;

const { n, rounds, kernel, out } = readArguments();
/** @type {Case[]} */
const cases = [
	{ option: 'all defaults', value: '', options: {} },
	...[1, 2, 4, 8, 16, 32, 64].map((size) => one('blockSize', `${size} KiB`, { blockSize: size * KIB })),
	...[1, 2, 4, 8, 16, 32].map((interval) => one('restartInterval', `${interval}`, { restartInterval: interval })),
	one('filterBitsPerKey', 'no filters', { filterFalsePositiveRate: false }),
	...[5, 10, 15].map((bits) => one('filterBitsPerKey', `${bits}`, { filterBitsPerKey: bits })),
	...[4, 16, 32, 64].map((size) => one('memtableSize', `${size} MiB`, { memtableSize: size * MIB })),
	...[4, 16, 64].map((size) => one('tableSize', `${size} MiB`, { tableSize: size * MIB })),
	.../** @type {const} */ (['none', 'lz4', 'snappy']).map((name) => one('compression', name, { compression: name })),
];
const values = halfCompressibleValues(n, VALUE_BYTES);
const root = mkdtempSync(path.join(tmpdir(), 'varve-bench-tune-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));

/** @type {Figures[][]} */
const measured = cases.map(() => []);
// The first would also pay for compiling the code.
await measure({});
for (let round = 0; round < rounds; round++) {
	for (const [index, { option, value, options }] of cases.entries()) {
		process.stderr.write(`\rround ${round + 1} of ${rounds}: ${option} ${value}`.padEnd(60));
		measured[index].push(await measure(options));
	}
}
process.stderr.write('\n');
const report = [
	`${number(n)} entries (16-byte keys, ${VALUE_BYTES}-byte values that compress to half), ${kernel} kernel, medians of ${rounds} rounds:`,
	'',
	markdownTable(
		[
			'option',
			'value',
			'fill K/s',
			'get ns',
			'get uncached ns',
			'missing uncached ns',
			'scan M/s',
			'disk MB',
			'index and filters KiB',
		],
		cases.map(({ option, value }, index) => [option, value, ...cells(measured[index])]),
		2,
	),
	'',
].join('\n');
console.log(report);
mkdirSync(path.dirname(out), { recursive: true });
writeFileSync(out, report);
console.log(`Written to ${out}.`);

function readArguments() {
	const text = /** @type {const} */ ({ type: 'string' });
	const given = parseArgs({ options: { n: text, rounds: text, kernel: text, out: text } }).values;
	const { kernel: name = 'native' } = given;
	if (name !== 'native' && name !== 'js') throw new Error(`--kernel takes native or js, not '${name}'.`);
	return {
		n: integer('n', given.n, 200_000, 1_000),
		rounds: integer('rounds', given.rounds, 3, 1),
		kernel: /** @type {'native' | 'js'} */ (name),
		out: given.out ?? 'bench/results/tune.md',
	};
}

/**
 * @param {string} option
 * @param {string} value
 * @param {Options} options
 * @returns {Case}
 */
function one(option, value, options) {
	return { option, value, options };
}

/**
 * @param {Options} options
 * @returns {Promise<Figures>}
 */
async function measure(options) {
	const folder = mkdtempSync(path.join(root, 'store-'));
	const written = await Database.open(folder, { kernel, sync: 'never', ...options });
	const fill = await entriesPerSecond(async () => {
		await load(written);
		await written.flush();
	});
	await written.compact();
	await written.close();
	const disk = diskBytes(folder);

	const cached = await Database.open(folder, { kernel, cacheSize: 4 * n * VALUE_BYTES });
	timeOfGets(cached, keyText, GETS);
	const get = timeOfGets(cached, keyText, GETS);
	const scan = await entriesPerSecond(() => {
		let count = 0;
		for (const _ of cached.iterator()) count++;
		if (count !== n) throw new Error(`The scan found ${count} of ${n} entries.`);
	});
	const memory = cached.stats().reads.tableMemory;
	await cached.close();

	const uncached = await Database.open(folder, { kernel, cacheSize: 0 });
	const uncachedGet = timeOfGets(uncached, keyText, UNCACHED_GETS);
	const missing = timeOfGets(uncached, missingKeyText, UNCACHED_GETS);
	await uncached.close();
	rmSync(folder, { recursive: true });
	return { fill, get, uncached: uncachedGet, missing, scan, disk, memory };
}

/** @param {Database} database */
async function load(database) {
	for (let first = 0; first < n; first += BATCH) {
		const batch = database.batch();
		for (let i = first; i < Math.min(first + BATCH, n); i++) batch.put(keyText(shuffled(i, n)), values[i]);
		await batch.write();
	}
}

/** @param {() => void | Promise<void>} run over all entries */
async function entriesPerSecond(run) {
	const start = performance.now();
	await run();
	return (n / (performance.now() - start)) * 1e3;
}

/**
 * Nanoseconds of a get.
 * @param {Database} database
 * @param {(i: number) => string} text of key i
 * @param {number} count
 */
function timeOfGets(database, text, count) {
	const keys = Array.from({ length: count }, (_, i) => Buffer.from(text(shuffled(i, n))));
	const found = text === keyText ? count : 0;
	const start = performance.now();
	let seen = 0;
	for (const key of keys) if (database.getSync(key) !== undefined) seen++;
	const time = performance.now() - start;
	if (seen !== found) throw new Error(`${seen} of ${count} keys were found, ${found} are there.`);
	return (time / count) * 1e6;
}

/** @param {Figures[]} figures */
function cells(figures) {
	/** @param {keyof Figures} name */
	const median = (name) => figures.map((figure) => figure[name]).sort((a, b) => a - b)[Math.floor(figures.length / 2)];
	return [
		number(median('fill') / 1e3),
		number(median('get')),
		number(median('uncached')),
		number(median('missing')),
		number(median('scan') / 1e6, 1),
		number(median('disk') / 1e6, 1),
		number(median('memory') / KIB),
	];
}
