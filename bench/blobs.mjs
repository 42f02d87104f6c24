/**
 * `npm run bench:blobs -- [--mb data] [--rounds overwrites] [--kernel native|js]`: what values in blob files cost and save, by size.
 *
 * Each case writes every key once and then, at random, as many again as `--rounds` says; waits until compactions have come to rest; and reads. The tree is
 * scaled down with the data, so that it has the levels of a larger store. Values are random: nothing is compressed.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Database } from 'varve';
import { number, table } from '../scripts/table.mjs';
import { keyText } from './dataset.mjs';

const { values: given } = parseArgs({
	options: { mb: { type: 'string' }, rounds: { type: 'string' }, kernel: { type: 'string' } },
});
const dataBytes = Number(given.mb ?? 64) * 1024 * 1024;
const overwrites = Number(given.rounds ?? 3);
const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [KIB, 4 * KIB, 16 * KIB, 64 * KIB];
const THRESHOLD = 4 * KIB;
const GETS = 5_000;
const tree = { memtableSize: 4 * MIB, tableSize: 2 * MIB, levelBaseSize: 8 * MIB, cacheSize: 8 * MIB };

const root = mkdtempSync(path.join(tmpdir(), 'varve-bench-blobs-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));
const pool = randomBytes(4 * MIB);

/** @typedef {'native' | 'js'} KernelName */

for (const kernel of /** @type {KernelName[]} */ (given.kernel === undefined ? ['native', 'js'] : [given.kernel])) {
	const rows = [];
	for (const size of SIZES) {
		// Below 4 KiB the suggested threshold changes nothing: this is what a lower one would do.
		for (const threshold of /** @type {(number | false)[]} */ ([false, Math.min(size, THRESHOLD)])) {
			rows.push([
				`${size / KIB} KiB`,
				threshold === false ? 'off' : `${threshold / KIB} KiB`,
				...(await measure(size, threshold, kernel)),
			]);
		}
	}
	const header = ['values', 'threshold', 'fill MB/s', 'written / user', 'disk / data', 'get µs', 'scan MB/s', 'key scan k/s'];
	console.log(
		`\n${number(dataBytes / MIB)} MiB of values, ${overwrites} times overwritten, ${kernel} kernel\n\n${table(header, rows)}`,
	);
}

/**
 * @param {number} size
 * @param {number | false} blobThreshold
 * @param {KernelName} kernel
 */
async function measure(size, blobThreshold, kernel) {
	const directory = path.join(root, `${kernel}-${size}-${blobThreshold}`);
	const database = await Database.open(directory, { ...tree, kernel, sync: 'never', blobThreshold });
	const keys = Math.floor(dataBytes / size);
	const value = () => {
		const start = Math.floor(Math.random() * (pool.length - size));
		return pool.subarray(start, start + size);
	};
	const began = performance.now();
	for (let i = 0; i < keys * (1 + overwrites); i++) {
		await database.put(keyText(i < keys ? i : Math.floor(Math.random() * keys)), value());
	}
	await database.flush();
	const fill = performance.now() - began;
	await rest(database);
	const { bytes, tableBytes, blobs } = database.stats();
	const get = await time(async () => {
		for (let i = 0; i < GETS; i++) database.getSync(keyText(Math.floor(Math.random() * keys)), { fillCache: false });
	});
	const scan = await time(() => readAll(database.iterator({ fillCache: false })));
	const keyScan = await time(() => readAll(database.iterator({ values: false, fillCache: false })));
	await database.close();
	rmSync(directory, { recursive: true, force: true });
	return [
		number((dataBytes * (1 + overwrites)) / fill / 1e3, 0),
		number((bytes.flushed + bytes.compacted) / bytes.user, 2),
		number((tableBytes + blobs.bytes) / dataBytes, 2),
		number((get * 1e3) / GETS, 1),
		number(dataBytes / scan / 1e3, 0),
		number(keys / keyScan, 0),
	];
}

/** @param {Database} database */
async function rest(database) {
	for (let quiet = 0; quiet < 10; ) {
		await sleep(20);
		quiet = database.stats().jobs.running.length === 0 ? quiet + 1 : 0;
	}
}

/** @param {ReturnType<Database['iterator']>} iterator */
async function readAll(iterator) {
	for await (const _ of iterator);
}

/** @param {() => Promise<void>} work */
async function time(work) {
	const began = performance.now();
	await work();
	return performance.now() - began;
}
