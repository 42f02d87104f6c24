/**
 * `npm run profile -- WORKLOAD [--kernel native|js] [--n entries] [--seconds s] [--out folder]`: a workload of the comparison under the CPU
 * profiler of V8. Writes a .cpuprofile of what is measured, and prints in which phases the time of the calling thread went.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { number, table } from '../scripts/table.mjs';
import { root } from '../scripts/toolchain.mjs';
import { commonOptions, names, readSettings } from './peers/arguments.mjs';
import { runJob } from './peers/job.mjs';
import { Runner } from './peers/runner.mjs';
import { workloads } from './peers/workloads.mjs';
import { summarize } from './phases.mjs';

const SAMPLING_MICROSECONDS = 100;
const FUNCTIONS = 15;
/** The store in a file for each module: they tell the phases. */
const UNBUNDLED = path.join(root, 'dist', 'internal.js');

const { values, positionals } = parseArgs({ options: { ...commonOptions, kernel: { type: 'string' } }, allowPositionals: true });
const known = Object.keys(workloads);
if (positionals.length !== 1) throw new Error(`Give one workload: ${known.join(', ')}.`);
const [workload] = names('workload', positionals[0], known, []);
const [kernel] = names('kernel', values.kernel ?? 'native', ['native', 'js'], []);
const settings = readSettings(values, { n: 200_000, seconds: 3 });
const out = values.out ?? 'bench/results';
const store = `varve-${kernel}`;

const runner = new Runner(settings);
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_MICROSECONDS });
/** @type {import('node:inspector').Profiler.Profile[]} */
const profiles = [];
const outcome = await runJob(
	{ ...settings, store, workload, like: workload, directory: await directoryOf(workload), varve: UNBUNDLED },
	{
		begin: () => session.post('Profiler.start'),
		end: async () => profiles.push((await session.post('Profiler.stop')).profile),
	},
);
mkdirSync(out, { recursive: true });
for (const [i, profile] of profiles.entries()) {
	const file = path.join(out, `${workload}-${kernel}${i === 0 ? '' : `-${i + 1}`}.cpuprofile`);
	writeFileSync(file, JSON.stringify(profile));
	console.log(`wrote ${file}`);
}
printPhases();

/** @param {string} name of a workload */
async function directoryOf(name) {
	if (workloads[name].start === 'empty') return path.join(runner.directory, 'store');
	const { measurement, directory } = await runner.prepare({ store, like: name });
	if (measurement.error !== undefined) throw new Error(`No store to read could be made: ${measurement.error}`);
	return directory;
}

function printPhases() {
	const { phases, functions } = summarize(profiles);
	const total = phases.reduce((sum, [, milliseconds]) => sum + milliseconds, 0);
	const { operations, seconds } = outcome;
	const row = (/** @type {readonly [string, number]} */ [name, milliseconds]) => [
		name,
		number(milliseconds, 1),
		`${number((100 * milliseconds) / total, 1)} %`,
		number((milliseconds * 1e6) / operations),
	];
	const heading = (/** @type {string} */ what) => [what, 'ms', 'share', 'ns an operation'];
	console.log(
		`\n${workload}, kernel ${kernel}: ${number(operations)} operations in ${number(seconds, 2)} s under the profiler\n`,
	);
	console.log(table(heading('phase'), phases.filter(([, milliseconds]) => milliseconds > 0).map(row)));
	console.log(`\n${table(heading('function, self time'), functions.slice(0, FUNCTIONS).map(row))}`);
	const addon =
		'The addon is one box to V8: "native calls" are the way through Node-API and the kernel behind it, together; `perf record` on';
	console.log(
		`\n${kernel === 'native' ? `${addon}\nthe process tells them apart. ` : ''}Background threads are not in the profile.`,
	);
}
