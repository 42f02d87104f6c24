/** classic-level: LevelDB behind the Level interface. */
import { loadPeer } from './store.mjs';

/** @typedef {import('./store.mjs').Adapter} Adapter */
/** @typedef {import('./store.mjs').BenchStore} BenchStore */
/** @typedef {import('./store.mjs').Bytes} Bytes */
/** @typedef {import('classic-level').ClassicLevel<Bytes, Bytes>} ClassicLevel */

const SCAN_CHUNK = 1_000;

/** @type {Adapter} */
export const classicLevel = {
	title: 'classic-level',
	packageName: 'classic-level',
	keyForm: 'buffer',
	formsDiffer: false,
	settings:
		'write buffer 64 MiB and files of 16 MiB instead of 4 and 2; chained batches; scans with `nextv(1000)` and a high-water mark of 1 MiB; an iterator is moved with `seek`; Snappy, its default',
	missing: { putSync: 'no synchronous put', getReused: 'no read into a buffer of the caller' },
	async open({ directory, sync, cacheBytes, form }) {
		/** @type {typeof import('classic-level')} */
		const peer = /** @type {never} */ (loadPeer('classic-level'));
		const encoding = form === 'string' ? 'utf8' : 'buffer';
		/** @type {ClassicLevel} */
		const db = new peer.ClassicLevel(directory, {
			keyEncoding: encoding,
			valueEncoding: encoding,
			cacheSize: cacheBytes,
			writeBufferSize: 64 * 1024 * 1024,
			maxFileSize: 16 * 1024 * 1024,
		});
		await db.open();
		return storeOf(db, sync);
	},
};

/**
 * @param {ClassicLevel} db
 * @param {boolean} sync
 * @returns {BenchStore}
 */
function storeOf(db, sync) {
	const highWaterMarkBytes = 1024 * 1024;
	/** @type {import('classic-level').Iterator<ClassicLevel, Bytes, Bytes> | undefined} */
	let ranges;
	return {
		putBatch: (keys, values) => {
			const batch = db.batch();
			for (let i = 0; i < keys.length; i++) batch.put(keys[i], values[i]);
			return batch.write({ sync });
		},
		deleteBatch: (keys) => {
			const batch = db.batch();
			for (const key of keys) batch.del(key);
			return batch.write({ sync });
		},
		put: sync ? (key, value) => db.put(key, value, { sync }) : (key, value) => db.put(key, value),
		get: (key) => db.get(key),
		getSync: (key) => db.getSync(key),
		getMany: (keys) => db.getMany(keys),
		scan: async (reverse, visit) => {
			const iterator = db.iterator({ reverse, highWaterMarkBytes });
			for (let entries = await iterator.nextv(SCAN_CHUNK); entries.length > 0; entries = await iterator.nextv(SCAN_CHUNK)) {
				for (const [key, value] of entries) visit(key, value);
			}
			await iterator.close();
		},
		range: async (from, limit, visit) => {
			ranges ??= db.iterator({ highWaterMarkBytes });
			ranges.seek(from);
			for (const [key, value] of await ranges.nextv(limit)) visit(key, value);
		},
		settle: () => db.compactRange('0', ':', { keyEncoding: 'utf8' }),
		close: async () => {
			await ranges?.close();
			await db.close();
		},
	};
}
