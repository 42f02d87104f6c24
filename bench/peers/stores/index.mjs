/** All stores by the name that `--stores` takes. */
import { betterSqlite3 } from './better-sqlite3.mjs';
import { classicLevel } from './classic-level.mjs';
import { lmdb } from './lmdb.mjs';
import { nxteditionRocksdb } from './nxtedition-rocksdb.mjs';
import { rocksdbNative } from './rocksdb-native.mjs';
import { varve } from './varve.mjs';

/** @type {Readonly<Record<string, import('./store.mjs').Adapter>>} */
export const stores = {
	'varve-native': varve('native'),
	'varve-js': varve('js'),
	'classic-level': classicLevel,
	lmdb,
	'nxtedition-rocksdb': nxteditionRocksdb,
	'rocksdb-native': rocksdbNative,
	'better-sqlite3': betterSqlite3,
};

/** @param {string} name */
export function isVarve(name) {
	return name.startsWith('varve-');
}
