/**
 * `VarveLevel` beside the `Database` underneath and beside classic-level: strings in, strings out, no fsync, each with its default
 * options but for a cache that holds everything.
 */
import path from 'node:path';
import { ClassicLevel } from 'classic-level';
import { Database } from 'varve';
import { VarveLevel } from 'varve/level';
import { keyText, missingKeyText, shuffled, valueBytes } from './dataset.mjs';

/** @typedef {import('./measure.mjs').Case} Case */

/**
 * What the cases need of a store.
 * @typedef {object} Contestant
 * @property {(key: string) => string | undefined} getSync
 * @property {(key: string) => Promise<string | undefined>} get
 * @property {(keys: string[]) => Promise<unknown>} getMany
 * @property {(key: string, value: string) => Promise<void>} put
 * @property {(entries: [key: string, value: string][]) => Promise<void>} batch
 * @property {(options: { gte?: string, limit?: number }) => AsyncIterable<unknown>} entries
 * @property {(options: { gte?: string, limit?: number }) => Promise<unknown[]>} all
 * @property {() => Promise<void>} settle
 * @property {() => Promise<void>} close
 */

const BATCH = 1_000;
const READS = 1_000;
const SCAN = 10_000;
const SHORT_SCAN = 10;

/**
 * @param {string} directory
 * @param {('native' | 'js')[]} kernels
 * @param {number} count
 * @returns {Promise<Map<string, Contestant>>}
 */
export async function openContestants(directory, kernels, count) {
	const cacheSize = Math.max(64 * 1024 * 1024, 256 * count);
	/** @type {Map<string, Contestant>} */
	const contestants = new Map();
	for (const kernel of kernels) {
		const title = kernel === 'js' ? 'TypeScript' : kernel;
		const place = path.join(directory, `level-${kernel}`);
		contestants.set(`Database, ${title}`, await openDatabase(`${place}-database`, { kernel, cacheSize }));
		const level = new VarveLevel(`${place}-level`, { kernel, cacheSize });
		contestants.set(
			`VarveLevel, ${title}`,
			fromLevel(level, () => level.database.compact()),
		);
	}
	const classic = new ClassicLevel(path.join(directory, 'level-classic'), { cacheSize });
	contestants.set(
		'classic-level',
		fromLevel(classic, () => classic.compactRange('0', '9')),
	);
	for (const contestant of contestants.values()) await load(contestant, count);
	return contestants;
}

/**
 * @param {Contestant} store
 * @param {number} count
 * @returns {Case[]}
 */
export function levelCases(store, count) {
	const keys = Array.from({ length: Math.min(100_000, count) }, (_, i) => keyText(shuffled(i, count)));
	const missing = Array.from({ length: keys.length }, (_, i) => missingKeyText(shuffled(i, count)));
	const values = Array.from({ length: BATCH }, (_, i) => valueBytes(i).toString());
	let next = 0;
	const key = () => keys[next++ % keys.length];
	return [
		repeated('getSync', READS, () => store.getSync(key())),
		repeated('getSync, key missing', READS, () => store.getSync(missing[next++ % missing.length])),
		awaited('get', READS, () => store.get(key())),
		awaited('put', 100, (i) => store.put(key(), values[i])),
		{
			name: 'getMany of 100, a key',
			operations: 100,
			run: async () => void (await store.getMany(Array.from({ length: 100 }, key))),
		},
		{
			name: `batch of ${BATCH}, an entry`,
			operations: BATCH,
			run: () => store.batch(values.map((value) => [key(), value])),
		},
		{ name: 'for await, an entry', operations: Math.min(SCAN, count), run: () => walk(store.entries({ limit: SCAN })) },
		{ name: 'all(), an entry', operations: Math.min(SCAN, count), run: async () => void (await store.all({ limit: SCAN })) },
		awaited(`range of ${SHORT_SCAN}, all()`, 100, () => store.all({ gte: key(), limit: SHORT_SCAN })),
	];
}

/**
 * @param {string} name
 * @param {number} operations
 * @param {() => unknown} operation
 * @returns {Case}
 */
function repeated(name, operations, operation) {
	const run = () => {
		for (let i = 0; i < operations; i++) operation();
	};
	return { name, operations, run };
}

/**
 * @param {string} name
 * @param {number} operations
 * @param {(i: number) => Promise<unknown>} operation
 * @returns {Case}
 */
function awaited(name, operations, operation) {
	const run = async () => {
		for (let i = 0; i < operations; i++) await operation(i);
	};
	return { name: `${name}, awaited`, operations, run };
}

/** @param {AsyncIterable<unknown>} entries */
async function walk(entries) {
	for await (const _ of entries);
}

/**
 * @param {string} place
 * @param {{ kernel: 'native' | 'js', cacheSize: number }} options
 * @returns {Promise<Contestant>}
 */
async function openDatabase(place, options) {
	const db = await Database.open(place, { ...options, sync: 'never', encoding: 'utf8' });
	return {
		getSync: (key) => db.getSync(key),
		get: (key) => db.get(key),
		getMany: (keys) => db.getMany(keys),
		put: (key, value) => db.put(key, value),
		batch: (entries) => db.batch(entries.map(([key, value]) => ({ type: 'put', key, value }))),
		entries: (range) => db.iterator(range),
		all: (range) => db.iterator(range).all(),
		settle: () => db.compact(),
		close: () => db.close(),
	};
}

/**
 * @param {import('abstract-level').AbstractLevel<string | Buffer | Uint8Array, string, string>} db
 * @param {() => Promise<void>} settle
 * @returns {Contestant}
 */
function fromLevel(db, settle) {
	return {
		getSync: (key) => db.getSync(key),
		get: (key) => db.get(key),
		getMany: (keys) => db.getMany(keys),
		put: (key, value) => db.put(key, value),
		batch: (entries) => db.batch(entries.map(([key, value]) => ({ type: 'put', key, value }))),
		entries: (range) => db.iterator(range),
		all: (range) => db.iterator(range).all(),
		settle,
		close: () => db.close(),
	};
}

/**
 * @param {Contestant} store
 * @param {number} count
 */
async function load(store, count) {
	for (let start = 0; start < count; start += BATCH) {
		const numbers = Array.from({ length: Math.min(BATCH, count - start) }, (_, i) => shuffled(start + i, count));
		await store.batch(numbers.map((number) => [keyText(number), valueBytes(number).toString()]));
	}
	await store.settle();
	await walk(store.entries({}));
}
