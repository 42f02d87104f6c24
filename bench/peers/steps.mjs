/** Steps that workloads have in common: batches, loops over single operations, and the check of what a store holds. */
import { Tally } from './records.mjs';

/** @typedef {import('./records.mjs').Records} Records */
/** @typedef {import('./stores/store.mjs').BenchStore} BenchStore */
/** @typedef {import('./stores/store.mjs').Bytes} Bytes */

/** Operations between two looks at the clock. */
export const SLICE = 1_000;
/** Entries of a batch. */
const BATCH = 1_000;

/** @typedef {{ keys: Bytes[], values: Bytes[] }} Entries */

/**
 * @param {Records} records
 * @param {number[]} order
 * @param {number} version
 */
export function makeBatches(records, order, version) {
	/** @type {Entries[]} */
	const batches = [];
	for (let i = 0; i < order.length; i += BATCH) {
		const numbers = order.slice(i, i + BATCH);
		const values = numbers.map((number) => records.value(number, version));
		batches.push({ keys: numbers.map((number) => records.key(number)), values });
	}
	return batches;
}

/**
 * @param {BenchStore} store
 * @param {Entries[]} batches
 * @returns {Promise<number>} milliseconds of the batch that took longest
 */
export async function putAll(store, batches) {
	let longest = 0;
	for (const { keys, values } of batches) {
		const start = performance.now();
		await store.putBatch(keys, values);
		longest = Math.max(longest, performance.now() - start);
	}
	return longest;
}

/**
 * The store holds these keys in these versions, and no others.
 * @param {BenchStore} store
 * @param {Records} records
 * @param {number[]} numbers
 * @param {(number: number) => number} [versionOf]
 */
export async function checkContents(store, records, numbers, versionOf = () => 0) {
	const [found, expected] = [new Tally(), new Tally()];
	await store.scan(false, (_, value) => found.add(value));
	for (const number of numbers) expected.add(records.value(number, versionOf(number)));
	found.check(expected, 'contents');
}

/** @param {Records} records */
export function inOrder(records) {
	return Array.from({ length: records.count }, (_, i) => i);
}

/** @param {(i: number) => unknown} step that returns nothing to wait for */
export function immediately(step) {
	return (/** @type {number} */ first, /** @type {number} */ last) => {
		for (let i = first; i < last; i++) step(i);
	};
}

/**
 * @param {number} flight steps that are on their way at a time
 * @param {(i: number) => unknown} step
 */
export function awaited(flight, step) {
	return async (/** @type {number} */ first, /** @type {number} */ last) => {
		let next = first;
		const lane = async () => {
			while (next < last) await step(next++);
		};
		if (flight === 1) await lane();
		else await Promise.all(Array.from({ length: flight }, lane));
	};
}
