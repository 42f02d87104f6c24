/** Workloads that write: an empty store, or a copy of a filled one. */
import { measureGets } from './reads.mjs';
import { Tally } from './records.mjs';
import { awaited, checkContents, immediately, makeBatches, putAll, SLICE } from './steps.mjs';
import { diskBytes } from './stores/store.mjs';

/** @typedef {import('./meter.mjs').Meter} Meter */
/** @typedef {import('./records.mjs').Records} Records */
/** @typedef {import('./stores/store.mjs').BenchStore} BenchStore */
/** @typedef {import('./stores/store.mjs').Bytes} Bytes */
/** @typedef {import('./workloads.mjs').Context} Context */
/** @typedef {import('./workloads.mjs').Workload} Workload */

/** In mixed work every tenth operation is a put. */
const PUT_EVERY = 10;
/** The key of a put is so many keys further on than that of a get: a get meets old versions, new ones and those of the memtable. */
const PUT_STRIDE = 7;

/**
 * Writes all entries in batches and keeps the longest time that one took.
 * @param {Context} context
 * @param {string} row
 * @param {number[]} order
 */
export async function fill({ records, meter, open }, row, order) {
	const store = await open();
	const batches = makeBatches(records, order, 0);
	let longest = 0;
	const rate = await meter.once(records.count, async () => {
		longest = await putAll(store, batches);
	});
	await checkContents(store, records, order);
	return row === 'fill-random' ? { [row]: rate, 'fill-stall': longest } : { [row]: rate };
}

/**
 * @param {string} row
 * @param {{ step: (store: BenchStore, key: Bytes, value: Bytes) => unknown, flight?: number, slice?: number, immediate?: boolean }} options
 * @returns {Workload}
 */
export function puts(row, { step, flight = 1, slice = SLICE, immediate = false }) {
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
			await checkContents(store, records, order.slice(0, done));
			return { [row]: rate };
		},
	};
}

/** @param {Context} context */
export async function overwrite({ records, meter, directory, open, close }) {
	const store = await open();
	const order = records.shuffled();
	const batches = makeBatches(records, order, 1);
	const rate = await meter.once(records.count, () => putAll(store, batches));
	const options = /** @type {const} */ ({ by: 'fastest', missing: false, flight: 1, version: 1 });
	const getRate = await measureGets(store, records, meter, options);
	await checkContents(store, records, order, () => 1);
	await store.settle();
	await close();
	return { overwrite: rate, 'get-after-overwrite': getRate, 'disk-after-overwrite': diskBytes(directory) };
}

/** @param {Context} context */
export async function deleteAll({ records, meter, open }) {
	const store = await open();
	const batches = makeBatches(records, records.shuffled(), 0);
	const rate = await meter.once(records.count, async () => {
		for (const { keys } of batches) await store.deleteBatch(keys);
	});
	await checkContents(store, records, []);
	return { 'delete-all': rate };
}

/** 99th percentile in microseconds. Apart from `put-one`, whose rate would bear the two looks at the clock. @param {Context} context */
export async function putLatency({ records, meter, open }) {
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
	await checkContents(store, records, order.slice(0, done));
	times.sort((a, b) => a - b);
	return { 'put-p99': times[Math.floor(times.length * 0.99)] * 1000 };
}

/**
 * What applications do: nine gets of keys anywhere, then a put of a new version of one, each awaited.
 * @param {Context} context
 */
export async function mixed({ records, meter, open }) {
	const store = await open();
	const order = records.shuffled();
	const keys = order.map((i) => records.key(i));
	const isPut = (/** @type {number} */ i) => i % PUT_EVERY === PUT_EVERY - 1;
	const placeOf = (/** @type {number} */ i) => (isPut(i) ? i * PUT_STRIDE : i) % order.length;
	const found = new Tally();
	const run = awaited(1, async (i) => {
		const place = placeOf(i);
		if (isPut(i)) await store.put(keys[place], records.value(order[place], 1));
		else found.add(await store.get(keys[place]));
	});
	const { rate, done } = await meter.repeat(SLICE, run);
	const expected = new Tally();
	const versions = new Uint8Array(records.count);
	for (let i = 0; i < done; i++) {
		const number = order[placeOf(i)];
		if (isPut(i)) versions[number] = 1;
		else expected.add(records.value(number, versions[number]));
	}
	found.check(expected, 'mixed');
	await checkContents(store, records, order, (number) => versions[number]);
	return { mixed: rate };
}
