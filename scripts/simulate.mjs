/**
 * `npm run simulate -- [options]`: what each compaction strategy costs under several loads, without a disk. `--help` lists the options,
 * docs/compaction.md tells what the figures say. The same arguments print the same.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SingleBar } from 'cli-progress';
import { help, parseArguments } from './simulate/arguments.mjs';
import { chart } from './simulate/chart.mjs';
import { makeLoads } from './simulate/loads.mjs';
import { Simulation } from './simulate/simulation.mjs';
import { ENTRY_BYTES } from './simulate/tables.mjs';
import { svg } from './svg.mjs';
import { number, table } from './table.mjs';

/** @typedef {import('./simulate/arguments.mjs').Arguments} Arguments */
/** @typedef {import('./simulate/loads.mjs').Load} Load */
/** @typedef {{ strategy: string, result: import('./simulate/simulation.mjs').Result }} Outcome */

const MEASURES = /** @type {const} */ (['write', 'read', 'space']);

const given = readArguments();
if (given?.help) console.log(help(makeLoads(200_000, 1)));
else if (given !== undefined) simulate(given);

/** @returns {Arguments | undefined} undefined after a mistake, which is printed */
function readArguments() {
	try {
		const names = makeLoads(1, 1).map(({ name }) => name);
		const parsed = parseArguments(process.argv.slice(2), names);
		if (parsed.svg !== undefined) mkdirSync(parsed.svg, { recursive: true });
		return parsed;
	} catch (error) {
		console.error(`${/** @type {Error} */ (error).message}\n--help lists the options.`);
		process.exitCode = 2;
		return undefined;
	}
}

/** @param {Arguments} given */
function simulate(given) {
	/** @type {string[][]} */
	const rows = [];
	for (const load of makeLoads(given.keys, given.operations)) {
		if (!given.loads.includes(load.name)) continue;
		const outcomes = given.strategies.map((strategy) => ({ strategy, result: run(load, strategy, given) }));
		const title = `${load.name}: ${load.what}; ${number(given.operations)} writes of ${ENTRY_BYTES} bytes`;
		if (given.charts) console.log(`${title}\n\n${MEASURES.map((measure) => `${draw(measure, outcomes)}\n`).join('\n')}`);
		if (given.svg !== undefined) writeFileSync(path.join(given.svg, `${load.name}.svg`), plot(title, outcomes));
		for (const outcome of outcomes) rows.push(rowOf(load, outcome));
	}
	console.log(table(['load', 'strategy', 'write amp', 'read amp', 'space amp', 'peak space', 'merges', 'drops', 'moves'], rows));
}

/**
 * @param {Load} load
 * @param {Arguments['strategies'][number]} compactionStrategy
 * @param {Arguments} given
 */
function run(load, compactionStrategy, { options, operations, seed }) {
	const simulation = new Simulation({ ...options, compactionStrategy }, load.keys);
	// To standard error, and only where that is a terminal: what is printed is the same every time.
	const format = `${load.name}, ${compactionStrategy} [{bar}] {percentage} %`;
	const bar = new SingleBar({ format, clearOnComplete: true, barCompleteChar: '#', barIncompleteChar: '.' });
	bar.start(operations, 0);
	try {
		return simulation.run(load, { operations, seed, onProgress: (done) => bar.update(done) });
	} finally {
		bar.stop();
	}
}

/**
 * @param {typeof MEASURES[number]} measure
 * @param {Outcome[]} outcomes
 */
function draw(measure, outcomes) {
	const series = outcomes.map(({ strategy, result }) => ({
		name: strategy,
		mark: strategy[0],
		values: result.samples.map((sample) => sample[measure]),
	}));
	// What is drawn last lies above.
	return chart(`${measure} amplification`, series.reverse());
}

/**
 * @param {string} title
 * @param {Outcome[]} outcomes
 */
function plot(title, outcomes) {
	const panels = MEASURES.map((measure) => ({
		title: `${measure} amplification`,
		lines: outcomes.map(({ strategy, result }) => ({
			name: strategy,
			points: result.samples.map((sample) => ({ x: sample.operations, y: sample[measure] })),
		})),
	}));
	return svg(title, 'writes', panels);
}

/**
 * @param {Load} load
 * @param {Outcome} outcome
 */
function rowOf({ name }, { strategy, result: { write, read, space, peakSpace, merges, drops, moves } }) {
	const figures = [write, read, space, peakSpace].map((figure) => number(figure, 2));
	return [name, strategy, ...figures, ...[merges, drops, moves].map((count) => number(count))];
}
