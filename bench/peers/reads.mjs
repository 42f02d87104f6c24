/** Workloads that only read: a store that another process has filled and settled. */
import { Sequence, Tally } from './records.mjs';
import { awaited, immediately, inOrder, SLICE } from './steps.mjs';

/** @typedef {import('./meter.mjs').Meter} Meter */
/** @typedef {import('./records.mjs').Records} Records */
/** @typedef {import('./stores/store.mjs').BenchStore} BenchStore */
/** @typedef {import('./stores/store.mjs').Bytes} Bytes */
/** @typedef {import('./workloads.mjs').Context} Context */
/** @typedef {import('./workloads.mjs').Workload} Workload */

const KEYS_PER_GET_MANY = 100;
const RANGE = 10;
/** Different keys that are read, in turn. */
const READ_KEYS = 200_000;

/**
 * @param {string} row
 * @param {{ by?: 'get' | 'getSync' | 'getReused' | 'fastest', missing?: boolean, flight?: number }} options
 * @returns {Workload}
 */
export function gets(row, { by = 'get', missing = false, flight = 1 }) {
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
export async function measureGets(store, records, meter, { by, missing, flight, version }) {
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
export async function getMany({ records, meter, open }) {
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
export async function scan({ records, meter, open }, row, reverse) {
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
export async function seekAndNext({ records, meter, open }) {
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

/** Milliseconds from the call of open to the first value. @param {Context} context */
export async function openAndGet({ records, meter, open }) {
	const key = records.key(Math.floor(records.count / 2));
	const found = new Tally();
	const rate = await meter.once(1, async () => found.add(await (await open()).get(key)));
	const expected = new Tally();
	expected.add(records.value(Math.floor(records.count / 2)));
	found.check(expected, 'get');
	return { open: 1000 / rate };
}
