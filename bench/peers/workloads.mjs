/**
 * What every store is made to do: one workload for each row of the comparison, or for a few that belong together.
 *
 * Invariants:
 *  1. A workload checks what it read or wrote by count and checksum; it throws when a store lost or mixed up an entry.
 *  2. Keys and values are made before the time is taken.
 *  3. It asks adapters for nothing but `BenchStore`, so that all stores do the same work.
 */

import { Sequence, Tally } from './records.mjs';
import { awaited, checkContents, immediately, inOrder, makeBatches, putAll } from './steps.mjs';
import { diskBytes } from './stores/store.mjs';

/** @typedef {import('./meter.mjs').Meter} Meter */
/** @typedef {import('./records.mjs').Records} Records */
/** @typedef {import('./stores/store.mjs').BenchStore} BenchStore */
/** @typedef {import('./stores/store.mjs').Bytes} Bytes */
/** @typedef {import('./stores/store.mjs').Capability} Capability */

/**
 * @typedef {object} Context
 * @property {Records} records
 * @property {Meter} meter
 * @property {string} directory of the store
 * @property {() => Promise<BenchStore>} open
 * @property {() => Promise<void>} close what is closed otherwise when the workload is done
 */

/**
 * @typedef {object} Workload
 * @property {'empty' | 'filled' | 'copy'} start an empty store; a filled, settled one that is only read; a copy of such a one
 * @property {(context: Context) => Promise<Record<string, number>>} run answers figures by the names of rows
 * @property {import('./stores/store.mjs').Form} [form] default: buffers
 * @property {Capability[]} [needs] without which a store is left out
 * @property {boolean} [sync] writes with fsync; default false
 * @property {number} [valueBytes] default 100
 * @property {number} [share] of the entries: 10 is a tenth; default 1
 * @property {number} [cacheShare] the cache is this many times smaller than the data; default: the cache that was asked for
 */

const IN_FLIGHT = 64;
const KEYS_PER_GET_MANY = 100;
const RANGE = 10;
const SLICE = 1_000;
const SYNC_SLICE = 64;
/** Different keys that are read, in turn. */
const READ_KEYS = 200_000;

/** Fills a store that others read or change copies of. @type {Workload} */
export const preparation = {
	start: 'empty',
	async run({ records, meter, directory, open, close }) {
		const store = await open();
		const batches = makeBatches(records, records.shuffled(), 0);
		await meter.once(records.count, () => putAll(store, batches));
		await store.settle();
		await close();
		return { 'disk-after-fill': diskBytes(directory) };
	},
};

const large = { valueBytes: 1_024, share: 10 };
const larger = { valueBytes: 4_096, share: 40 };
const outOfCache = { cacheShare: 10 };

/** @type {Readonly<Record<string, Workload>>} */
export const workloads = {
	'fill-sequential': { start: 'empty', run: (context) => fill(context, 'fill-sequential', inOrder(context.records)) },
	'fill-random': { start: 'empty', run: (context) => fill(context, 'fill-random', context.records.shuffled()) },
	'put-one': puts('put-one', { step: (store, key, value) => store.put(key, value) }),
	'put-64': puts('put-64', { flight: IN_FLIGHT, step: (store, key, value) => store.put(key, value) }),
	'put-sync': {
		...puts('put-sync', { immediate: true, step: (store, key, value) => store.putSync?.(key, value) }),
		needs: ['putSync'],
	},
	'put-fsync-one': {
		...puts('put-fsync-one', { slice: SYNC_SLICE, step: (store, key, value) => store.put(key, value) }),
		sync: true,
		needs: ['fsync'],
	},
	'put-fsync-64': {
		...puts('put-fsync-64', { flight: IN_FLIGHT, slice: 4 * SYNC_SLICE, step: (store, key, value) => store.put(key, value) }),
		sync: true,
		needs: ['fsync'],
	},
	'get-one': gets('get-one', {}),
	'get-64': gets('get-64', { flight: IN_FLIGHT }),
	'get-sync-buffer': { ...gets('get-sync-buffer', { by: 'getSync' }), needs: ['getSync'] },
	'get-sync-string': { ...gets('get-sync-string', { by: 'getSync' }), needs: ['getSync'], form: 'string' },
	'get-sync-reused': { ...gets('get-sync-reused', { by: 'getReused' }), needs: ['getReused'] },
	'missing-await': gets('missing-await', { missing: true }),
	'missing-sync': { ...gets('missing-sync', { by: 'getSync', missing: true }), needs: ['getSync'] },
	'get-many': { start: 'filled', run: getMany },
	'scan-buffers': { start: 'filled', run: (context) => scan(context, 'scan-buffers', false) },
	'scan-strings': { start: 'filled', form: 'string', run: (context) => scan(context, 'scan-strings', false) },
	'scan-backward': { start: 'filled', run: (context) => scan(context, 'scan-backward', true) },
	'seek-10': { start: 'filled', run: seekAndNext },
	overwrite: { start: 'copy', run: overwrite },
	'delete-all': { start: 'copy', run: deleteAll },
	'1k-fill': { ...large, start: 'empty', run: (context) => fill(context, '1k-fill', context.records.shuffled()) },
	'1k-get': { ...large, ...gets('1k-get', { by: 'fastest' }) },
	'1k-scan': { ...large, start: 'filled', run: (context) => scan(context, '1k-scan', false) },
	'4k-fill': { ...larger, start: 'empty', run: (context) => fill(context, '4k-fill', context.records.shuffled()) },
	'4k-get': { ...larger, ...gets('4k-get', { by: 'fastest' }) },
	'4k-scan': { ...larger, start: 'filled', run: (context) => scan(context, '4k-scan', false) },
	'uncached-get': { ...outOfCache, ...gets('uncached-get', { by: 'fastest' }) },
	'uncached-scan': { ...outOfCache, start: 'filled', run: (context) => scan(context, 'uncached-scan', false) },
	open: { start: 'filled', run: openAndGet },
	'put-latency': { start: 'empty', run: putLatency },
};

