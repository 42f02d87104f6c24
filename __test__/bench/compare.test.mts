/** The benchmarks: from measurements to medians, ratios, tables and plots. */
import { describe, expect, it } from 'vitest';
import { load, type Measurement } from './modules.mjs';

const { median, spread } = await load('scripts/statistics.mjs');
const { markdownTable } = await load('scripts/table.mjs');
const { svg, barSvg } = await load('scripts/svg.mjs');
const { rows } = await load('bench/peers/rows.mjs');
const { workloads } = await load('bench/peers/workloads.mjs');
const { stores } = await load('bench/peers/stores/index.mjs');
const { medians, compareWithPeers, compareTypeScript, show } = await load('bench/peers/compare.mjs');
const { report } = await load('bench/peers/report.mjs');
const { findRegressions } = await load('bench/peers/regressions.mjs');

const measured = (store: string, row: string, ...values: number[]): Measurement[] =>
	values.map((value, i) => ({ store, workload: rows[row].workload, repetition: i + 1, figures: { [row]: value } }));

describe('statistics', () => {
	it('takes the middle of samples in any order', () => {
		expect(median([10, 9, 100])).toBe(10);
		expect(median([4, 1, 2, 3])).toBe(2.5);
		expect(spread([90, 100, 120])).toBeCloseTo(0.3);
	});
});

describe('rows and workloads', () => {
	it('name each other', () => {
		const yielding = new Set(Object.values(rows).map(({ workload }) => workload));
		expect([...yielding].filter((name) => name !== 'prepare' && workloads[name] === undefined)).toEqual([]);
		expect(Object.keys(workloads).filter((name) => !yielding.has(name))).toEqual([]);
	});
});

describe('medians', () => {
	it('are of each row and store, in the order of the rows, without failed measurements', () => {
		const failed: Measurement = { store: 'lmdb', workload: 'get-one', repetition: 4, error: 'ended with code 1' };
		const values = medians([...measured('lmdb', 'get-one', 3, 1, 2), failed, ...measured('varve-js', 'fill-random', 7)]);
		expect([...values].map(([row, byStore]) => [row, [...byStore]])).toEqual([
			['fill-random', [['varve-js', 7]]],
			['get-one', [['lmdb', 2]]],
		]);
	});
});

describe('compareWithPeers', () => {
	it('divides a rate by that of the best peer, which is never Varve', () => {
		const values = new Map(Object.entries({ 'varve-native': 300, 'varve-js': 900, lmdb: 200, 'classic-level': 100 }));
		expect(compareWithPeers('get-one', values, 'varve-native')).toEqual({ value: 300, best: 'lmdb', ratio: 1.5, met: true });
		values.set('lmdb', 201);
		expect(compareWithPeers('get-one', values, 'varve-native').met).toBe(false);
	});

	it('turns the ratio round where less is better', () => {
		const values = new Map(Object.entries({ 'varve-native': 2, lmdb: 4, 'better-sqlite3': 3 }));
		expect(compareWithPeers('open', values, 'varve-native')).toEqual({ value: 2, best: 'better-sqlite3', ratio: 1.5, met: true });
		values.set('better-sqlite3', 1.9);
		expect(compareWithPeers('open', values, 'varve-native').met).toBe(false);
	});

	it('judges nothing where one side is missing', () => {
		expect(compareWithPeers('open', new Map([['varve-native', 2]]), 'varve-native').met).toBeUndefined();
		expect(compareWithPeers('open', new Map([['lmdb', 2]]), 'varve-native')).toMatchObject({ best: 'lmdb', met: undefined });
	});
});

describe('compareTypeScript', () => {
	it('wants it not behind classic-level, and on reads at half of the native kernel', () => {
		const values = new Map(Object.entries({ 'varve-native': 200, 'varve-js': 100, 'classic-level': 100 }));
		expect(compareTypeScript('get-one', values)).toEqual({ toClassic: 1, toNative: 0.5, met: true });
		values.set('varve-native', 201);
		expect(compareTypeScript('get-one', values).met).toBe(false);
		expect(compareTypeScript('fill-random', values).met).toBe(true);
		values.set('classic-level', 101);
		expect(compareTypeScript('fill-random', values).met).toBe(false);
	});
});

