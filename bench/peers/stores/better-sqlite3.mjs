/** better-sqlite3: a table of keys and values in SQLite, called on the calling thread. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { loadPeer } from './store.mjs';

/** @typedef {import('./store.mjs').Adapter} Adapter */
/** @typedef {import('./store.mjs').BenchStore} BenchStore */
/** @typedef {import('./store.mjs').Bytes} Bytes */

/**
 * The parts of its interface that are used.
 * @typedef {object} Statement
 * @property {(...parameters: unknown[]) => unknown} run
 * @property {(...parameters: unknown[]) => unknown} get
 * @property {(...parameters: unknown[]) => Iterable<[key: Bytes, value: Bytes]>} iterate
 * @property {() => Statement} raw
 * @property {() => Statement} pluck
 */
/**
 * @typedef {object} Sqlite
 * @property {(sql: string) => Statement} prepare
 * @property {(pragma: string) => unknown} pragma
 * @property {(sql: string) => void} exec
 * @property {<A>(body: (argument: A) => void) => (argument: A) => void} transaction
 * @property {() => void} close
 */

/** @type {Adapter} */
export const betterSqlite3 = {
	title: 'better-sqlite3',
	packageName: 'better-sqlite3',
	keyForm: 'buffer',
	formsDiffer: true,
	settings:
		'`WITHOUT ROWID` table of BLOBs (TEXT for strings); WAL; `synchronous = OFF` without fsync, `FULL` with it; `cache_size` as the cache, memory map of 1 GiB; prepared statements, a transaction for each batch; synchronous calls stand for promises',
	missing: { getReused: 'no read into a buffer of the caller' },
	async open({ directory, sync, cacheBytes, form }) {
		const Sqlite = /** @type {new (file: string) => Sqlite} */ (loadPeer('better-sqlite3'));
		mkdirSync(directory, { recursive: true });
		const db = new Sqlite(path.join(directory, 'data.sqlite'));
		const type = form === 'string' ? 'TEXT' : 'BLOB';
		db.pragma('journal_mode = WAL');
		db.pragma(`synchronous = ${sync ? 'FULL' : 'OFF'}`);
		db.pragma(`cache_size = -${Math.ceil(cacheBytes / 1024)}`);
		db.pragma(`mmap_size = ${1024 ** 3}`);
		db.exec(`CREATE TABLE IF NOT EXISTS entries (key ${type} PRIMARY KEY, value ${type}) WITHOUT ROWID`);
		return storeOf(db);
	},
};

/**
 * @param {Sqlite} db
 * @returns {BenchStore}
 */
function storeOf(db) {
	const insert = db.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)');
	const remove = db.prepare('DELETE FROM entries WHERE key = ?');
	const select = db.prepare('SELECT value FROM entries WHERE key = ?').pluck();
	const forward = db.prepare('SELECT key, value FROM entries ORDER BY key').raw();
	const backward = db.prepare('SELECT key, value FROM entries ORDER BY key DESC').raw();
	const range = db.prepare('SELECT key, value FROM entries WHERE key >= ? ORDER BY key LIMIT ?').raw();
	const get = (/** @type {Bytes} */ key) => /** @type {Bytes | undefined} */ (select.get(key));
	const put = (/** @type {Bytes} */ key, /** @type {Bytes} */ value) => void insert.run(key, value);
	const putAll = db.transaction((/** @type {{ keys: Bytes[], values: Bytes[] }} */ { keys, values }) => {
		for (let i = 0; i < keys.length; i++) insert.run(keys[i], values[i]);
	});
	const deleteAll = db.transaction((/** @type {Bytes[]} */ keys) => {
		for (const key of keys) remove.run(key);
	});
	return {
		putBatch: (keys, values) => putAll({ keys, values }),
		deleteBatch: deleteAll,
		put,
		putSync: put,
		get,
		getSync: get,
		getMany: (keys) => keys.map(get),
		scan: (reverse, visit) => {
			for (const [key, value] of (reverse ? backward : forward).iterate()) visit(key, value);
		},
		range: (from, limit, visit) => {
			for (const [key, value] of range.iterate(from, limit)) visit(key, value);
		},
		settle: () => db.pragma('wal_checkpoint(TRUNCATE)'),
		close: () => db.close(),
	};
}
