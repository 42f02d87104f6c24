/** Medians of two commits, side by side. */
import { ratioOf } from './compare.mjs';
import { rows } from './rows.mjs';

/**
 * @typedef {object} Change
 * @property {string} row
 * @property {string} store
 * @property {number} before
 * @property {number} after
 * @property {number} ratio of after to before: below 1 it became worse
 * @property {boolean} worse by more than is tolerated
 */

/**
 * @param {import('./compare.mjs').Medians} before
 * @param {import('./compare.mjs').Medians} after
 * @param {number} tolerance by how much a median may be worse: 0.15 is 15 %
 * @returns {Change[]} of the rows and stores that both have
 */
export function findRegressions(before, after, tolerance) {
	/** @type {Change[]} */
	const changes = [];
	for (const [row, byStore] of after) {
		for (const [store, value] of byStore) {
			const old = before.get(row)?.get(store);
			if (old === undefined) continue;
			const ratio = ratioOf(rows[row], value, old);
			changes.push({ row, store, before: old, after: value, ratio, worse: ratio < 1 - tolerance });
		}
	}
	return changes;
}
