/** The benchmarks: what they check, what they take, and a whole run on the stores of Varve. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { load, root } from './modules.mjs';

const { Records, Sequence, Tally } = await load('bench/peers/records.mjs');
const { readPeersArguments } = await load('bench/peers/arguments.mjs');
const { workloads } = await load('bench/peers/workloads.mjs');
const { summarize } = await load('bench/phases.mjs');

const folder = mkdtempSync(join(tmpdir(), 'varve-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('records', () => {
	it('are the same in both forms, in random order each once, with values that differ and repeat their first half', () => {
		const [bytes, text] = [new Records(500, 100, 'buffer', 'buffer'), new Records(500, 100, 'string', 'string')];
		expect(bytes.key(7).toString()).toBe(text.key(7));
		expect(bytes.value(7).toString('latin1')).toBe(text.value(7));
		expect(new Set(bytes.shuffled()).size).toBe(500);
		expect(text.value(7).slice(0, 50)).toBe(text.value(7).slice(50));
		expect(text.value(7, 1)).not.toBe(text.value(7));
		expect(text.value(8)).not.toBe(text.value(7));
	});

	it('are found missing, changed or out of order', () => {
		const records = new Records(500, 100, 'string', 'string');
		const tally = (...numbers: number[]) => {
			const one = new Tally();
			for (const number of numbers) one.add(records.value(number));
			return one;
		};
		tally(1, 2).check(tally(2, 1), 'get');
		expect(() => tally(1).check(tally(1, 2), 'get')).toThrow('found 1 of 2');
		expect(() => tally(1, 3).check(tally(1, 2), 'get')).toThrow('not those that were written');
		const sequence = (...numbers: number[]) => {
			const one = new Sequence();
			for (const number of numbers) one.add(String(records.key(number)), String(records.value(number)));
			return one;
		};
		sequence(1, 2).check(sequence(1, 2));
		expect(() => sequence(2, 1).check(sequence(1, 2))).toThrow('in order');
		expect(() => sequence(1).check(sequence(1, 2))).toThrow('1 entries instead of 2');
	});
});

describe('arguments', () => {
	it('have defaults, and fewer for a quick run', () => {
		expect(readPeersArguments([])).toMatchObject({ settings: { n: 200_000, cacheBytes: 64 * 1024 * 1024 }, repetitions: 3 });
		expect(readPeersArguments([]).workloads).toEqual(Object.keys(workloads));
		const quick = readPeersArguments(['--quick']);
		expect(quick.settings.n).toBeLessThan(200_000);
		expect(quick.workloads.filter((name) => workloads[name] === undefined)).toEqual([]);
		expect(readPeersArguments(['--stores', 'lmdb, varve-js']).stores).toEqual(['varve-js', 'lmdb']);
	});

	it.each([
		[['--n', '0'], "--n takes an integer from 400, not '0'."],
		[['--n', '1e9x'], '--n takes an integer'],
		[['--seconds=-1'], '--seconds takes a number above 0'],
		[['--stores', 'varve-js,leveldb'], "--stores: there is no 'leveldb'."],
		[['--workloads', 'all'], "--workloads: there is no 'all'."],
		[['--unknown'], "Unknown option '--unknown'"],
	])('%j are refused', (args, message) => {
		expect(() => readPeersArguments(args)).toThrow(message);
	});
});

describe('phases of a profile', () => {
	it('tell the addon, the kernel and the file system apart by who calls', () => {
		const node = (id: number, functionName: string, url: string, ...children: number[]) => ({
			id,
			callFrame: { functionName, url },
			children,
		});
		const nodes = [
			node(1, '(root)', '', 2, 3, 7),
			node(2, '(garbage collector)', ''),
			node(3, 'get', 'file:///x/dist/kernel/native/engine.js', 4, 5),
			node(4, 'closeCursor', ''),
			node(5, 'writeSync', 'node:fs', 6),
			node(6, 'writeBuffer', ''),
			node(7, 'search', 'file:///x/dist/kernel/js/block/cursor.js'),
		];
		const profile = { nodes, samples: [2, 3, 4, 6, 7], timeDeltas: [9_000, 1_000, 2_000, 3_000, 4_000] };
		const { phases, functions } = summarize([profile, { nodes: [], samples: [], timeDeltas: [] }]);
		expect(Object.fromEntries(phases.filter(([, milliseconds]) => milliseconds > 0))).toEqual({
			'garbage collection': 1,
			'boundary, JavaScript side': 2,
			'native calls': 3,
			'I/O': 4,
		});
		expect(functions[1]).toEqual(['(addon)', 3]);
	});
});

describe('bench:peers', () => {
	it('measures the stores of Varve, checks what they answer, and leaves a report, plots and lines', () => {
		if (!existsSync(join(root, 'dist', 'index.mjs'))) throw new Error('dist/ is missing: run `npm run build` first.');
		const out = join(folder, 'results');
		const names = [
			'fill-random',
			'get-sync-string',
			'get-many',
			'scan-backward',
			'seek-10',
			'overwrite',
			'delete-all',
			'mixed',
			'get-sync-reused',
		];
		const stores = process.env.VARVE_REQUIRE_NATIVE === '1' ? 'varve-native,varve-js' : 'varve-js';
		const program = join(root, 'bench/peers/main.mjs');
		const args = [
			'--n',
			'500',
			'--seconds',
			'0.02',
			'--repetitions',
			'1',
			'--stores',
			stores,
			'--workloads',
			names.join(),
			'--out',
			out,
		];
		const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args, '--directory', folder], {
			encoding: 'utf8',
		});
		expect(stderr).toBe('');
		expect(status).toBe(0);
		const lines = readFileSync(join(out, 'measurements.jsonl'), 'utf8').trim().split('\n');
		const measurements = lines.map((line) => JSON.parse(line));
		// One for each workload, and one for the filled store.
		expect(measurements.map(({ store, workload }) => `${store} ${workload}`).sort()).toEqual(
			stores
				.split(',')
				.flatMap((store) => [...names, 'prepare'].map((name) => `${store} ${name}`))
				.sort(),
		);
		for (const { figures } of measurements) for (const value of Object.values(figures)) expect(value).toBeGreaterThan(0);
		expect(stdout).toContain('| random seek and next 10 |');
		const made = ['report.md', 'reads.svg', 'writes.svg', 'costs.svg'];
		const contents = () => made.map((file) => readFileSync(join(out, file), 'utf8'));
		const before = contents();
		for (const file of ['report.md', 'run.json']) expect(readFileSync(join(out, file), 'utf8')).not.toContain(folder);
		for (const file of made) rmSync(join(out, file));
		expect(spawnSync(process.execPath, [program, '--redraw', '--out', out]).status).toBe(0);
		expect(contents()).toEqual(before);
	});

	it('goes on after a store that fails, reports it, and ends with exit code 1', () => {
		const out = join(folder, 'late');
		const args = ['--n', '500', '--seconds', '0.02', '--repetitions', '1', '--time-limit', '0.01', '--stores', 'varve-js'];
		const program = join(root, 'bench/peers/main.mjs');
		const { status, stdout } = spawnSync(
			process.execPath,
			[program, ...args, '--workloads', 'put-sync,scan-buffers', '--out', out],
			{
				encoding: 'utf8',
			},
		);
		expect(status).toBe(1);
		expect(stdout).toContain('- Varve, TypeScript, put-sync, repetition 1: took longer than 0.01 s and was stopped');
		expect(stdout).toContain('- Varve, TypeScript, prepare, repetition 0: took longer than 0.01 s and was stopped');
	});
});
