/**
 * `npm run bench:regress -- BASE [HEAD] [--kernels native,js] [--workloads a,b] [--n entries] [--repetitions r]
 * [--tolerance percent]`: is a commit slower than another on this machine? HEAD is by default the commit that is checked out.
 *
 * Both are built in temporary git worktrees, with the installed packages of this one, and measured by this harness in alternation. Exit code
 * 1 when the median of any row is worse by more than the tolerance (15 %), or a measurement of HEAD fails.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { number, table } from '../scripts/table.mjs';
import { root } from '../scripts/toolchain.mjs';
import { commonOptions, integer, names, positive, readSettings } from './peers/arguments.mjs';
import { medians, show } from './peers/compare.mjs';
import { findRegressions } from './peers/regressions.mjs';
import { rows } from './peers/rows.mjs';
import { Runner } from './peers/runner.mjs';
import { workloads } from './peers/workloads.mjs';

const DEFAULT_WORKLOADS = [
	'fill-random',
	'put-one',
	'put-sync',
	'get-one',
	'get-sync-buffer',
	'missing-sync',
	'get-many',
	'scan-buffers',
	'seek-10',
	'overwrite',
];
/** A file system has its moods: rows that are the time of one event, or wait for the disk, do not decide. */
const UNSTEADY_ROWS = ['put-fsync-one', 'put-fsync-64', 'put-p99', 'fill-stall', 'open'];

const text = /** @type {const} */ ({ type: 'string' });
const options = { ...commonOptions, kernels: text, workloads: text, tolerance: text };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const [base, head = 'HEAD'] = positionals;
if (base === undefined || positionals.length > 2)
	throw new Error('Give the commit to compare with, and possibly the one to compare.');
const settings = readSettings(values, { n: 100_000, seconds: 1 });
const repetitions = integer('repetitions', values.repetitions, 5, 1);
const tolerance = positive('tolerance', values.tolerance, 15) / 100;
const kernels = names('kernels', values.kernels, ['native', 'js'], ['native', 'js']);
const chosen = names('workloads', values.workloads, Object.keys(workloads), DEFAULT_WORKLOADS);

const place = mkdtempSync(path.join(settings.directory ?? tmpdir(), 'varve-regress-'));
/** @type {string[]} */
const worktrees = [];
process.on('exit', () => {
	for (const worktree of worktrees) spawnSync('git', ['worktree', 'remove', '--force', worktree], { cwd: root });
	rmSync(place, { recursive: true, force: true, maxRetries: 5 });
});

const builds = { base: build('base', commitOf(base)), head: build('head', commitOf(head)) };
const runner = new Runner(settings);
/** @type {Record<'base' | 'head', import('./peers/compare.mjs').Measurement[]>} */
const measurements = { base: [], head: [] };
for (let repetition = 1; repetition <= repetitions; repetition++) {
	for (const workload of chosen) {
		for (const kernel of kernels) {
			for (const side of alternated(repetition)) {
				measurements[side].push(...(await runner.measure(`varve-${kernel}`, workload, repetition, builds[side])));
			}
		}
	}
	console.log(`repetition ${repetition} of ${repetitions} is done`);
}
const failures = measurements.head.filter(({ error }) => error !== undefined);
for (const { store, workload, error } of failures) console.log(`${head}: ${store}, ${workload} failed: ${error}`);
const compared = findRegressions(medians(measurements.base), medians(measurements.head), tolerance);
const judged = compared.map((one) => ({ ...one, worse: one.worse && !UNSTEADY_ROWS.includes(one.row) }));
console.log(
	table(
		['row, store', base, head, 'speed', ''],
		judged.map(({ row, store, before, after, ratio, worse }) => [
			`${rows[row].title}, ${store}`,
			show(rows[row], before),
			show(rows[row], after),
			`${number(ratio, 2)} x`,
			worse ? 'SLOWER' : '',
		]),
	),
);
process.exitCode = failures.length > 0 || judged.some(({ worse }) => worse) ? 1 : 0;

/** @param {string} name */
function commitOf(name) {
	const { status, stdout } = spawnSync('git', ['rev-parse', '--verify', '--quiet', `${name}^{commit}`], {
		cwd: root,
		encoding: 'utf8',
	});
	if (status !== 0) throw new Error(`There is no commit '${name}'.`);
	return stdout.trim();
}

/**
 * @param {string} name of the directory
 * @param {string} commit
 * @returns {string} the entry point of a built worktree
 */
function build(name, commit) {
	const worktree = path.join(place, name);
	console.log(`building ${commit.slice(0, 10)} ...`);
	run('git', ['worktree', 'add', '--detach', '--quiet', worktree, commit], root);
	worktrees.push(worktree);
	symlinkSync(path.join(root, 'node_modules'), path.join(worktree, 'node_modules'), 'junction');
	// One target directory: the second build compiles only what differs.
	const target = path.join(place, 'target');
	mkdirSync(target, { recursive: true });
	run('npm', ['run', '--silent', 'build'], worktree, { CARGO_TARGET_DIR: target });
	return path.join(worktree, 'dist', 'index.mjs');
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @param {Record<string, string>} [env]
 */
function run(command, args, cwd, env = {}) {
	const shell = process.platform === 'win32';
	const { status } = spawnSync(command, args, {
		cwd,
		env: { ...process.env, ...env },
		stdio: ['ignore', 'ignore', 'inherit'],
		shell,
	});
	if (status !== 0) throw new Error(`${command} ${args[0]} ended with code ${status}.`);
}

/**
 * The side that begins changes from repetition to repetition.
 * @param {number} repetition
 * @returns {('base' | 'head')[]}
 */
function alternated(repetition) {
	return repetition % 2 === 1 ? ['base', 'head'] : ['head', 'base'];
}
