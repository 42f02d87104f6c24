/** From measurements to medians, ratios, and whether they are what is demanded. */
import { median } from '../../scripts/statistics.mjs';
import { number } from '../../scripts/table.mjs';
import { rows } from './rows.mjs';
import { isVarve } from './stores/index.mjs';

/** @typedef {import('./rows.mjs').Row} Row */

/**
 * A measurement, one line of the results. One that failed has an error and no figures.
 * @typedef {object} Measurement
 * @property {string} store
 * @property {string} workload
 * @property {number} repetition
 * @property {Record<string, number>} [figures]
 * @property {string} [error]
 */

/** Medians by row, then by store. @typedef {Map<string, Map<string, number>>} Medians */

/**
 * @typedef {object} Comparison
 * @property {number | undefined} value of the store
 * @property {string | undefined} best name of the best peer
 * @property {number | undefined} ratio of the store to it: above 1 it is ahead
 * @property {boolean | undefined} met `undefined` where there is nothing to compare
 */

/**
 * @param {readonly Measurement[]} measurements
 * @returns {Medians}
 */
export function medians(measurements) {
	/** @type {Map<string, Map<string, number[]>>} */
	const samples = new Map();
	for (const { store, figures = {} } of measurements) {
		for (const [row, value] of Object.entries(figures)) {
			const byStore = samples.get(row) ?? new Map();
			samples.set(row, byStore);
			byStore.set(store, [...(byStore.get(store) ?? []), value]);
		}
	}
	/** @type {Medians} */
	const result = new Map();
	for (const name of Object.keys(rows)) {
		const byStore = samples.get(name);
		if (byStore !== undefined) result.set(name, new Map([...byStore].map(([store, values]) => [store, median(values)])));
	}
	return result;
}

/**
 * How many times better a value is than another: above 1 it is ahead.
 * @param {Row} row
 * @param {number} value
 * @param {number} other
 */
export function ratioOf(row, value, other) {
	return row.unit === 'rate' ? value / other : other / value;
}

/**
 * A store beside the best of the peers.
 * @param {string} name of the row
 * @param {ReadonlyMap<string, number>} values by store
 * @param {string} store
 * @returns {Comparison}
 */
export function compareWithPeers(name, values, store) {
	const row = rows[name];
	const peers = [...values].filter(([peer]) => !isVarve(peer));
	const value = values.get(store);
	if (peers.length === 0) return { value, best: undefined, ratio: undefined, met: undefined };
	const [best, most] = peers.reduce((one, other) => (ratioOf(row, other[1], one[1]) > 1 ? other : one));
	if (value === undefined) return { value, best, ratio: undefined, met: undefined };
	const ratio = ratioOf(row, value, most);
	return { value, best, ratio, met: ratio >= row.demanded };
}

/**
 * The TypeScript kernel: ahead of classic-level on every row, and half of the native kernel on reads.
 * @param {string} name of the row
 * @param {ReadonlyMap<string, number>} values by store
 */
export function compareTypeScript(name, values) {
	const row = rows[name];
	const value = values.get('varve-js');
	const [toClassic, toNative] = ['classic-level', 'varve-native'].map((store) => {
		const other = values.get(store);
		return value === undefined || other === undefined ? undefined : ratioOf(row, value, other);
	});
	const met =
		toClassic === undefined && toNative === undefined
			? undefined
			: (toClassic ?? 1) >= 1 && (!row.reads || (toNative ?? 1) >= 0.5);
	return { toClassic, toNative, met };
}

/**
 * A figure with its unit, short.
 * @param {Row} row
 * @param {number | undefined} value
 */
export function show({ unit }, value) {
	if (value === undefined) return '–';
	if (unit === 'milliseconds') return `${number(value, value < 10 ? 1 : 0)} ms`;
	if (unit === 'microseconds') return `${number(value, value < 10 ? 1 : 0)} µs`;
	if (unit === 'bytes') return `${number(value / 1e6, 1)} MB`;
	return value >= 1e6 ? `${number(value / 1e6, 2)} M/s` : `${number(value / 1e3, value < 1e4 ? 1 : 0)} k/s`;
}

/** @param {number | undefined} ratio */
export function showRatio(ratio) {
	return ratio === undefined ? '–' : `${number(ratio, 2)} ×`;
}

/** @param {boolean | undefined} met */
export function showMet(met) {
	return met === undefined ? '–' : met ? 'yes' : '**no**';
}
