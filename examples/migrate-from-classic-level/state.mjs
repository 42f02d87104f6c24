/**
 * The state file beside the destination, `<destination>.migration.json`: that the store was made by this program, from which source, and
 * how far it came. It is replaced by rename after an fsync, so a crash leaves the old one or the new one.
 *
 * How many entries were copied is not in it: the destination itself knows, since batches are atomic and come in the order of the keys.
 */
import {
	closeSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	renameSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { Refusal } from './refusal.mjs';

/**
 * @typedef {object} State
 * @property {string} source directory of the LevelDB database, absolute
 * @property {string} started ISO 8601
 * @property {'copying' | 'verifying' | 'done'} state 'verifying': everything is copied and durable; 'done': and was compared
 * @property {string} [finished] ISO 8601
 * @property {number} [entries] with 'done'
 * @property {string} [sha256] with 'done': see verify.mjs
 */

/** @param {string} destination */
export function stateFileOf(destination) {
	return `${destination}.migration.json`;
}

/**
 * How far a migration from `source` to `destination` is; `undefined` when it has not begun.
 * @param {string} source
 * @param {string} destination
 * @returns {State | undefined}
 */
export function readState(source, destination) {
	const file = stateFileOf(destination);
	if (!existsSync(file)) {
		if (!isEmptyOrMissing(destination)) {
			throw new Refusal(
				`${destination} is not empty, and was not made by this program: there is no ${file}. Name a new directory.`,
			);
		}
		return undefined;
	}
	const state = parseState(file);
	if (state.source !== source) {
		throw new Refusal(`${destination} is being migrated from ${state.source}, not from ${source} (see ${file}).`);
	}
	if (state.state !== 'copying' && isEmptyOrMissing(destination)) {
		throw new Refusal(`${file} says that everything was copied, but ${destination} is gone. Delete ${file} to copy again.`);
	}
	return state;
}

/**
 * Makes a state durable.
 * @param {string} destination
 * @param {State} state
 */
export function writeState(destination, state) {
	const file = stateFileOf(destination);
	const temporary = `${file}.tmp`;
	mkdirSync(path.dirname(file), { recursive: true });
	const fd = openSync(temporary, 'w');
	try {
		writeFileSync(fd, `${JSON.stringify(state, undefined, '\t')}\n`);
		fsyncSync(fd);
	} finally {
		closeSync(fd);
	}
	renameSync(temporary, file);
	syncDirectory(path.dirname(file));
}

/** @param {string} directory */
function syncDirectory(directory) {
	// Windows has no fsync for directories.
	if (process.platform === 'win32') return;
	const fd = openSync(directory, 'r');
	try {
		fsyncSync(fd);
	} finally {
		closeSync(fd);
	}
}

/** @param {string} directory */
function isEmptyOrMissing(directory) {
	return !existsSync(directory) || (statSync(directory).isDirectory() && readdirSync(directory).length === 0);
}

/**
 * @param {string} file
 * @returns {State}
 */
function parseState(file) {
	try {
		const state = JSON.parse(readFileSync(file, 'utf8'));
		const known = ['copying', 'verifying', 'done'].includes(state.state);
		if (known && typeof state.source === 'string' && typeof state.started === 'string') return state;
	} catch (error) {
		if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
	}
	throw new Refusal(`${file} is not a state file of this program. Delete it together with the destination to start again.`);
}
