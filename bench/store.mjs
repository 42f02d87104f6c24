/** Whole stores: reads on one that is loaded, compacted and in the cache, writes on another that starts empty. */
import path from 'node:path';
import { Database } from 'varve';
import { keyText, missingKeyText, shuffled, valueBytes } from './dataset.mjs';

/** @typedef {import('./measure.mjs').Case} Case */

const BATCH = 1_000;
const READS_PER_SAMPLE = 1_000;
const SCAN_PER_SAMPLE = 10_000;
const KEYS_PER_GET_MANY = 100;
/** Keys that are read, spread over the whole store. */
const READ_KEYS = 100_000;
/** Keys that are written, again and again. */
const WRITE_KEYS = 500_000;
const WRITE_KEY_SPACE = 100_000_000;

export class StoreBench {
	/** @type {Database} */
	#loaded;
	/** @type {Database} */
	#written;
	#count;
	/** Milliseconds that loading, and settling into one level, took. */
	loadMilliseconds;
	settleMilliseconds;

	/**
	 * @param {Database} loaded
	 * @param {Database} written
	 * @param {number} count
	 * @param {number} loadMilliseconds
	 * @param {number} settleMilliseconds
	 */
	constructor(loaded, written, count, loadMilliseconds, settleMilliseconds) {
		this.#loaded = loaded;
		this.#written = written;
		this.#count = count;
		this.loadMilliseconds = loadMilliseconds;
		this.settleMilliseconds = settleMilliseconds;
	}

	/**
	 * Loads `count` entries in random order, merges them into one level and reads them once, so that they are in the cache.
	 * @param {string} directory
	 * @param {'native' | 'js'} kernel
	 * @param {number} count
	 */
	static async open(directory, kernel, count) {
		/** @type {import('varve').OpenOptions<'buffer'>} */
		const options = { kernel, sync: 'never', cacheSize: Math.max(64 * 1024 * 1024, 256 * count) };
		const loaded = await Database.open(path.join(directory, `${kernel}-loaded`), options);
		const written = await Database.open(path.join(directory, `${kernel}-written`), options);
		const start = performance.now();
		await load(loaded, count);
		const loadedAt = performance.now();
		await loaded.flush();
		await loaded.compact();
		const settledAt = performance.now();
		let entries = 0;
		for await (const _ of loaded.iterator()) entries++;
		if (entries !== count) throw new Error(`The ${kernel} store holds ${entries} entries instead of ${count}.`);
		return new StoreBench(loaded, written, count, loadedAt - start, settledAt - loadedAt);
	}

	/** @returns {Case[]} */
	cases() {
		return [...this.#writeCases(), ...this.#readCases(), this.#scanCase()];
	}

	async close() {
		await this.#loaded.close();
		await this.#written.close();
	}

	/** @returns {Case[]} */
	#writeCases() {
		const keys = Array.from({ length: WRITE_KEYS }, (_, i) => keyText(shuffled(i, WRITE_KEY_SPACE)));
		const values = Array.from({ length: BATCH }, (_, i) => valueBytes(i));
		let next = 0;
		return [
			{
				name: "put, sync: 'never', awaited",
				operations: 100,
				run: async () => {
					for (let i = 0; i < 100; i++) await this.#written.put(keys[next++ % WRITE_KEYS], values[i]);
				},
			},
			{
				name: `batch of ${BATCH}, sync: 'never', an entry`,
				operations: BATCH,
				run: async () => {
					const batch = this.#written.batch();
					for (let i = 0; i < BATCH; i++) batch.put(keys[next++ % WRITE_KEYS], values[i]);
					await batch.write();
				},
			},
		];
	}

	/** @returns {Case[]} */
	#readCases() {
		const count = this.#count;
		const texts = Array.from({ length: Math.min(READ_KEYS, count) }, (_, i) => keyText(shuffled(i, count)));
		const keys = texts.map((text) => Buffer.from(text));
		const missing = texts.map((_, i) => Buffer.from(missingKeyText(shuffled(i, count))));
		const db = this.#loaded;
		return [
			reads('get, Buffer, sync', keys, (key) => db.getSync(key)),
			reads('get, string, sync', texts, (key) => db.getSync(key, { encoding: 'utf8' })),
			awaitedReads('get, Buffer, awaited', keys, (key) => db.get(key)),
			reads('get, key missing, sync', missing, (key) => db.getSync(key)),
			getMany(keys, (group) => db.getManySync(group)),
		];
	}

	/** @returns {Case} */
	#scanCase() {
		let iterator = this.#loaded.iterator();
		return {
			name: 'scan forward, sync, an entry',
			operations: Math.min(SCAN_PER_SAMPLE, this.#count),
			run: () => {
				for (let i = 0; i < Math.min(SCAN_PER_SAMPLE, this.#count); i++) {
					if (iterator.nextSync() !== undefined) continue;
					iterator.close();
					iterator = this.#loaded.iterator();
				}
			},
		};
	}
}

/**
 * @param {Database} db
 * @param {number} count
 */
async function load(db, count) {
	for (let start = 0; start < count; start += BATCH) {
		const batch = db.batch();
		for (let i = start; i < Math.min(start + BATCH, count); i++) {
			const number = shuffled(i, count);
			batch.put(keyText(number), valueBytes(number));
		}
		await batch.write();
	}
}

/**
 * A case that reads keys in turn.
 * @template K
 * @param {string} name
 * @param {K[]} keys
 * @param {(key: K) => unknown} read
 * @returns {Case}
 */
function reads(name, keys, read) {
	let next = 0;
	return {
		name,
		operations: READS_PER_SAMPLE,
		run: () => {
			for (let i = 0; i < READS_PER_SAMPLE; i++) read(keys[next++ % keys.length]);
		},
	};
}

/**
 * @template K
 * @param {string} name
 * @param {K[]} keys
 * @param {(key: K) => Promise<unknown>} read
 * @returns {Case}
 */
function awaitedReads(name, keys, read) {
	let next = 0;
	return {
		name,
		operations: READS_PER_SAMPLE,
		run: async () => {
			for (let i = 0; i < READS_PER_SAMPLE; i++) await read(keys[next++ % keys.length]);
		},
	};
}

/**
 * @param {Buffer[]} keys
 * @param {(keys: Buffer[]) => unknown} read
 * @returns {Case}
 */
function getMany(keys, read) {
	const groups = Array.from({ length: Math.floor(keys.length / KEYS_PER_GET_MANY) }, (_, i) =>
		keys.slice(i * KEYS_PER_GET_MANY, (i + 1) * KEYS_PER_GET_MANY),
	);
	let next = 0;
	return {
		name: `getMany of ${KEYS_PER_GET_MANY}, Buffer, sync, a key`,
		operations: KEYS_PER_GET_MANY,
		run: () => void read(groups[next++ % groups.length]),
	};
}
