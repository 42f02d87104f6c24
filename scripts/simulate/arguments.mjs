/** What the simulator is asked for. */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

/** @typedef {import('../../dist/options/schema.js').ResolvedOptions} ResolvedOptions */
/** @typedef {ResolvedOptions['compactionStrategy']} StrategyName */
/**
 * @typedef {object} Arguments
 * @property {boolean} help
 * @property {StrategyName[]} strategies
 * @property {string[]} loads
 * @property {number} operations
 * @property {number} keys
 * @property {number} seed
 * @property {string | undefined} svg folder for the plots
 * @property {boolean} charts
 * @property {ResolvedOptions} options of the simulated store
 */

/** @type {typeof import('../../dist/options/schema.js')} */
const schema = createRequire(import.meta.url)('../../dist/options/schema.js');

const KIB = 1024;
const MIB = 1024 * KIB;

/** A 64th of the defaults of a store, and fifo beside it: a minute of writing becomes a second. */
const SCALED = { memtableSize: 512 * KIB, tableSize: 256 * KIB, levelBaseSize: MIB, fifoMaxSize: 8 * MIB };

/** Options of the store that change something here. */
const SETTABLE = [
	'memtableSize',
	'tableSize',
	'level0CompactionTrigger',
	'levelBaseSize',
	'levelMultiplier',
	'tieredMaxRuns',
	'tieredSizeRatio',
	'tieredMaxSpaceAmplification',
	'fifoMaxSize',
	'fifoMaxAgeSeconds',
	'tombstoneRatio',
	'compactionPeriodSeconds',
];

/** @type {StrategyName[]} */
const STRATEGIES = ['leveled', 'tiered', 'fifo'];

/** Up to here keys fit beside their tombstone bit into 32 bits, and the tables of all keys into memory. */
const MOST = 100_000_000;

/** @param {{ name: string, what: string }[]} loads */
export function help(loads) {
	return `npm run simulate -- [options]

Replays loads through the compaction strategies, without a disk: what they write, what a read meets, and what space they take.
Sizes are a 64th of the defaults of a store (memtables of 512 KiB, tables of 256 KiB, levels from 1 MiB on; fifo keeps 8 MiB),
entries are 100 bytes, and a write takes a millisecond of simulated time. The same seed prints the same figures.

  --strategy name      ${STRATEGIES.join(', ')}; more than once for several. Default: all
  --load name          one of the loads below; more than once for several. Default: all
  --operations n       writes of each load. Default 1,000,000
  --keys n             keys of the loads that overwrite. Default 200,000
  --seed n             of the random numbers. Default 1
  --set option=value   option of the store, more than once for several:
                       ${SETTABLE.slice(0, 5).join(', ')},
                       ${SETTABLE.slice(5, 9).join(', ')},
                       ${SETTABLE.slice(9).join(', ')}
  --svg folder         writes a plot of each load into a folder
  --no-charts          prints the table alone
  --help               prints this

Loads:
${loads.map(({ name, what }) => `  ${name.padEnd(13)}${what}`).join('\n')}`;
}

/**
 * @param {string[]} words of the command line
 * @param {string[]} loadNames
 * @returns {Arguments}
 * @throws Error that names the mistake
 */
export function parseArguments(words, loadNames) {
	const text = /** @type {const} */ ({ type: 'string' });
	const texts = /** @type {const} */ ({ type: 'string', multiple: true });
	const flag = /** @type {const} */ ({ type: 'boolean', default: false });
	const { values } = parseArgs({
		args: words,
		options: {
			strategy: texts,
			load: texts,
			operations: text,
			keys: text,
			seed: text,
			set: texts,
			svg: text,
			'no-charts': flag,
			help: { ...flag, short: 'h' },
		},
	});
	if (values.svg === '') throw new Error('--svg takes a folder.');
	return {
		help: values.help,
		strategies: chosen('strategy', values.strategy, STRATEGIES),
		loads: chosen('load', values.load, loadNames),
		operations: integer('operations', values.operations, 1_000_000, 1, MOST),
		keys: integer('keys', values.keys, 200_000, 1, MOST),
		seed: integer('seed', values.seed, 1, 0, 2 ** 32 - 1),
		svg: values.svg,
		charts: !values['no-charts'],
		options: storeOptions(values.set ?? []),
	};
}

/**
 * Those of some names that were asked for, in their own order; all when none was.
 * @template {string} T
 * @param {string} option
 * @param {string[] | undefined} asked
 * @param {T[]} known
 * @returns {T[]}
 */
function chosen(option, asked, known) {
	const unknown = asked?.find((name) => !known.includes(/** @type {T} */ (name)));
	if (unknown !== undefined) throw new Error(`--${option} is '${unknown}'; it takes one of ${known.join(', ')}.`);
	return known.filter((name) => asked?.includes(name) ?? true);
}

/**
 * @param {string} option
 * @param {string | undefined} value
 * @param {number} byDefault
 * @param {number} least
 * @param {number} most
 */
function integer(option, value, byDefault, least, most) {
	if (value === undefined) return byDefault;
	const result = /^\d+$/.test(value) ? Number(value) : Number.NaN;
	if (result >= least && result <= most) return result;
	throw new Error(`--${option} is '${value}'; it takes an integer from ${least} to ${most}.`);
}

/** @param {string[]} settings */
function storeOptions(settings) {
	const given = Object.fromEntries(settings.map(parseSetting));
	schema.checkOpenOptions(given);
	return schema.resolveOptions(SCALED, given);
}

/**
 * @param {string} setting
 * @returns {[string, unknown]}
 */
function parseSetting(setting) {
	const [, name, value] = /^(\w+)=(.+)$/.exec(setting) ?? [];
	if (name === undefined) throw new Error(`--set is '${setting}'; it takes option=value.`);
	if (!SETTABLE.includes(name)) throw new Error(`--set knows no option '${name}'; it knows ${SETTABLE.join(', ')}.`);
	return [name, value === 'false' ? false : Number(value)];
}
