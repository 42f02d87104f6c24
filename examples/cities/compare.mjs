/** The same work on both kernels, timed once: an impression, not a benchmark (`npm run bench` is one). */
import path from 'node:path';
import { Database } from 'varve';
import { number, table } from '../../scripts/table.mjs';
import { cityKey } from './keys.mjs';
import { load } from './load.mjs';

const GETS = 100_000;

/**
 * Milliseconds that each step takes on a kernel.
 * @param {string} directory
 * @param {'native' | 'js'} kernel
 * @param {readonly import('./keys.mjs').City[]} cities
 */
async function measure(directory, kernel, cities) {
	const location = path.join(directory, `compare-${kernel}`);
	/** @type {import('varve').OpenOptions<'utf8'>} */
	const options = { kernel, encoding: 'utf8', sync: 'never', cacheSize: 128 * 1024 * 1024 };
	let db = await Database.open(location, options);
	const loading = await time(() => load(db, cities));
	await db.compact();
	const keys = Array.from({ length: GETS }, (_, i) => cityKey(cities[(i * 7919) % cities.length]));
	const getting = await time(() => {
		for (const key of keys) if (db.getSync(key) === undefined) throw new Error(`${key} is missing.`);
	});
	let entries = 0;
	const scanning = await time(() => {
		for (const _ of db.iterator()) entries++;
	});
	if (entries !== 2 * cities.length) throw new Error(`A scan found ${entries} entries.`);
	await db.close();
	const reopening = await time(async () => {
		db = await Database.open(location, options);
	});
	await db.close();
	return { loading, getting, scanning, reopening };
}

/** @param {() => unknown} work */
async function time(work) {
	const start = performance.now();
	await work();
	return performance.now() - start;
}

/**
 * Prints one table: native beside TypeScript where there are two kernels.
 * @param {string} directory
 * @param {('native' | 'js')[]} kernels
 * @param {readonly import('./keys.mjs').City[]} cities
 */
export async function compareKernels(directory, kernels, cities) {
	/** @type {Awaited<ReturnType<typeof measure>>[]} */
	const times = [];
	for (const kernel of kernels) times.push(await measure(directory, kernel, cities));
	const heading = [
		'',
		...kernels.map((kernel) => (kernel === 'js' ? 'TypeScript' : kernel)),
		...(kernels.length > 1 ? ['ratio'] : []),
	];
	/** @type {[string, keyof (typeof times)[0]][]} */
	const steps = [
		[`load ${number(2 * cities.length)} entries, sync: 'never'`, 'loading'],
		[`get ${number(GETS)} at random, strings`, 'getting'],
		['scan all entries', 'scanning'],
		['reopen', 'reopening'],
	];
	const rows = steps.map(([title, step]) => {
		const ratio = kernels.length > 1 ? [`${number(times[1][step] / times[0][step], 1)} x`] : [];
		return [title, ...times.map((time) => `${number(time[step], 1)} ms`), ...ratio];
	});
	console.log(table(heading, rows));
}
