/**
 * `npm run bench -- [--n keys] [--time ms] [--json file]`: the native kernel beside the TypeScript one.
 *
 * First the primitives of the `Kernel` interface, then whole stores of `--n` entries (16-byte keys, 100-byte values) that are loaded once
 * for each kernel into a directory which is removed at the end, then `VarveLevel` beside `Database` and classic-level. Prints medians.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { number, table } from '../scripts/table.mjs';
import { availableKernels } from './kernels.mjs';
import { levelCases, openContestants } from './level.mjs';
import { figure, measureAll } from './measure.mjs';
import { describeBlocks, primitiveCases } from './primitives.mjs';
import { StoreBench } from './store.mjs';

/** @typedef {import('./measure.mjs').KernelName} KernelName */
/** @typedef {import('./measure.mjs').Result} Result */

const { n, time, json } = readArguments();
const directory = mkdtempSync(path.join(tmpdir(), 'varve-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));

const kernels = await availableKernels();
const names = [...kernels.keys()];
const machine = `Node.js ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`;
console.log(`${machine}\n${number(n)} entries in each store, ${time} ms for each case and kernel\n`);
const results = [...(await benchPrimitives()), ...(await benchStores())];
printTable(results);
for (const kernel of kernels.values()) console.log(describeBlocks(kernel, results));
const level = await benchLevel();
printLevelTable(level);
if (json !== undefined)
	writeFileSync(json, `${JSON.stringify({ machine, entries: n, milliseconds: time, results, level }, null, '\t')}\n`);

function readArguments() {
	const text = /** @type {const} */ ({ type: 'string' });
	const { values } = parseArgs({ options: { n: text, time: text, json: text } });
	const positive = (/** @type {'n' | 'time'} */ name, /** @type {number} */ byDefault) => {
		const value = Number(values[name] ?? byDefault);
		if (!Number.isInteger(value) || value <= 0) throw new Error(`--${name} takes a positive integer.`);
		return value;
	};
	return { n: positive('n', 1_000_000), time: positive('time', 500), json: values.json };
}

function benchPrimitives() {
	return measureAll(new Map([...kernels].map(([name, kernel]) => [name, primitiveCases(kernel)])), time);
}

async function benchStores() {
	/** @type {Map<KernelName, StoreBench>} */
	const stores = new Map();
	for (const kernel of names) stores.set(kernel, await StoreBench.open(directory, kernel, n));
	const cases = new Map([...stores].map(([kernel, store]) => [kernel, store.cases()]));
	const results = await measureAll(cases, time);
	for (const store of stores.values()) await store.close();
	return [
		once(stores, 'load in random order, once, an entry', (store) => store.loadMilliseconds),
		once(stores, 'flush and compact all, once, an entry', (store) => store.settleMilliseconds),
		...results,
	];
}

async function benchLevel() {
	const contestants = await openContestants(directory, names, n);
	const cases = new Map([...contestants].map(([name, store]) => [name, levelCases(store, n)]));
	const results = await measureAll(cases, time);
	for (const store of contestants.values()) await store.close();
	return results;
}

/**
 * @param {Map<KernelName, StoreBench>} stores
 * @param {string} name
 * @param {(store: StoreBench) => number} milliseconds
 * @returns {Result}
 */
function once(stores, name, milliseconds) {
	return {
		name,
		figures: Object.fromEntries([...stores].map(([kernel, store]) => [kernel, figure((milliseconds(store) * 1e6) / n, 1)])),
	};
}

/** @param {Result[]} results */
function printTable(results) {
	const titles = names.map((kernel) => (kernel === 'js' ? 'TypeScript' : kernel));
	const heading = [
		'median of one operation',
		...titles.flatMap((title) => [`${title}, ns`, 'op/s']),
		'speed, native / TypeScript',
	];
	const rows = results.map(({ name, figures }) => {
		const cells = names.flatMap((kernel) => {
			const { nanoseconds, operationsPerSecond } = figures[kernel];
			return [number(nanoseconds, nanoseconds < 1_000 ? 1 : 0), number(operationsPerSecond)];
		});
		const ratio = figures.native && figures.js ? `${number(figures.js.nanoseconds / figures.native.nanoseconds, 2)} x` : '-';
		return [name, ...cells, ratio];
	});
	console.log(table(heading, rows));
}

/** @param {Result[]} results */
function printLevelTable(results) {
	const names = Object.keys(results[0].figures);
	const rows = results.map(({ name, figures }) => [name, ...names.map((subject) => number(figures[subject].nanoseconds))]);
	console.log(`\n${table(['behind the Level interface, ns', ...names], rows)}\n`);
	const [{ figures }] = results;
	for (const kernel of names.flatMap((name) => name.match(/(?<=^VarveLevel, ).*/) ?? [])) {
		const overhead = figures[`VarveLevel, ${kernel}`].nanoseconds - figures[`Database, ${kernel}`].nanoseconds;
		console.log(`VarveLevel.getSync takes ${number(overhead)} ns more than Database.getSync (${kernel}).`);
	}
}