describe('findRegressions', () => {
	it('finds what is worse by more than the tolerance, whichever way is better', () => {
		const before = medians([...measured('varve-js', 'get-one', 100), ...measured('varve-js', 'open', 10)]);
		const judge = (rate: number, milliseconds: number, tolerance = 0.15) => {
			const after = medians([...measured('varve-js', 'get-one', rate), ...measured('varve-js', 'open', milliseconds)]);
			return findRegressions(before, after, tolerance);
		};
		expect(judge(85, 11).map(({ worse }) => worse)).toEqual([false, false]);
		expect(judge(84, 9).map(({ row, worse }) => [row, worse])).toEqual([
			['get-one', true],
			['open', false],
		]);
		expect(judge(200, 12).map(({ worse }) => worse)).toEqual([false, true]);
		expect(judge(71, 14, 0.3).map(({ worse }) => worse)).toEqual([false, false]);
	});
});

describe('what is printed', () => {
	it('has units', () => {
		expect(show(rows['get-one'], 1_234_567)).toBe('1.23 M/s');
		expect(show(rows['get-one'], 9_870)).toBe('9.9 k/s');
		expect(show(rows.open, 3.25)).toBe('3.3 ms');
		expect(show(rows['disk-after-fill'], 12_345_678)).toBe('12.3 MB');
		expect(show(rows.open, undefined)).toBe('–');
	});

	it('escapes what would end a cell', () => {
		expect(markdownTable(['a', 'b'], [['x|y', '1']])).toBe('| a | b |\n| --- | ---: |\n| x\\|y | 1 |');
	});

	it('is a report that tells figures, ratios, settings, and what was left out and why', () => {
		const storeNames = ['varve-native', 'varve-js', 'lmdb', 'rocksdb-native'];
		const page = report({
			machine: ['2 × a CPU'],
			conditions: ['500 entries'],
			storeNames,
			versions: Object.fromEntries(storeNames.map((name) => [name, '1.2.3'])),
			unavailable: { 'better-sqlite3': 'npm could not install it' },
			measurements: [
				...measured('varve-native', 'get-one', 3e6),
				...measured('lmdb', 'get-one', 1e6),
				{ store: 'rocksdb-native', workload: 'get-one', repetition: 1, error: 'was ended by SIGSEGV' },
			],
		});
		expect(page).toContain('| random await get, one by one | 3.00 M/s | – | 1.00 M/s | – | lmdb | 3.00 × | 1.5 × | yes |');
		expect(page).toContain(`| lmdb | 1.2.3 | `);
		expect(page).toContain('- better-sqlite3: npm could not install it');
		expect(page).toContain('- rocksdb-native, get-one, repetition 1: was ended by SIGSEGV');
		expect(page).toContain(`putSync: ${stores['rocksdb-native'].missing.putSync}`);
	});

	it('is a plot whose longest bar is the greatest value', () => {
		const bars = [
			{ name: 'a', value: 2, label: '2' },
			{ name: 'b & c', value: 4, label: '4' },
		];
		const text = barSvg('title', [{ title: 'row', bars }]);
		expect([...text.matchAll(/<rect x=\S+ y=\S+ width="(\d+)"/g)].map((match) => Number(match[1]))).toEqual([240, 480]);
		expect(text).toContain('b &amp; c');
	});

	it('is a plot of lines over powers of ten at equal distances', () => {
		const points = [10, 100, 1_000].map((x) => ({ x, y: 1 }));
		const text = svg('title', 'entries', [{ title: 'ns', lines: [{ name: 'native', points }] }], { logarithmic: true });
		const [, line] = /<path d="M(\d\S* \S+L\S+ \S+L\S+ [\d.]+)" fill="none"/.exec(text) ?? [];
		const xs = line.split('L').map((point) => Number(point.split(' ')[0]));
		expect(xs[1] - xs[0]).toBeCloseTo(xs[2] - xs[1], 0);
		expect(xs[1]).toBeGreaterThan(xs[0]);
	});
});
