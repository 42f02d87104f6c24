/** @nxtedition/rocksdb: RocksDB behind an earlier version of the Level interface. */
import { loadPeer } from './store.mjs';

/** @typedef {import('./store.mjs').Adapter} Adapter */
/** @typedef {import('./store.mjs').BenchStore} BenchStore */
/** @typedef {import('./store.mjs').Bytes} Bytes */
/** @typedef {{ put(key: Bytes, value: Bytes): void, del(key: Bytes): void, write(options: object): Promise<void> }} ChainedBatch */
/** @typedef {{ nextv(size: number): Promise<[key: Bytes, value: Bytes][]>, close(): Promise<void> }} Iterator */

/**
 * The part of its interface that is used.
 * @typedef {object} RocksLevel
 * @property {() => Promise<void>} open
 * @property {() => Promise<void>} close
 * @property {() => ChainedBatch} batch
 * @property {(key: Bytes, value: Bytes) => Promise<void>} put
 * @property {(keys: Bytes[]) => Promise<(Bytes | undefined)[]>} getMany
 * @property {(options: object) => Iterator} iterator
 * @property {(options: object) => { rows: Bytes[] }} querySync
 * @property {(name: string) => string} getProperty
 */

const SCAN_CHUNK = 1_000;

/** @type {Adapter} */
export const nxteditionRocksdb = {
	title: '@nxtedition/rocksdb',
	packageName: '@nxtedition/rocksdb',
	keyForm: 'buffer',
	formsDiffer: false,
	settings:
		'`optimize: "point-lookup"`; `get` as `getMany` of one key, which makes no error for a missing one; a put with fsync as a batch of one, as `sync` of a single put is ignored; scans with `nextv(1000)`, ranges with `querySync`; it has no call that compacts, so it is settled by opening it again, which flushes; Zstandard, its default',
	missing: {
		putSync: 'no documented synchronous put',
		getSync: 'no documented synchronous get',
		getReused: 'no read into a buffer of the caller',
	},
	async open({ directory, sync, cacheBytes, form }) {
		/** @type {{ RocksLevel: new (directory: string, options: object) => RocksLevel }} */
		const peer = /** @type {never} */ (loadPeer('@nxtedition/rocksdb'));
		const encoding = form === 'string' ? 'utf8' : 'buffer';
		const options = { keyEncoding: encoding, valueEncoding: encoding, cacheSize: cacheBytes, optimize: 'point-lookup' };
		const openOne = async () => {
			const db = new peer.RocksLevel(directory, options);
			await db.open();
			return db;
		};
		const state = { db: await openOne() };
		return {
			...storeOf(state, sync, { keyEncoding: encoding, valueEncoding: encoding }),
			settle: async () => {
				await state.db.close();
				state.db = await openOne();
				while (isCompacting(state.db)) await new Promise((resolve) => setTimeout(resolve, 20));
			},
		};
	},
};

/** @param {RocksLevel} db */
function isCompacting(db) {
	return ['rocksdb.compaction-pending', 'rocksdb.num-running-compactions', 'rocksdb.num-running-flushes'].some(
		(name) => db.getProperty(name) !== '0',
	);
}

/**
 * @param {{ db: RocksLevel }} state
 * @param {boolean} sync
 * @param {object} encodings
 * @returns {Omit<BenchStore, 'settle'>}
 */
function storeOf(state, sync, encodings) {
	return {
		putBatch: (keys, values) => {
			const batch = state.db.batch();
			for (let i = 0; i < keys.length; i++) batch.put(keys[i], values[i]);
			return batch.write({ sync });
		},
		deleteBatch: (keys) => {
			const batch = state.db.batch();
			for (const key of keys) batch.del(key);
			return batch.write({ sync });
		},
		put: (key, value) => {
			if (!sync) return state.db.put(key, value);
			const batch = state.db.batch();
			batch.put(key, value);
			return batch.write({ sync });
		},
		get: async (key) => (await state.db.getMany([key]))[0],
		getMany: (keys) => state.db.getMany(keys),
		scan: async (reverse, visit) => {
			const iterator = state.db.iterator({ reverse, highWaterMarkBytes: 1024 * 1024 });
			for (let entries = await iterator.nextv(SCAN_CHUNK); entries.length > 0; entries = await iterator.nextv(SCAN_CHUNK)) {
				for (const [key, value] of entries) visit(key, value);
			}
			await iterator.close();
		},
		range: (gte, limit, visit) => {
			const { rows } = state.db.querySync({ ...encodings, gte, limit });
			for (let i = 0; i < rows.length; i += 2) visit(rows[i], rows[i + 1]);
		},
		close: () => state.db.close(),
	};
}
