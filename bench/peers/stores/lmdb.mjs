/** lmdb: a B+ tree in a memory map. Its cache is the page cache of the operating system, which no option limits. */
import { loadPeer } from './store.mjs';

/** @typedef {import('./store.mjs').Adapter} Adapter */
/** @typedef {import('./store.mjs').Bytes} Bytes */

/**
 * The part of its interface that is used.
 * @typedef {object} Lmdb
 * @property {(key: Bytes, value: Bytes) => Promise<boolean>} put
 * @property {(key: Bytes, value: Bytes) => boolean} putSync
 * @property {(key: Bytes) => Promise<boolean>} remove
 * @property {(key: Bytes) => Bytes | undefined} get
 * @property {(key: Bytes) => Buffer | undefined} getBinaryFast
 * @property {(options: { start?: Bytes, limit?: number, reverse?: boolean }) => Iterable<{ key: Bytes, value: Bytes }>} getRange
 * @property {() => Promise<void>} close
 */

const MAP_BYTES = 16 * 1024 ** 3;

/** Copies a value out of the buffer that the next read overwrites; lmdb's own copy for `encoding: 'binary'` is slower. */
const copyingEncoder = {
	/** @param {Buffer} value */
	encode: (value) => value,
	/**
	 * @param {Buffer} source whose `length` is that of the value, and whose memory is larger
	 * @param {unknown} end bytes of the value, in scans
	 */
	decode: (source, end) => {
		const length = typeof end === 'number' ? end : source.length;
		const copy = Buffer.allocUnsafe(length);
		copy.set(new Uint8Array(source.buffer, source.byteOffset, length));
		return copy;
	},
};

/** @type {Adapter} */
export const lmdb = {
	title: 'lmdb',
	packageName: 'lmdb',
	keyForm: 'buffer',
	formsDiffer: false,
	settings:
		'no compression; an encoder that copies (buffers) or `encoding: "string"`; binary keys (buffers) or its own; `noSync` without fsync, `overlappingSync: false` with it; puts of a batch in one turn; `getMany` as a loop of `get`, which is faster than its own; memory map of 16 GiB, and the page cache instead of a cache of its own',
	missing: {},
	async open({ directory, sync, form }) {
		/** @type {{ open(options: object): Lmdb }} */
		const peer = /** @type {never} */ (loadPeer('lmdb'));
		const db = peer.open({
			path: directory,
			noSubdir: false,
			mapSize: MAP_BYTES,
			compression: false,
			...(form === 'string' ? { encoding: 'string' } : { keyEncoding: 'binary', encoder: copyingEncoder }),
			...(sync ? { overlappingSync: false } : { noSync: true }),
		});
		return {
			putBatch: (keys, values) => {
				/** @type {Promise<boolean> | undefined} */
				let last;
				for (let i = 0; i < keys.length; i++) last = db.put(keys[i], values[i]);
				return last;
			},
			deleteBatch: (keys) => {
				/** @type {Promise<boolean> | undefined} */
				let last;
				for (const key of keys) last = db.remove(key);
				return last;
			},
			put: (key, value) => db.put(key, value),
			putSync: (key, value) => void db.putSync(key, value),
			get: (key) => db.get(key),
			getSync: (key) => db.get(key),
			getReused: (key) => db.getBinaryFast(key),
			getMany: (keys) => keys.map((key) => db.get(key)),
			scan: (reverse, visit) => {
				for (const { key, value } of db.getRange({ reverse })) visit(key, value);
			},
			range: (start, limit, visit) => {
				for (const { key, value } of db.getRange({ start, limit })) visit(key, value);
			},
			settle: () => {},
			close: () => db.close(),
		};
	},
};
