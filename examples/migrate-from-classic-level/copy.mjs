/**
 * Copies what is missing in the destination.
 *
 * Invariant: the destination holds the entries of the source up to some key, and none beyond it. Batches are atomic and are written in
 * the order of the keys, so this holds at every moment, also after a crash; the last key says where to go on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readChunks } from './source.mjs';

/** Keys of the destination that are counted at a time. */
const KEYS_PER_READ = 10_000;

/** @typedef {import('varve').Database} Destination */

/**
 * How many entries the destination has, and its last key.
 * @param {Destination} destination
 */
export async function countCopied(destination) {
	const iterator = destination.iterator({ values: false, fillCache: false });
	try {
		let entries = 0;
		/** @type {Buffer | undefined} */
		let lastKey;
		for (;;) {
			const chunk = await iterator.nextMany(KEYS_PER_READ);
			entries += chunk.length;
			lastKey = chunk.at(-1)?.[0] ?? lastKey;
			if (chunk.length < KEYS_PER_READ) return { entries, lastKey };
		}
	} finally {
		iterator.close();
	}
}

/**
 * Copies the entries behind the last key of the destination; with the last flush all is durable. False when the signal ended it before.
 * @param {object} work
 * @param {import('./source.mjs').Source} work.source
 * @param {Destination} work.destination
 * @param {Awaited<ReturnType<typeof countCopied>>} work.done what the destination has
 * @param {number} work.batchBytes
 * @param {number} work.pause milliseconds after each batch
 * @param {import('./progress.mjs').Progress} work.progress
 * @param {AbortSignal} work.signal heeded between two batches
 */
export async function copy({ source, destination, done, batchBytes, pause, progress, signal }) {
	let { entries } = done;
	let bytes = 0;
	for await (const chunk of readChunks(source, { bytes: batchBytes, after: done.lastKey })) {
		if (signal.aborted) return false;
		// No fsync for each: what a power failure takes from the end is copied again.
		await destination.batch(
			chunk.map(([key, value]) => ({ type: 'put', key, value })),
			{ sync: false },
		);
		entries += chunk.length;
		for (const [key, value] of chunk) bytes += key.length + value.length;
		if (progress.due()) await progress.report(entries, bytes, chunk[chunk.length - 1][0]);
		if (pause > 0) await sleep(pause, undefined, { signal }).catch(() => {});
	}
	await destination.flush();
	progress.finish(entries, bytes);
	return true;
}
