/** Bars of a comparison: a page for each kind of row. */
import { barSvg } from '../../scripts/svg.mjs';
import { medians, show } from './compare.mjs';
import { rows } from './rows.mjs';
import { stores } from './stores/index.mjs';

/** @type {Record<string, { title: string, has: (row: import('./rows.mjs').Row) => boolean }>} */
const PAGES = {
	'writes.svg': { title: 'Writes, more is better', has: ({ unit, reads }) => unit === 'rate' && !reads },
	'reads.svg': { title: 'Reads and scans, more is better', has: ({ unit, reads }) => unit === 'rate' && reads },
	'costs.svg': { title: 'Space and latency, less is better', has: ({ unit }) => unit !== 'rate' },
};

/**
 * @param {readonly string[]} storeNames in the order of the bars
 * @param {readonly import('./compare.mjs').Measurement[]} measurements
 * @returns {Record<string, string>} SVG by file name
 */
export function plots(storeNames, measurements) {
	const values = medians(measurements);
	/** @type {Record<string, string>} */
	const files = {};
	for (const [file, { title, has }] of Object.entries(PAGES)) {
		const groups = [...values]
			.filter(([name]) => has(rows[name]))
			.map(([name, byStore]) => ({
				title: rows[name].title,
				bars: storeNames.flatMap((store) => {
					const value = byStore.get(store);
					return value === undefined ? [] : [{ name: stores[store].title, value, label: show(rows[name], value) }];
				}),
			}));
		if (groups.length > 0) files[file] = barSvg(title, groups);
	}
	return files;
}
