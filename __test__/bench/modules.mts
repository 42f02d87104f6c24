/** The modules of the benchmarks, which are JavaScript, with the types of what the tests use. */
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Measurement {
	store: string;
	workload: string;
	repetition: number;
	figures?: Record<string, number>;
	error?: string;
}

export type Medians = Map<string, Map<string, number>>;

interface Comparison {
	value: number | undefined;
	best: string | undefined;
	ratio: number | undefined;
	met: boolean | undefined;
}

interface Row {
	title: string;
	workload: string;
	unit: string;
	demanded: number;
}

interface Modules {
	'scripts/statistics.mjs': { median(samples: number[]): number; spread(samples: number[]): number };
	'scripts/table.mjs': { markdownTable(heading: string[], rows: string[][]): string };
	'scripts/svg.mjs': {
		svg(title: string, xTitle: string, panels: object[], options?: { logarithmic?: boolean }): string;
		barSvg(title: string, groups: object[]): string;
	};
	'bench/peers/rows.mjs': { rows: Record<string, Row> };
	'bench/peers/workloads.mjs': { workloads: Record<string, { needs?: string[] }> };
	'bench/peers/stores/index.mjs': { stores: Record<string, { title: string; missing: Record<string, string> }> };
	'bench/peers/compare.mjs': {
		medians(measurements: Measurement[]): Medians;
		compareWithPeers(row: string, values: Map<string, number>, store: string): Comparison;
		compareTypeScript(row: string, values: Map<string, number>): { toClassic?: number; toNative?: number; met?: boolean };
		show(row: Row, value: number | undefined): string;
	};
	'bench/peers/report.mjs': { report(run: object): string };
	'bench/peers/regressions.mjs': {
		findRegressions(
			before: Medians,
			after: Medians,
			tolerance: number,
		): { row: string; store: string; ratio: number; worse: boolean }[];
	};
	'bench/peers/records.mjs': {
		Tally: new () => { found: number; add(value: unknown): void; check(expected: object, what: string): void };
		Sequence: new () => { add(key: string, value: string): void; check(expected: object): void };
		Records: new (
			count: number,
			valueBytes: number,
			keyForm: string,
			valueForm: string,
		) => { key(i: number): string | Buffer; value(i: number, version?: number): string | Buffer; shuffled(): number[] };
	};
	'bench/peers/arguments.mjs': {
		readPeersArguments(args: string[]): {
			settings: { n: number; cacheBytes: number };
			stores: string[];
			workloads: string[];
			repetitions: number;
			redraw: boolean;
		};
	};
	'bench/phases.mjs': {
		summarize(profiles: object[]): {
			phases: [phase: string, milliseconds: number][];
			functions: [name: string, milliseconds: number][];
		};
	};
}

export async function load<N extends keyof Modules>(name: N): Promise<Modules[N]> {
	return import(pathToFileURL(join(root, name)).href);
}
