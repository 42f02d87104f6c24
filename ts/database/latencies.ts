/**
 * How long the calls of a database take, by operation. Off unless asked for: two looks at the clock and a histogram cost about what a read
 * from memory costs.
 *
 * Invariants:
 *  1. A database that is not timed runs the same code as if this module were not there: methods are wrapped on the one object that is.
 *  2. A call counts when it has ended, well or not; one that returns a promise ends when that is settled.
 *  3. Percentiles are exact to two digits, which is what the histogram of Node.js (HdrHistogram) is asked for.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Clock } from '../environment';
import type { LatencyStats, TimedOperation } from '../introspection';

const METHODS: Readonly<Record<TimedOperation, readonly string[]>> = {
	get: ['get', 'getSync', 'getIntoSync'],
	getMany: ['getMany', 'getManySync'],
	has: ['has', 'hasSync', 'hasMany', 'hasManySync'],
	put: ['put', 'putSync'],
	delete: ['delete', 'deleteSync', 'deleteRange', 'deleteRangeSync'],
	batch: ['writeBatch', 'writeBatchSync'],
	flush: ['flush'],
};

const DIGITS = 2;
/** An hour, in nanoseconds. What takes longer counts as this. */
const LONGEST = 3_600_000_000_000;
const MICROSECOND = 1_000;

export class Latencies {
	readonly #clock: Clock;
	readonly #histograms = new Map<TimedOperation, RecordableHistogram>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Wraps the methods of a database, so that each of their calls counts. */
	wrap(database: object): void {
		for (const [operation, names] of Object.entries(METHODS)) {
			for (const name of names) this.#wrapMethod(database, name, operation as TimedOperation);
		}
	}

	/** Operations that were called, with their figures. */
	stats(): Partial<Record<TimedOperation, LatencyStats>> {
		return Object.fromEntries([...this.#histograms].map(([operation, histogram]) => [operation, statsOf(histogram)]));
	}

	#wrapMethod(database: object, name: string, operation: TimedOperation): void {
		const method = Reflect.get(database, name) as (...args: unknown[]) => unknown;
		const timed = (...args: unknown[]): unknown => this.#time(operation, () => Reflect.apply(method, database, args));
		Object.defineProperty(database, name, { value: timed });
	}

	#time(operation: TimedOperation, call: () => unknown): unknown {
		const began = this.#clock.milliseconds();
		const ended = (): void => this.#record(operation, (this.#clock.milliseconds() - began) * 1e6);
		let result: unknown;
		try {
			result = call();
		} catch (error) {
			ended();
			throw error;
		}
		if (result instanceof Promise) return result.finally(ended);
		ended();
		return result;
	}

	#record(operation: TimedOperation, nanoseconds: number): void {
		let histogram = this.#histograms.get(operation);
		if (histogram === undefined) {
			histogram = createHistogram({ lowest: 1, highest: LONGEST, figures: DIGITS });
			this.#histograms.set(operation, histogram);
		}
		histogram.record(Math.min(Math.max(Math.round(nanoseconds), 1), LONGEST));
	}
}

function statsOf(histogram: RecordableHistogram): LatencyStats {
	const { count, mean, max } = histogram;
	const [p50, p95, p99] = [50, 95, 99].map((percent) => histogram.percentile(percent) / MICROSECOND);
	return { count, mean: mean / MICROSECOND, p50, p95, p99, max: max / MICROSECOND };
}
