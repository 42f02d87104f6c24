/** The command line. */
import { parseArgs } from 'node:util';
import { Refusal } from './refusal.mjs';

const DEFAULT_BATCH_BYTES = 1024 * 1024;
const MOST_BATCH_BYTES = 256 * 1024 * 1024;
const LONGEST_PAUSE = 60_000;

export const USAGE = `Usage: node main.mjs [options] <leveldb directory> <varve directory>

Copies a LevelDB database into a Varve store and compares the two. The same command goes on after an interruption.

Options:
  --verify-only        only compare the two
  --batch-bytes <n>    bytes of keys and values in a batch, about; default ${DEFAULT_BATCH_BYTES}
  --pause <ms>         milliseconds to wait after each batch, to leave the disk to others; default 0
  -h, --help           this text

Exit codes:
  0    the stores hold the same entries
  1    they differ, or reading or writing failed
  2    refused: wrong arguments, or a source or destination that cannot be used; neither was changed
  130  interrupted with Ctrl-C; the same command goes on`;

/**
 * @typedef {object} Arguments
 * @property {string} source directory of the LevelDB database
 * @property {string} destination directory of the Varve store
 * @property {boolean} verifyOnly
 * @property {number} batchBytes
 * @property {number} pause milliseconds
 */

/**
 * The arguments, or `undefined` when help was asked for.
 * @param {string[]} args
 * @returns {Arguments | undefined}
 */
export function parseArguments(args) {
	const { values, positionals } = parse(args);
	if (values.help) return undefined;
	if (positionals.length !== 2) throw refusal(`Two directories are needed; got ${positionals.length}.`);
	const [source, destination] = positionals;
	if (source === '' || destination === '') throw refusal('The name of a directory is empty.');
	return {
		source,
		destination,
		verifyOnly: values['verify-only'] ?? false,
		batchBytes: integer('--batch-bytes', values['batch-bytes'], { fallback: DEFAULT_BATCH_BYTES, min: 1, max: MOST_BATCH_BYTES }),
		pause: integer('--pause', values.pause, { fallback: 0, min: 0, max: LONGEST_PAUSE }),
	};
}

/** @param {string[]} args */
function parse(args) {
	try {
		return parseArgs({
			args,
			allowPositionals: true,
			options: {
				help: { type: 'boolean', short: 'h' },
				'verify-only': { type: 'boolean' },
				'batch-bytes': { type: 'string' },
				pause: { type: 'string' },
			},
		});
	} catch (error) {
		throw refusal(/** @type {Error} */ (error).message);
	}
}

/**
 * @param {string} name
 * @param {string | undefined} text
 * @param {{ fallback: number, min: number, max: number }} range
 */
function integer(name, text, { fallback, min, max }) {
	if (text === undefined) return fallback;
	const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
	if (value >= min && value <= max) return value;
	throw refusal(`${name} takes an integer from ${min} to ${max}; got '${text}'.`);
}

/** @param {string} message */
function refusal(message) {
	return new Refusal(`${message}\n\n${USAGE}`);
}
