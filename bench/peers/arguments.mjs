/** The options of the commands that measure stores. */
import { parseArgs } from 'node:util';
import { stores } from './stores/index.mjs';
import { workloads } from './workloads.mjs';

const text = /** @type {const} */ ({ type: 'string' });
const flag = /** @type {const} */ ({ type: 'boolean' });

export const commonOptions = {
	n: text,
	cache: text,
	repetitions: text,
	seconds: text,
	'time-limit': text,
	directory: text,
	out: text,
};

/** What `--quick` measures: a row of each kind. */
const QUICK_WORKLOADS = [
	'fill-random',
	'put-one',
	'put-fsync-64',
	'get-one',
	'get-sync-buffer',
	'missing-sync',
	'scan-buffers',
	'overwrite',
];
const MEBIBYTE = 1024 * 1024;
const FEWEST_ENTRIES = 400;

/**
 * The options of `bench:peers`.
 * @param {string[]} args
 */
export function readPeersArguments(args) {
	const { values } = parseArgs({ args, options: { ...commonOptions, stores: text, workloads: text, quick: flag, redraw: flag } });
	const { quick = false, redraw = false } = values;
	return {
		settings: readSettings(values, quick ? { n: 50_000, seconds: 0.7 } : { n: 200_000, seconds: 2 }),
		stores: names('stores', values.stores, Object.keys(stores), Object.keys(stores)),
		workloads: names('workloads', values.workloads, Object.keys(workloads), quick ? QUICK_WORKLOADS : Object.keys(workloads)),
		repetitions: integer('repetitions', values.repetitions, quick ? 1 : 3, 1),
		out: values.out ?? 'bench/results',
		redraw,
	};
}

/**
 * @param {Partial<Record<keyof typeof commonOptions, string>>} values
 * @param {{ n: number, seconds: number }} defaults
 * @returns {import('./runner.mjs').Settings}
 */
export function readSettings(values, defaults) {
	return {
		n: integer('n', values.n, defaults.n, FEWEST_ENTRIES),
		cacheBytes: integer('cache', values.cache, 64, 1) * MEBIBYTE,
		seconds: positive('seconds', values.seconds, defaults.seconds),
		timeLimitSeconds: positive('time-limit', values['time-limit'], 600),
		directory: values.directory,
	};
}

/**
 * @param {string} name
 * @param {string | undefined} given
 * @param {number} byDefault
 * @param {number} least
 */
export function integer(name, given, byDefault, least) {
	const value = Number(given ?? byDefault);
	if (!Number.isSafeInteger(value) || value < least) throw new Error(`--${name} takes an integer from ${least}, not '${given}'.`);
	return value;
}

/**
 * @param {string} name
 * @param {string | undefined} given
 * @param {number} byDefault
 */
export function positive(name, given, byDefault) {
	const value = Number(given ?? byDefault);
	if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw new Error(`--${name} takes a number above 0, not '${given}'.`);
	return value;
}

/**
 * Names separated by commas, each once and in the order of those that there are.
 * @param {string} option
 * @param {string | undefined} given
 * @param {string[]} known
 * @param {string[]} byDefault
 */
export function names(option, given, known, byDefault) {
	if (given === undefined) return byDefault;
	const asked = given.split(',').map((name) => name.trim());
	const unknown = asked.filter((name) => !known.includes(name));
	if (unknown.length > 0) throw new Error(`--${option}: there is no '${unknown.join("', '")}'. There are ${known.join(', ')}.`);
	return known.filter((name) => asked.includes(name));
}