/**
 * Writes all entries in batches and keeps the longest time that one took.
 * @param {Context} context
 * @param {string} row
 * @param {number[]} order
 */
async function fill({ records, meter, open }, row, order) {
	const store = await open();
	const batches = makeBatches(records, order, 0);
	let longest = 0;
	const rate = await meter.once(records.count, async () => {
		longest = await putAll(store, batches);
	});
	await checkContents(store, records, order, 0);
	return row === 'fill-random' ? { [row]: rate, 'fill-stall': longest } : { [row]: rate };
}

/**
 * @param {string} row
 * @param {{ step: (store: BenchStore, key: Bytes, value: Bytes) => unknown, flight?: number, slice?: number, immediate?: boolean }} options
 * @returns {Workload}
 */
function puts(row, { step, flight = 1, slice = SLICE, immediate = false }) {
	return {
		start: 'empty',
		async run({ records, meter, open }) {
			const store = await open();
			const order = records.shuffled();
			const keys = order.map((i) => records.key(i));
			const put = (/** @type {number} */ i) => step(store, keys[i], records.value(order[i]));
			const { rate, done } = await meter.repeat(slice, immediate ? immediately(put) : awaited(flight, put), {
				limit: keys.length,
			});
			await checkContents(store, records, order.slice(0, done), 0);
			return { [row]: rate };
		},
	};
}

/**
 * @param {string} row
 * @param {{ by?: 'get' | 'getSync' | 'getReused' | 'fastest', missing?: boolean, flight?: number }} options
 * @returns {Workload}
 */
function gets(row, { by = 'get', missing = false, flight = 1 }) {
	return {
		start: 'filled',
		async run({ records, meter, open }) {
			return { [row]: await measureGets(await open(), records, meter, { by, missing, flight, version: 0 }) };
		},
	};
}

/**
 * @param {BenchStore} store
 * @param {Records} records
 * @param {Meter} meter
 * @param {{ by: 'get' | 'getSync' | 'getReused' | 'fastest', missing: boolean, flight: number, version: number }} options
 */
async function measureGets(store, records, meter, { by, missing, flight, version }) {
	const order = records.shuffled(READ_KEYS);
	const keys = order.map((i) => (missing ? records.missingKey(i) : records.key(i)));
	const found = new Tally();
	const read = by === 'get' ? undefined : by === 'fastest' ? store.getSync : store[by];
	const run =
		read === undefined
			? awaited(flight, async (i) => found.add(await store.get(keys[i % keys.length])))
			: immediately((i) => found.add(read(keys[i % keys.length])));
	const { rate, done } = await meter.repeat(SLICE, run);
	const expected = new Tally();
	for (let i = 0; i < done && !missing; i++) expected.add(records.value(order[i % order.length], version));
	found.check(expected, 'get');
	return rate;
}

