/**
 * `npm run bench:scale -- [--n most entries] [--repetitions r] [--kernels native,js] [--out folder]`: how the cost of an operation grows with
 * the entries of a store, from 10,000 by tens to `--n` (default 1,000,000). Writes scale.json and scale.svg.
 *
 * The cache grows with the store (256 bytes an entry, at least 64 MiB): this is about the structures, not about misses of the cache.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../scripts/statistics.mjs';
import { svg } from '../scripts/svg.mjs';
import { number, table } from '../scripts/table.mjs';
import { describeMachine } from './machine.mjs';
import { commonOptions, integer, names, readSettings } from './peers/arguments.mjs';
import { Runner } from './peers/runner.mjs';

/** Workloads whose rows have their names. @type {Record<string, string>} */
const OPERATIONS = {
	'fill-random': 'fill random, batches of 1,000',
	'get-sync-buffer': 'random getSync',
	'missing-sync': 'missing key, getSync',
	'scan-buffers': 'scan, an entry',
};
const FEWEST = 10_000;
const MEBIBYTE = 1024 * 1024;

const { values } = parseArgs({ options: { ...commonOptions, kernels: { type: 'string' } } });
const most = integer('n', values.n, 1_000_000, FEWEST);
const repetitions = integer('repetitions', values.repetitions, 3, 1);
const kernels = names('kernels', values.kernels, ['native', 'js'], ['native', 'js']);
const out = values.out ?? 'bench/results';

/** @typedef {{ kernel: string, operation: string, n: number, nanoseconds: number }} Point */
/** @type {Point[]} */
const points = [];
let machine = describeMachine('.');
for (const n of sizes()) {
	const settings = readSettings({ ...values, n: `${n}` }, { n, seconds: 1 });
	const runner = new Runner({ ...settings, cacheBytes: Math.max(64 * MEBIBYTE, 256 * n) });
	if (n === FEWEST) machine = describeMachine(runner.directory);
	for (const operation of Object.keys(OPERATIONS)) await measure(runner, operation, n);
	runner.remove();
}
mkdirSync(out, { recursive: true });
writeFileSync(path.join(out, 'scale.json'), `${JSON.stringify({ machine, points }, null, '\t')}\n`);
writeFileSync(path.join(out, 'scale.svg'), plot());
console.log(`\n${table(['ns an operation', ...sizes().map((n) => number(n))], tableRows())}`);

function sizes() {
	const list = [];
	for (let n = FEWEST; n < most; n *= 10) list.push(n);
	return [...list, most];
}

/**
 * @param {Runner} runner
 * @param {string} operation
 * @param {number} n
 */
async function measure(runner, operation, n) {
	/** @type {Map<string, number[]>} */
	const samples = new Map(kernels.map((kernel) => [kernel, []]));
	for (let repetition = 1; repetition <= repetitions; repetition++) {
		for (const [kernel, list] of samples) {
			for (const { workload, figures, error } of await runner.measure(`varve-${kernel}`, operation, repetition)) {
				if (error !== undefined) throw new Error(`${workload}, ${kernel}, ${n} entries: ${error}`);
				const rate = figures?.[operation];
				if (rate !== undefined) list.push(1e9 / rate);
			}
		}
	}
	for (const [kernel, list] of samples) {
		points.push({ kernel, operation, n, nanoseconds: median(list) });
		console.log(`${number(n)} entries, ${OPERATIONS[operation]}, ${kernel}: ${number(median(list))} ns`);
	}
}

function plot() {
	const panels = Object.entries(OPERATIONS).map(([operation, title]) => ({
		title: `${title}, ns`,
		lines: kernels.map((kernel) => ({
			name: kernel,
			points: of(kernel, operation).map(({ n, nanoseconds }) => ({ x: n, y: nanoseconds })),
		})),
	}));
	return svg('Cost of an operation by the size of the store', 'entries', panels, { logarithmic: true });
}

function tableRows() {
	return Object.entries(OPERATIONS).flatMap(([operation, title]) =>
		kernels.map((kernel) => [`${title}, ${kernel}`, ...of(kernel, operation).map(({ nanoseconds }) => number(nanoseconds))]),
	);
}

/**
 * @param {string} kernel
 * @param {string} operation
 */
function of(kernel, operation) {
	return points.filter((point) => point.kernel === kernel && point.operation === operation);
}
