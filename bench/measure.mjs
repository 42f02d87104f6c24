/** Runs each case on all subjects (kernels or stores), one right after the other, and keeps the median time of one operation. */
import { Bench } from 'tinybench';

/**
 * One thing to measure. `run` does it `operations` times, so that the clock costs little beside short operations.
 * @typedef {{ name: string, operations: number, run: () => void | Promise<void> }} Case
 */

/** @typedef {'native' | 'js'} KernelName */

/**
 * Median nanoseconds of one operation, and operations in a second.
 * @typedef {{ nanoseconds: number, operationsPerSecond: number, samples: number }} Figure
 */

/**
 * The figures of a case, by the name of the subject.
 * @typedef {{ name: string, figures: Record<string, Figure> }} Result
 */

/**
 * Measures the cases of all subjects, which have the same names in the same order.
 * @param {Map<string, Case[]>} cases
 * @param {number} milliseconds for each case and subject
 * @returns {Promise<Result[]>}
 */
export async function measureAll(cases, milliseconds) {
	/** @type {Result[]} */
	const results = [];
	const names = [...cases.values()][0].map(({ name }) => name);
	for (const [index, name] of names.entries()) {
		/** @type {Result} */
		const result = { name, figures: {} };
		for (const [subject, list] of cases) result.figures[subject] = await measure(list[index], milliseconds);
		results.push(result);
	}
	return results;
}

/**
 * @param {Case} subject
 * @param {number} milliseconds
 * @returns {Promise<Figure>}
 */
async function measure({ name, operations, run }, milliseconds) {
	const bench = new Bench({ time: milliseconds, warmupTime: milliseconds / 4, iterations: 8, warmupIterations: 2, throws: true });
	bench.add(name, run);
	const [task] = await bench.run();
	if (task.result.state !== 'completed') throw new Error(`The benchmark '${name}' ended as ${task.result.state}.`);
	const { p50, samplesCount } = task.result.latency;
	return figure((p50 * 1e6) / operations, samplesCount);
}

/**
 * @param {number} nanoseconds of one operation
 * @param {number} samples
 * @returns {Figure}
 */
export function figure(nanoseconds, samples) {
	return { nanoseconds, operationsPerSecond: 1e9 / nanoseconds, samples };
}
