/**
 * `npm run soak -- [--kernel native|js] [--minutes 10] [--limit MiB]`: does resident memory stay within `memoryLimit`?
 *
 * A mixed load, batches, single puts with and without a ttl, gets, scans, deletes and range deletes, over more data than fits the limit. Every
 * second the resident memory of the process is taken, less what it was before the store was opened and what the JavaScript heap of the load
 * has grown. Ends with an error when the highest is more than 15 % over the limit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Database } from 'varve';
import { number } from '../scripts/table.mjs';
import { keyText, valueBytes } from './dataset.mjs';

const MIB = 1024 * 1024;
const ALLOWED = 1.15;
const KEYS = 2_000_000;
const BATCH = 200;

const { values } = parseArgs({ options: { kernel: { type: 'string' }, minutes: { type: 'string' }, limit: { type: 'string' } } });
const kernel = /** @type {'native' | 'js' | 'auto'} */ (values.kernel ?? 'auto');
const minutes = Number(values.minutes ?? 10);
const memoryLimit = Number(values.limit ?? 256) * MIB;

const directory = mkdtempSync(path.join(tmpdir(), 'varve-soak-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));

const before = resident();
const db = await Database.open(directory, { kernel, memoryLimit, sync: 'never' });
const end = performance.now() + minutes * 60_000;
let highest = 0;
let operations = 0;

await Promise.all([watch(), ...Array.from({ length: 4 }, load)]);
const { memory } = db.stats();
await db.close();
const ratio = highest / memoryLimit;
console.log(`${number(operations)} operations in ${minutes} minutes on the ${db.kernel} kernel`);
console.log(
	`accounted: memtables ${mib(memory.memtables)}, tables ${mib(memory.tables)}, cache ${mib(memory.cache)}, work ${mib(memory.work)}`,
);
console.log(`highest resident memory over that of Node.js: ${mib(highest)}, ${ratio.toFixed(2)} of the limit, bound ${ALLOWED}`);
process.exitCode = ratio <= ALLOWED ? 0 : 1;

async function watch() {
	for (let second = 0; performance.now() < end; second++) {
		await setTimeout(1000);
		const taken = resident() - before;
		highest = Math.max(highest, taken);
		if (second % 30 === 0) console.log(`${second} s: resident ${mib(taken)}, accounted ${mib(db.stats().memory.total)}`);
	}
}

async function load() {
	const random = () => Math.floor(Math.random() * KEYS);
	while (performance.now() < end) {
		const first = random();
		await db.batch(Array.from({ length: BATCH }, (_, i) => ({ type: 'put', key: keyText(first + i), value: valueBytes(i) })));
		await db.put(keyText(random()), valueBytes(1), { ttl: 1000 });
		for (let i = 0; i < BATCH; i++) await db.get(keyText(random()));
		await db.delete(keyText(random()));
		if (Math.random() < 0.05) for await (const _ of db.iterator({ gte: keyText(random()), limit: 20_000 }));
		if (Math.random() < 0.01) await db.deleteRange({ gte: keyText(first), lt: keyText(first + 10_000) });
		operations += 2 * BATCH + 2;
	}
}

/** Bytes outside of the heap of this thread. */
function resident() {
	const { rss, heapTotal } = process.memoryUsage();
	return rss - heapTotal;
}

/** @param {number} bytes */
function mib(bytes) {
	return `${(bytes / MIB).toFixed(0)} MiB`;
}
