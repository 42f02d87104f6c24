/** The LevelDB database that is read. Nothing here writes to it; LevelDB itself turns its log into a table when it opens. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ClassicLevel } from 'classic-level';
import { Refusal } from './refusal.mjs';

/** @typedef {ClassicLevel<Buffer, Buffer>} Source */
/** @typedef {[Buffer, Buffer]} Entry key and value */

/** Entries that one read returns at most. */
const ENTRIES_PER_READ = 10_000;

/**
 * Opens a database that exists; LevelDB's lock keeps every other process out until it is closed.
 * @param {string} directory
 * @returns {Promise<Source>}
 */
export async function openSource(directory) {
	// LevelDB would leave a directory, a LOCK and a LOG behind where there is no database.
	if (!existsSync(path.join(directory, 'CURRENT')))
		throw new Refusal(`${directory} is not a LevelDB database: it has no file CURRENT.`);
	if (existsSync(path.join(directory, 'wal')) || existsSync(path.join(directory, 'sst'))) {
		throw new Refusal(`${directory} is a Varve store. The LevelDB directory comes first, the Varve directory second.`);
	}
	/** @type {Source} */
	const source = new ClassicLevel(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer', createIfMissing: false });
	try {
		await source.open();
		return source;
	} catch (error) {
		const cause = /** @type {{ code?: string, message?: string }} */ (/** @type {Error} */ (error).cause ?? error);
		const advice = cause.code === 'LEVEL_LOCKED' ? ' Another process has it open: end that one first.' : '';
		throw new Refusal(`LevelDB cannot open ${directory}: ${cause.message}.${advice}`);
	}
}

/**
 * Entries in the order of their keys, as they are at the first read, in arrays of about `bytes` bytes of keys and values.
 * @param {Source} source
 * @param {{ bytes: number, after?: Buffer | undefined }} options begins behind the key `after`
 * @returns {AsyncGenerator<Entry[], void, undefined>}
 */
export async function* readChunks(source, { bytes, after }) {
	const range = after === undefined ? {} : { gt: after };
	const iterator = source.iterator({ ...range, highWaterMarkBytes: bytes, fillCache: false });
	try {
		for (;;) {
			const entries = /** @type {Entry[]} */ (await iterator.nextv(ENTRIES_PER_READ));
			if (entries.length === 0) return;
			yield entries;
		}
	} finally {
		await iterator.close();
	}
}

/**
 * A function that estimates which share of the database lies before a key, 0 to 1, or `undefined` when it is too small to tell. LevelDB
 * knows where a key is in its files, so the share is one of file bytes; entries are not counted anywhere.
 * @param {Source} source
 * @returns {Promise<(key: Buffer) => Promise<number | undefined>>}
 */
export async function shareEstimator(source) {
	const [last] = await source.keys({ reverse: true, limit: 1 }).all();
	const start = Buffer.alloc(0);
	const total = last === undefined ? 0 : await source.approximateSize(start, last);
	return async (key) => (total === 0 ? undefined : Math.min(1, (await source.approximateSize(start, key)) / total));
}
