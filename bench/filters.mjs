/**
 * `npm run bench:filters -- [--n keys] [--lookups n] [--json file]`: what filters save lookups of missing keys.
 *
 * For each kernel and each way to filter, a store of `--n` entries (16-byte keys, 100-byte values) without a block cache: most of them merged
 * into the deepest level, the rest in tables above. Every store is asked for the same missing keys, which lie between those that are there. Prints
 * the time of a lookup, and from the counters of the store how many data blocks it read and how many tables it asked.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Database } from 'varve';
import { number, table } from '../scripts/table.mjs';
import { keyText, missingKeyText, shuffled, valueBytes } from './dataset.mjs';
import { availableKernels } from './kernels.mjs';

/** @typedef {import('./measure.mjs').KernelName} KernelName */
/** @typedef {{ name: string, options: import('varve').StoreOptions }} Way */
/**
 * @typedef {object} Row
 * @property {string} way
 * @property {KernelName} kernel
 * @property {number} nanoseconds of a lookup, the median of the rounds
 * @property {number} blocks data blocks read for each lookup
 * @property {number} probes filters asked for each lookup
 * @property {number} filterBytes
 */

const ROUNDS = 5;
const BATCH = 1_000;
/** Share of the entries that is written after the rest has been merged into the deepest level. */
const ABOVE = 0.1;
/** A tree of three levels out of so few entries: level 0 and 1 a tenth of level 2 each. */
const TREE = { memtableSize: 512 * 1024, levelBaseSize: 2 * 1024 * 1024, tableSize: 2 * 1024 * 1024 };

/** @type {Way[]} */
const ways = [
	{ name: 'no filters', options: { filterFalsePositiveRate: false } },
	{ name: '5 bits a key', options: { filterBitsPerKey: 5 } },
	{ name: '10 bits a key (default)', options: {} },
	{ name: '15 bits a key', options: { filterBitsPerKey: 15 } },
	{ name: '10 bits, plain Bloom', options: { filterBitsPerKey: 10, filterPolicy: 'bloom' } },
	{ name: '5 bits, spread by level', options: { filterBitsPerKey: 5, filterAllocation: 'levels' } },
	{ name: '10 bits, spread by level', options: { filterBitsPerKey: 10, filterAllocation: 'levels' } },
	{ name: '10 bits, none in the deepest level', options: { filterBitsPerKey: 10, filterBottomLevel: false } },
];

const { n, lookups, json } = readArguments();
const directory = mkdtempSync(path.join(tmpdir(), 'varve-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));

/** @type {Row[]} */
const rows = [];
for (const kernel of (await availableKernels()).keys()) for (const way of ways) rows.push(await measure(kernel, way));
console.log(`${number(n)} entries, ${number(lookups)} lookups of missing keys in each of ${ROUNDS} rounds, no block cache\n`);
console.log(
	table(['missing key', 'kernel', 'ns', 'without / with', 'blocks read', 'tables asked', 'filters, KiB'], rows.map(cells)),
);
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ entries: n, lookups, rows }, null, '\t')}\n`);

function readArguments() {
	const text = /** @type {const} */ ({ type: 'string' });
	const { values } = parseArgs({ options: { n: text, lookups: text, json: text } });
	const positive = (/** @type {'n' | 'lookups'} */ name, /** @type {number} */ byDefault) => {
		const value = Number(values[name] ?? byDefault);
		if (!Number.isInteger(value) || value <= 0) throw new Error(`--${name} takes a positive integer.`);
		return value;
	};
	return { n: positive('n', 200_000), lookups: positive('lookups', 10_000), json: values.json };
}

/**
 * @param {KernelName} kernel
 * @param {Way} way
 * @returns {Promise<Row>}
 */
async function measure(kernel, { name, options }) {
	const folder = path.join(directory, `${kernel}-${rows.length}`);
	const database = await Database.open(folder, { kernel, sync: 'never', cacheSize: 0, ...TREE, ...options });
	const settled = Math.floor(n * (1 - ABOVE));
	await load(database, 0, settled);
	await database.compact();
	await load(database, settled, n);
	while (database.stats().jobs.running.length > 0) await setTimeout(10);
	const keys = Array.from({ length: lookups }, (_, i) => Buffer.from(missingKeyText(shuffled(i, n))));
	const before = database.stats().reads;
	const times = Array.from({ length: ROUNDS }, () => timeOfLookups(database, keys)).sort((a, b) => a - b);
	const { reads, filters } = database.stats();
	await database.close();
	rmSync(folder, { recursive: true });
	const each = (/** @type {'blockReads' | 'filterProbes'} */ counter) => (reads[counter] - before[counter]) / (ROUNDS * lookups);
	return {
		way: name,
		kernel,
		nanoseconds: times[Math.floor(ROUNDS / 2)],
		blocks: each('blockReads'),
		probes: each('filterProbes'),
		filterBytes: filters.reduce((sum, level) => sum + level.bytes, 0),
	};
}

/**
 * Writes entries `from` to `to` of an order that spreads them over the whole range, and flushes.
 * @param {Database} database
 * @param {number} from
 * @param {number} to
 */
async function load(database, from, to) {
	for (let first = from; first < to; first += BATCH) {
		const batch = database.batch();
		for (let i = first; i < Math.min(first + BATCH, to); i++) batch.put(keyText(shuffled(i, n)), valueBytes(i));
		await batch.write();
	}
	await database.flush();
}

/**
 * Nanoseconds of one lookup.
 * @param {Database} database
 * @param {Buffer[]} keys
 */
function timeOfLookups(database, keys) {
	const start = process.hrtime.bigint();
	for (const key of keys) if (database.getSync(key) !== undefined) throw new Error(`${key} is there.`);
	return Number(process.hrtime.bigint() - start) / keys.length;
}

/** @param {Row} row */
function cells(row) {
	const without = rows.find(({ kernel, way }) => kernel === row.kernel && way === ways[0].name);
	const ratio = without === undefined ? '-' : `${number(without.nanoseconds / row.nanoseconds, 1)} x`;
	return [
		row.way,
		row.kernel === 'js' ? 'TypeScript' : row.kernel,
		number(row.nanoseconds),
		ratio,
		row.blocks.toFixed(4),
		row.probes.toFixed(2),
		number(row.filterBytes / 1024),
	];
}