/** @param {Context} context */
async function getMany({ records, meter, open }) {
	const store = await open();
	const order = records.shuffled(READ_KEYS);
	/** @type {Bytes[][]} */
	const groups = [];
	for (let i = 0; i + KEYS_PER_GET_MANY <= order.length; i += KEYS_PER_GET_MANY) {
		groups.push(order.slice(i, i + KEYS_PER_GET_MANY).map((j) => records.key(j)));
	}
	const found = new Tally();
	const run = awaited(1, async (i) => {
		for (const value of /** @type {unknown[]} */ (await store.getMany(groups[i % groups.length]))) found.add(value);
	});
	const { rate, done } = await meter.repeat(10, run, { weight: KEYS_PER_GET_MANY });
	const expected = new Tally();
	const used = groups.length * KEYS_PER_GET_MANY;
	for (let i = 0; i < done * KEYS_PER_GET_MANY; i++) expected.add(records.value(order[i % used]));
	found.check(expected, 'getMany');
	return { 'get-many': rate };
}

/**
 * @param {Context} context
 * @param {string} row
 * @param {boolean} reverse
 */
async function scan({ records, meter, open }, row, reverse) {
	const store = await open();
	const expected = new Sequence();
	for (const i of reverse ? inOrder(records).reverse() : inOrder(records)) expected.add(records.key(i), records.value(i));
	const scanAll = async () => {
		const seen = new Sequence();
		await store.scan(reverse, (key, value) => seen.add(key, value));
		seen.check(expected);
	};
	const { rate } = await meter.repeat(1, scanAll, { weight: records.count });
	return { [row]: rate };
}

/** @param {Context} context */
async function seekAndNext({ records, meter, open }) {
	const store = await open();
	const order = records.shuffled(READ_KEYS);
	const keys = order.map((i) => records.key(i));
	const found = new Tally();
	const visit = (/** @type {Bytes} */ _, /** @type {Bytes} */ value) => found.add(value);
	const { rate, done } = await meter.repeat(
		100,
		awaited(1, (i) => store.range(keys[i % keys.length], RANGE, visit)),
	);
	const expected = new Tally();
	for (let i = 0; i < done; i++) {
		const first = order[i % order.length];
		for (let j = first; j < Math.min(first + RANGE, records.count); j++) expected.add(records.value(j));
	}
	found.check(expected, 'range');
	return { 'seek-10': rate };
}

/** @param {Context} context */
async function overwrite({ records, meter, directory, open, close }) {
	const store = await open();
	const order = records.shuffled();
	const batches = makeBatches(records, order, 1);
	const rate = await meter.once(records.count, () => putAll(store, batches));
	const options = /** @type {const} */ ({ by: 'fastest', missing: false, flight: 1, version: 1 });
	const getRate = await measureGets(store, records, meter, options);
	await checkContents(store, records, order, 1);
	await store.settle();
	await close();
	return { overwrite: rate, 'get-after-overwrite': getRate, 'disk-after-overwrite': diskBytes(directory) };
}

/** @param {Context} context */
async function deleteAll({ records, meter, open }) {
	const store = await open();
	const batches = makeBatches(records, records.shuffled(), 0);
	const rate = await meter.once(records.count, async () => {
		for (const { keys } of batches) await store.deleteBatch(keys);
	});
	await checkContents(store, records, [], 0);
	return { 'delete-all': rate };
}

/** Milliseconds from the call of open to the first value. @param {Context} context */
async function openAndGet({ records, meter, open }) {
	const key = records.key(Math.floor(records.count / 2));
	const found = new Tally();
	const rate = await meter.once(1, async () => found.add(await (await open()).get(key)));
	const expected = new Tally();
	expected.add(records.value(Math.floor(records.count / 2)));
	found.check(expected, 'get');
	return { open: 1000 / rate };
}

/** 99th percentile in microseconds. Apart from `put-one`, whose rate would bear the two looks at the clock. @param {Context} context */
async function putLatency({ records, meter, open }) {
	const store = await open();
	const order = records.shuffled();
	const keys = order.map((i) => records.key(i));
	/** @type {number[]} */
	const times = [];
	const { done } = await meter.repeat(
		SLICE,
		awaited(1, async (i) => {
			const start = performance.now();
			await store.put(keys[i], records.value(order[i]));
			if (meter.running) times.push(performance.now() - start);
		}),
		{ limit: keys.length },
	);
	await checkContents(store, records, order.slice(0, done), 0);
	times.sort((a, b) => a - b);
	return { 'put-p99': times[Math.floor(times.length * 0.99)] * 1000 };
}
