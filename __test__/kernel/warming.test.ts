/** A compaction keeps the cache as warm as it was: for each kernel. */
import { describe, expect, it } from 'vitest';
import { IO_CACHE, IO_NONE, type JobOutput, type KernelEngine, PENDING, type TableSummary } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { apply, get, jobOutput, NEWEST, tableSpec, temporaryDirectory } from './support';

const ENTRIES = 400;
const CACHE = 4 << 20;
const keys = Array.from({ length: ENTRIES }, (_, i) => Buffer.from(`key${String(i).padStart(4, '0')}`));
const valueAt = (sequence: number) => Buffer.alloc(60, sequence & 255);

describe.each(kernels)('a compaction on the $name kernel', (kernel) => {
	const directory = temporaryDirectory();
	let nextNumber = 1;
	const output = (level: number): JobOutput => {
		nextNumber += 1000;
		return jobOutput(directory, nextNumber, level, { tableSize: 8192, compression: 1 });
	};

	async function open(engine: KernelEngine, tables: TableSummary[]): Promise<number[]> {
		await engine.openTables(tables.map((table) => tableSpec(directory, table)));
		return tables.map(({ number }) => number);
	}

	/** An engine with two tables of the same keys, each a run of its own. */
	async function twoRuns(): Promise<{ engine: KernelEngine; runs: number[][] }> {
		const engine = kernel.createEngine({ cacheBytes: CACHE });
		const runs: number[][] = [];
		for (const id of [1, 2]) {
			engine.createMemtable(id, 1 << 20);
			const first = (id - 1) * ENTRIES + 1;
			apply(
				engine,
				first,
				keys.map((key, i) => ({ key, value: valueAt(first + i) })),
			);
			runs.unshift(await open(engine, await engine.flush({ memtable: id, snapshots: [], output: output(0) }).done));
			engine.dropMemtable(id);
		}
		engine.installView([], [runs.flat()]);
		return { engine, runs };
	}

	/** Merges the two runs and makes the outputs all there is. */
	async function compact(engine: KernelEngine, runs: number[][]): Promise<TableSummary[]> {
		const outputs = await engine.compact({ runs, snapshots: [], keepTombstones: [], output: output(1) }).done;
		const numbers = await open(engine, outputs);
		engine.installView([], [[], numbers]);
		engine.dropTables(runs.flat());
		return outputs;
	}

	const answers = (engine: KernelEngine) => keys.map((key) => get(engine, key, NEWEST, 0, IO_NONE));

	it('puts what it makes of cached blocks into the cache', async () => {
		const { engine, runs } = await twoRuns();
		for (const key of keys) get(engine, key, NEWEST, 0, IO_CACHE);
		const { blockReads } = engine.stats();
		const outputs = await compact(engine, runs);
		expect(outputs.length).toBeGreaterThan(2);
		expect(answers(engine)).toEqual(keys.map((_, i) => valueAt(ENTRIES + 1 + i)));
		const stats = engine.stats();
		expect(stats.blockReads).toBe(blockReads);
		expect(stats.cacheBytes).toBe(outputs.reduce((sum, table) => sum + table.rawDataBytes, 0));
		await engine.close();
	});

	it('leaves the cache alone where it holds nothing of the inputs', async () => {
		const { engine, runs } = await twoRuns();
		await compact(engine, runs);
		expect(engine.stats().cacheBytes).toBe(0);
		expect(answers(engine).every((answer) => answer === PENDING)).toBe(true);
		await engine.close();
	});

	it('warms the part that was warm, about', async () => {
		const { engine, runs } = await twoRuns();
		const warm = keys.slice(ENTRIES / 2, ENTRIES / 2 + 80);
		for (const key of warm) get(engine, key, NEWEST, 0, IO_CACHE);
		const before = engine.stats().cacheBytes;
		await compact(engine, runs);
		const { cacheBytes } = engine.stats();
		expect(cacheBytes).toBeGreaterThan(before * 0.7);
		expect(cacheBytes).toBeLessThan(before * 2.5);
		const found = answers(engine).flatMap((answer, i) => (answer === PENDING ? [] : [i]));
		expect(found.filter((i) => i >= ENTRIES / 2 && i < ENTRIES / 2 + 80).length).toBeGreaterThan(60);
		expect(found.length).toBeLessThan(200);
		await engine.close();
	});

	it('leaves nothing in the cache when it fails', async () => {
		const { engine, runs } = await twoRuns();
		for (const key of keys) get(engine, key, NEWEST, 0, IO_CACHE);
		const { cacheBytes } = engine.stats();
		const job = engine.compact({ runs, snapshots: [], keepTombstones: [], output: { ...output(1), numberCount: 2 } });
		await expect(job.done).rejects.toThrow(/file numbers/);
		expect(engine.stats().cacheBytes).toBe(cacheBytes);
		await engine.close();
	});
});
