/** Takes the time of what a workload does, apart from its preparation. */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';

/**
 * @typedef {object} MeterOptions
 * @property {number} seconds for which operations are repeated
 * @property {number} warmUpSeconds for which they are before, untimed
 * @property {() => unknown} [begin] called right before the time is taken, for a profiler
 * @property {() => unknown} [end] called right after
 */

/** @typedef {{ operations: number, seconds: number, gcMilliseconds: number }} Measured */

export class Meter {
	/** What was measured. */
	operations = 0;
	seconds = 0;
	gcMilliseconds = 0;
	/** Is the time being taken now? */
	running = false;
	#options;

	/** @param {MeterOptions} options */
	constructor(options) {
		this.#options = options;
	}

	/**
	 * Does something once.
	 * @param {number} operations how many that are
	 * @param {() => unknown} run
	 * @returns {Promise<number>} operations a second
	 */
	once(operations, run) {
		return this.#take(async () => {
			await run();
			return operations;
		});
	}

	/**
	 * Does operations from `first` to before `last`, in slices, until the time is over or there are no more.
	 * @param {number} slice between two looks at the clock
	 * @param {(first: number, last: number) => unknown} run
	 * @param {{ limit?: number, weight?: number }} [options] `limit`: operations that there are, no more than half of them to warm up;
	 *   `weight`: as how many each counts in the rate
	 * @returns {Promise<{ rate: number, done: number }>} operations a second, and how many were done together with those to warm up
	 */
	async repeat(slice, run, { limit = Number.POSITIVE_INFINITY, weight = 1 } = {}) {
		const { seconds, warmUpSeconds } = this.#options;
		const warm = await repeatFor(warmUpSeconds, 0, slice, Math.ceil(limit / 2), run);
		let done = warm;
		const rate = await this.#take(async () => {
			done = await repeatFor(seconds, warm, slice, limit, run);
			return (done - warm) * weight;
		});
		return { rate, done };
	}

	/** @param {() => Promise<number>} run */
	async #take(run) {
		globalThis.gc?.();
		const collections = watchGarbageCollections();
		await this.#options.begin?.();
		this.running = true;
		const start = performance.now();
		const operations = await run();
		const seconds = (performance.now() - start) / 1000;
		this.running = false;
		await this.#options.end?.();
		this.operations += operations;
		this.seconds += seconds;
		this.gcMilliseconds += await collections();
		return operations / seconds;
	}
}

/**
 * @param {number} seconds
 * @param {number} first
 * @param {number} slice
 * @param {number} limit
 * @param {(first: number, last: number) => unknown} run
 */
async function repeatFor(seconds, first, slice, limit, run) {
	const deadline = performance.now() + seconds * 1000;
	let done = first;
	do {
		const last = Math.min(done + slice, limit);
		await run(done, last);
		done = last;
	} while (done < limit && performance.now() < deadline);
	return done;
}

/** @returns {() => Promise<number>} ends it, and answers the milliseconds that the garbage collector took meanwhile */
function watchGarbageCollections() {
	let milliseconds = 0;
	const add = (/** @type {import('node:perf_hooks').PerformanceEntry[]} */ entries) => {
		for (const { duration } of entries) milliseconds += duration;
	};
	const observer = new PerformanceObserver((list) => add(list.getEntries()));
	observer.observe({ entryTypes: ['gc'] });
	return async () => {
		await setImmediate();
		add(observer.takeRecords());
		observer.disconnect();
		return milliseconds;
	};
}
