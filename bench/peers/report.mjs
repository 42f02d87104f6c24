/** The page that a comparison leaves behind. */
import { spread } from '../../scripts/statistics.mjs';
import { markdownTable, number } from '../../scripts/table.mjs';
import { compareTypeScript, compareWithPeers, medians, show, showMet, showRatio } from './compare.mjs';
import { rows } from './rows.mjs';
import { stores } from './stores/index.mjs';
import { workloads } from './workloads.mjs';

/** @typedef {import('./compare.mjs').Measurement} Measurement */

/**
 * @typedef {object} Run
 * @property {string[]} machine lines that describe it
 * @property {string[]} conditions lines that tell how it was measured
 * @property {string[]} storeNames measured
 * @property {Record<string, string>} versions of the stores
 * @property {Record<string, string>} unavailable stores that were left out, and why
 * @property {Measurement[]} measurements
 */

/** @param {Run} run */
export function report(run) {
	const sections = [
		'# Varve and its peers',
		list([...run.machine, ...run.conditions]),
		'Medians of the repetitions. A ratio above 1 means that Varve is ahead, also where less is better.',
		...figures(run),
		'## Settings of the stores',
		markdownTable(
			['store', 'version', 'settings'],
			run.storeNames.map((name) => [stores[name].title, run.versions[name], stores[name].settings]),
			3,
		),
		'## Left out',
		list(leftOut(run)),
	];
	return `${sections.join('\n\n')}\n`;
}

/** @param {Run} run */
function figures({ storeNames, measurements }) {
	const values = medians(measurements);
	const titles = storeNames.map((name) => stores[name].title);
	const sections = [];
	if (storeNames.includes('varve-native')) {
		const native = [...values].map(([name, byStore]) => {
			const { best, ratio, met } = compareWithPeers(name, byStore, 'varve-native');
			const cells = storeNames.map((store) => show(rows[name], byStore.get(store)));
			const demanded = `${rows[name].demanded} ×`;
			return [
				rows[name].title,
				...cells,
				best === undefined ? '–' : stores[best].title,
				showRatio(ratio),
				demanded,
				showMet(met),
			];
		});
		const heading = ['workload', ...titles, 'best peer', 'native to it', 'demanded', 'met'];
		sections.push('## The native kernel', markdownTable(heading, native));
	}
	if (storeNames.includes('varve-js')) {
		const typeScript = [...values].map(([name, byStore]) => {
			const { toClassic, toNative, met } = compareTypeScript(name, byStore);
			const best = compareWithPeers(name, byStore, 'varve-js');
			const figure = show(rows[name], byStore.get('varve-js'));
			return [rows[name].title, figure, showRatio(best.ratio), showRatio(toClassic), showRatio(toNative), showMet(met)];
		});
		const heading = ['workload', 'TypeScript kernel', 'to the best peer', 'to classic-level', 'to the native kernel', 'met'];
		sections.push(
			'## The TypeScript kernel',
			'Demanded: not behind classic-level anywhere, and half of the native kernel on reads and scans.',
			markdownTable(heading, typeScript),
		);
	}
	return sections;
}

/** @param {Run} run */
function leftOut({ storeNames, unavailable, measurements }) {
	const lines = Object.entries(unavailable).map(([name, reason]) => `${stores[name].title}: ${reason}`);
	for (const name of storeNames) {
		for (const [capability, reason] of Object.entries(stores[name].missing)) {
			const titles = Object.entries(rows)
				.filter(([, row]) => workloads[row.workload]?.needs?.some((need) => need === capability))
				.map(([, row]) => row.title);
			lines.push(`${stores[name].title}, ${titles.join('; ')}: ${reason}`);
		}
	}
	for (const { store, workload, repetition, error } of measurements) {
		if (error !== undefined) lines.push(`${stores[store].title}, ${workload}, repetition ${repetition}: ${error}`);
	}
	const spreads = noisy(measurements);
	if (spreads.length > 0) lines.push(`Not left out, but repetitions lie more than a third apart: ${spreads.join('; ')}`);
	return lines.length === 0 ? ['nothing'] : lines;
}

/** @param {Measurement[]} measurements */
function noisy(measurements) {
	/** @type {Map<string, number[]>} */
	const samples = new Map();
	for (const { store, figures = {} } of measurements) {
		for (const [row, value] of Object.entries(figures)) {
			const key = `${stores[store].title}, ${rows[row].title}`;
			samples.set(key, [...(samples.get(key) ?? []), value]);
		}
	}
	return [...samples].filter(([, list]) => spread(list) > 1 / 3).map(([key, list]) => `${key} (${number(spread(list) * 100)} %)`);
}

/** @param {string[]} lines */
function list(lines) {
	return lines.map((line) => `- ${line}`).join('\n');
}
