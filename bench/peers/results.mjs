/**
 * The files of a run: `run.json` (what was measured, where and how), `measurements.jsonl` (a line for each measurement, written as it comes), and
 * what is made of them, `report.md` and plots.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { plots } from './plots.mjs';
import { report } from './report.mjs';

/** @typedef {import('./report.mjs').Run} Run */
/** @typedef {Omit<Run, 'measurements'>} Description */
/** @typedef {import('./compare.mjs').Measurement} Measurement */

const DESCRIPTION = 'run.json';
const MEASUREMENTS = 'measurements.jsonl';

/**
 * Begins a run in a folder; one that is there is replaced.
 * @param {string} folder
 * @param {Description} description
 */
export function beginResults(folder, description) {
	mkdirSync(folder, { recursive: true });
	writeFileSync(path.join(folder, DESCRIPTION), `${JSON.stringify(description, null, '\t')}\n`);
	writeFileSync(path.join(folder, MEASUREMENTS), '');
}

/**
 * @param {string} folder
 * @param {Measurement} measurement
 */
export function addResult(folder, measurement) {
	appendFileSync(path.join(folder, MEASUREMENTS), `${JSON.stringify(measurement)}\n`);
}

/**
 * Makes report and plots of what the folder holds.
 * @param {string} folder
 */
export function publishResults(folder) {
	/** @param {string} name */
	const read = (name) => readFileSync(path.join(folder, name), 'utf8');
	const lines = read(MEASUREMENTS).split('\n').filter(Boolean);
	/** @type {Run} */
	const run = { ...JSON.parse(read(DESCRIPTION)), measurements: lines.map((line) => JSON.parse(line)) };
	const page = report(run);
	writeFileSync(path.join(folder, 'report.md'), page);
	for (const [name, svg] of Object.entries(plots(run.storeNames, run.measurements))) writeFileSync(path.join(folder, name), svg);
	return { page, measurements: run.measurements };
}
