/** rocksdb-native: RocksDB, read and written through batches of operations. */
import { loadPeer } from './store.mjs';

/** @typedef {import('./store.mjs').Adapter} Adapter */
/** @typedef {import('./store.mjs').Bytes} Bytes */
/** @typedef {{ get(key: Bytes): Promise<Buffer | null>, tryFlush(): void, destroy(): void }} ReadBatch */
/** @typedef {{ tryPut(key: Bytes, value: Bytes): void, tryDelete(key: Bytes): void, flush(): Promise<void> }} WriteBatch */

/**
 * The part of its interface that is used.
 * @typedef {object} RocksDB
 * @property {() => Promise<void>} ready
 * @property {() => Promise<void>} close
 * @property {() => Promise<void>} flush
 * @property {() => Promise<void>} compactRange
 * @property {(options: object) => ReadBatch} read
 * @property {(options: object) => WriteBatch} write
 * @property {(key: Bytes) => Promise<Buffer | null>} get
 * @property {(key: Bytes, value: Bytes) => Promise<void>} put
 * @property {(range: object, options?: object) => AsyncIterable<{ key: Buffer, value: Buffer }>} iterator
 */

/** @type {Adapter} */
export const rocksdbNative = {
	title: 'rocksdb-native',
	packageName: 'rocksdb-native',
	keyForm: 'buffer',
	formsDiffer: false,
	settings:
		'its defaults (write buffer 64 MiB, Bloom filters, blocks of 8 KiB): cache size and compression have no option; batches that destroy themselves, with a capacity of their size; iterators with a capacity of 1,000 for scans; strings are made of its buffers',
	missing: {
		putSync: 'no synchronous put',
		getSync: 'no synchronous get',
		getReused: 'no read into a buffer of the caller',
		fsync: 'no option for fsync',
	},
	async open({ directory, form }) {
		const RocksDB = /** @type {new (directory: string) => RocksDB} */ (loadPeer('rocksdb-native'));
		const db = new RocksDB(directory);
		await db.ready();
		/** @type {(bytes: Buffer) => Bytes} */
		const out = form === 'string' ? (bytes) => bytes.toString('latin1') : (bytes) => bytes;
		return {
			putBatch: (keys, values) => {
				const batch = db.write({ capacity: keys.length, autoDestroy: true });
				for (let i = 0; i < keys.length; i++) batch.tryPut(keys[i], values[i]);
				return batch.flush();
			},
			deleteBatch: (keys) => {
				const batch = db.write({ capacity: keys.length, autoDestroy: true });
				for (const key of keys) batch.tryDelete(key);
				return batch.flush();
			},
			put: (key, value) => db.put(key, value),
			get: async (key) => {
				const value = await db.get(key);
				return value === null ? undefined : out(value);
			},
			getMany: (keys) => {
				const batch = db.read({ capacity: keys.length, autoDestroy: true });
				const values = keys.map((key) => batch.get(key));
				batch.tryFlush();
				return Promise.all(values);
			},
			scan: async (reverse, visit) => {
				for await (const { key, value } of db.iterator({}, { reverse, capacity: 1_000 })) visit(out(key), out(value));
			},
			range: async (gte, limit, visit) => {
				for await (const { key, value } of db.iterator({ gte }, { limit, capacity: limit })) visit(out(key), out(value));
			},
			settle: async () => {
				await db.flush();
				await db.compactRange();
			},
			close: () => db.close(),
		};
	},
};
