/** Varve on one of its kernels, with the options that it has when none are given. */
import { pathToFileURL } from 'node:url';

/** @typedef {import('./store.mjs').Adapter} Adapter */
/** @typedef {import('./store.mjs').BenchStore} BenchStore */
/** @typedef {import('./store.mjs').Opening} Opening */

/** Of the values that are read into a buffer of the caller. */
const VALUE_BYTES = 100;

/**
 * @param {'native' | 'js'} kernel
 * @returns {Adapter}
 */
export function varve(kernel) {
	return {
		title: `Varve, ${kernel === 'js' ? 'TypeScript' : kernel}`,
		packageName: 'varve',
		keyForm: 'buffer',
		formsDiffer: false,
		settings: 'default options; chained batches; one iterator, moved with `seek`, for ranges',
		missing: {},
		open: (opening) => open(kernel, opening),
	};
}

/** @type {Promise<typeof import('varve')> | undefined} */
let loaded;

/**
 * An `import()` takes part of a millisecond, even of what is loaded: that belongs to no open.
 * @param {string | undefined} file
 */
function load(file) {
	loaded ??= import(file === undefined ? 'varve' : pathToFileURL(file).href);
	return loaded;
}

/**
 * @param {'native' | 'js'} kernel
 * @param {Opening} opening
 * @returns {Promise<BenchStore>}
 */
async function open(kernel, { directory, sync, cacheBytes, form, varve: file }) {
	const { Database } = await load(file);
	const encoding = form === 'string' ? 'utf8' : 'buffer';
	const db = await Database.open(directory, { kernel, sync: sync ? 'always' : 'never', cacheSize: cacheBytes, encoding });
	/** @type {import('varve').DatabaseIterator<Buffer | string, Buffer | string> | undefined} */
	let ranges;
	const reused = Buffer.alloc(VALUE_BYTES);
	return {
		putBatch: (keys, values) => {
			const batch = db.batch();
			for (let i = 0; i < keys.length; i++) batch.put(keys[i], values[i]);
			return batch.write();
		},
		deleteBatch: (keys) => {
			const batch = db.batch();
			for (const key of keys) batch.delete(key);
			return batch.write();
		},
		put: (key, value) => db.put(key, value),
		putSync: (key, value) => db.putSync(key, value),
		get: (key) => db.get(key),
		getSync: (key) => db.getSync(key),
		getReused: (key) => {
			const length = db.getIntoSync(key, reused);
			return length === undefined ? undefined : length === reused.length ? reused : reused.subarray(0, length);
		},
		getMany: (keys) => db.getMany(keys),
		scan: (reverse, visit) => {
			for (const [key, value] of db.iterator({ reverse })) visit(key, value);
		},
		range: (from, limit, visit) => {
			ranges ??= db.iterator();
			ranges.seek(from);
			for (const [key, value] of ranges.nextManySync(limit)) visit(key, value);
		},
		settle: async () => {
			await db.flush();
			await db.compact();
		},
		close: () => db.close(),
	};
}
