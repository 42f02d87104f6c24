/**
 * `npm run bench:peers -- [--n entries] [--stores a,b] [--workloads a,b] [--repetitions r] [--out folder] ...`: both kernels of Varve and
 * its peers on the same work.
 *
 * Each store, workload and repetition has a process of its own, and repetitions are interleaved over the stores. A store that crashes, hangs
 * or loses an entry is reported and the run goes on; the exit code is 1 when that happened to Varve. `--redraw` measures nothing: it makes
 * report and plots anew of what an earlier run has left in the folder.
 */
import { createRequire } from 'node:module';
import { number } from '../../scripts/table.mjs';
import { describeMachine } from '../machine.mjs';
import { readPeersArguments } from './arguments.mjs';
import { show } from './compare.mjs';
import { installedVersion, installPeers } from './install.mjs';
import { addResult, beginResults, publishResults } from './results.mjs';
import { rows } from './rows.mjs';
import { Runner } from './runner.mjs';
import { isVarve, stores } from './stores/index.mjs';
import { workloads } from './workloads.mjs';

const options = readPeersArguments(process.argv.slice(2));
const { settings, repetitions, out } = options;
if (options.redraw) publish();
else await run();

async function run() {
	const unavailable = installPeers(options.stores);
	const storeNames = options.stores.filter((name) => unavailable[name] === undefined);
	const runner = new Runner(settings);
	const machine = describeMachine(runner.directory);
	const conditions = describeConditions();
	beginResults(out, { machine, conditions, storeNames, versions: versionsOf(storeNames), unavailable });
	console.log([...machine, ...conditions, ...Object.entries(unavailable).map((entry) => entry.join(': '))].join('\n'));
	for (let repetition = 1; repetition <= repetitions; repetition++) {
		for (const workload of options.workloads) {
			for (const store of rotated(storeNames, repetition)) {
				if (!lacks(store, workload)) await measure(runner, store, workload, repetition);
			}
		}
	}
	publish();
}

function publish() {
	const { page, measurements } = publishResults(out);
	console.log(`\n${page}`);
	if (measurements.some(({ store, error }) => error !== undefined && isVarve(store))) process.exitCode = 1;
}

function describeConditions() {
	return [
		`${number(settings.n)} entries of 16-byte keys and 100-byte values that compress to half; a tenth and a fortieth as many of 1 KB and 4 KB`,
		`cache of ${settings.cacheBytes / 1024 ** 2} MiB; no fsync unless a row says so: a write survives the end of the process`,
		`repetitions: ${repetitions}, interleaved over the stores; single operations repeated for ${settings.seconds} s`,
	];
}

/**
 * @param {string[]} storeNames
 * @returns {Record<string, string>}
 */
function versionsOf(storeNames) {
	/** @type {{ version: string }} */
	const { version } = createRequire(import.meta.url)('../../package.json');
	return Object.fromEntries(
		storeNames.map((name) => [name, isVarve(name) ? version : (installedVersion(stores[name].packageName) ?? 'unknown')]),
	);
}

/**
 * @param {Runner} runner
 * @param {string} store
 * @param {string} workload
 * @param {number} repetition
 */
async function measure(runner, store, workload, repetition) {
	for (const measurement of await runner.measure(store, workload, repetition)) {
		addResult(out, measurement);
		const figures = Object.entries(measurement.figures ?? {}).map(([name, value]) => `${name} ${show(rows[name], value)}`);
		const outcome = measurement.error === undefined ? figures.join(', ') : `failed: ${measurement.error}`;
		console.log(`${repetition}/${repetitions}  ${measurement.workload.padEnd(16)} ${store.padEnd(19)} ${outcome}`);
	}
}

/**
 * @param {string} store
 * @param {string} workload
 */
function lacks(store, workload) {
	return workloads[workload].needs?.some((capability) => stores[store].missing[capability] !== undefined) ?? false;
}

/**
 * Another store begins in each repetition, as the first one after a pause may find the machine in another state.
 * @param {string[]} list
 * @param {number} by
 */
function rotated(list, by) {
	const first = by % Math.max(1, list.length);
	return [...list.slice(first), ...list.slice(0, first)];
}
