/** Copies a LevelDB database into a Varve store, goes on after interruptions, and proves that both hold the same. See README.md. */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { Database, LockedError, NotFoundError, VarveError } from 'varve';
import { number } from '../../scripts/table.mjs';
import { parseArguments, USAGE } from './arguments.mjs';
import { copy, countCopied } from './copy.mjs';
import { Progress } from './progress.mjs';
import { Refusal } from './refusal.mjs';
import { openSource, shareEstimator } from './source.mjs';
import { readState, stateFileOf, writeState } from './state.mjs';
import { printResult, verify } from './verify.mjs';

const EXIT_DIFFERENT = 1;
const EXIT_REFUSED = 2;
const EXIT_INTERRUPTED = 130;

/** @typedef {import('./arguments.mjs').Arguments} Arguments */
/** @typedef {import('./source.mjs').Source} Source */

const interruption = new AbortController();
process.on('SIGINT', () => {
	// A second one does not wait for the batch. That does no harm either: the next run recovers as from a crash.
	if (interruption.signal.aborted) process.exit(EXIT_INTERRUPTED);
	interruption.abort();
});

try {
	const args = parseArguments(process.argv.slice(2));
	if (args === undefined) console.log(USAGE);
	else process.exitCode = await run(args);
} catch (error) {
	process.exitCode = report(error);
}

/**
 * @param {Arguments} args
 * @returns {Promise<number>} the exit code
 */
async function run(args) {
	const paths = { source: realPath(args.source), destination: realPath(args.destination) };
	if (contains(paths.source, paths.destination) || contains(paths.destination, paths.source)) {
		throw new Refusal('One of the directories is the other one, or lies in it.');
	}
	const source = await openSource(paths.source);
	try {
		return await (args.verifyOnly ? verifyOnly(source, paths.destination) : migrate(source, { ...args, ...paths }));
	} finally {
		await source.close();
	}
}

/**
 * @param {Source} source
 * @param {string} directory
 */
async function verifyOnly(source, directory) {
	// Varve would leave empty directories behind where there is no store.
	if (!existsSync(path.join(directory, 'CURRENT'))) throw new Refusal(`There is no Varve store in ${directory}.`);
	const destination = await Database.open(directory, { createIfMissing: false });
	try {
		const result = await compareStores(source, destination);
		if (result === undefined) return interrupted();
		return result.difference === undefined ? 0 : EXIT_DIFFERENT;
	} finally {
		await destination.close();
	}
}

/**
 * @param {Source} source
 * @param {Arguments} args paths are absolute
 */
async function migrate(source, args) {
	const before = readState(args.source, args.destination);
	const state = before ?? { source: args.source, started: new Date().toISOString(), state: 'copying' };
	if (before === undefined) writeState(args.destination, state);
	const destination = await Database.open(args.destination, { createIfMissing: state.state === 'copying' });
	try {
		if (state.state === 'copying') {
			if (!(await copyEntries(source, destination, args))) return interrupted();
			writeState(args.destination, { ...state, state: 'verifying' });
		} else if (state.state === 'done') {
			console.log(`Already migrated on ${state.finished}: ${number(state.entries ?? 0)} entries.`);
		}
		const result = await compareStores(source, destination);
		if (result === undefined) return interrupted();
		if (result.difference !== undefined) return different(state.state === 'done', args.destination);
		if (state.state !== 'done') {
			writeState(args.destination, { ...state, state: 'done', finished: new Date().toISOString(), ...result.source });
		}
		return 0;
	} finally {
		await destination.close();
	}
}

/**
 * @param {Source} source
 * @param {Database} destination
 * @param {Arguments} args
 */
async function copyEntries(source, destination, { batchBytes, pause }) {
	const done = await countCopied(destination);
	if (done.entries > 0) console.log(`Going on after ${number(done.entries)} entries that were copied before.`);
	const progress = new Progress('copying', await shareEstimator(source));
	try {
		return await copy({ source, destination, done, batchBytes, pause, progress, signal: interruption.signal });
	} finally {
		progress.stop();
	}
}

/**
 * @param {Source} source
 * @param {Database} destination
 */
async function compareStores(source, destination) {
	const progress = new Progress('verifying', await shareEstimator(source));
	const result = await verify({ source, destination, progress, signal: interruption.signal }).finally(() => progress.stop());
	if (result !== undefined) printResult(result);
	return result;
}

function interrupted() {
	console.log('Interrupted. Run the same command again to go on.');
	return EXIT_INTERRUPTED;
}

/**
 * @param {boolean} wasDone
 * @param {string} destination
 */
function different(wasDone, destination) {
	console.error(
		wasDone
			? 'They were the same when the migration ended: one of them was written since.'
			: 'The source may have been written between two runs.',
	);
	console.error(`To migrate again, delete ${destination} and ${stateFileOf(destination)}.`);
	return EXIT_DIFFERENT;
}

/**
 * Says what went wrong.
 * @param {unknown} error
 * @returns {number} the exit code
 */
function report(error) {
	const refused = error instanceof Refusal || error instanceof LockedError || error instanceof NotFoundError;
	console.error(refused || error instanceof VarveError ? error.message : error);
	return refused ? EXIT_REFUSED : 1;
}

/**
 * Absolute, without symbolic links; the path, or its end, may be missing.
 * @param {string} location
 * @returns {string}
 */
function realPath(location) {
	const absolute = path.resolve(location);
	if (existsSync(absolute)) return realpathSync(absolute);
	return path.join(realPath(path.dirname(absolute)), path.basename(absolute));
}

/**
 * @param {string} outer
 * @param {string} inner
 */
function contains(outer, inner) {
	return inner === outer || inner.startsWith(outer.endsWith(path.sep) ? outer : outer + path.sep);
}
