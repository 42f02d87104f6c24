/** Jobs that somebody waits for on the calling thread, and tables opened there; on each kernel. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AbortError, CorruptionError, IOError } from '../../ts/errors';
import { createJsKernel } from '../../ts/kernel/js/index';
import type { KernelEngine, TableSummary } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { apply, get, jobOutput, tableSpec, temporaryDirectory } from './support';

const ENTRIES = 3000;
const operations = Array.from({ length: ENTRIES }, (_, i) => ({
	key: Buffer.from(`key${i}`),
	value: Buffer.alloc(1000, i & 255),
}));

function fill(engine: KernelEngine): void {
	engine.createMemtable(1, 8 << 20);
	apply(engine, 1, operations);
}

const modes = [
	...kernels.map((kernel) => ({ name: kernel.name as string, kernel })),
	{ name: 'js, jobs in slices', kernel: createJsKernel({ jobs: 'inline' }) },
];

describe.each(modes)('waitSync, $name', ({ kernel }) => {
	const directory = temporaryDirectory();
	let number = 1;
	const flush = (engine: KernelEngine, output = jobOutput(directory, number++)) =>
		engine.flush({ memtable: 1, snapshots: [], output }, () => undefined);

	it('gives what the promise gives, before and after it has settled, as often as it is called', async () => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		fill(engine);
		for (const turns of [0, 1, 2, 200]) {
			const job = flush(engine);
			for (let i = 0; i < turns; i++) await new Promise(setImmediate);
			const tables = job.waitSync();
			expect(tables).toMatchObject([{ entries: ENTRIES, smallestSequence: 1, largestSequence: ENTRIES }]);
			expect(await job.done).toEqual(tables);
			expect(job.waitSync()).toEqual(tables);
		}
		await engine.close();
	});

	it('waits for one job after the other without a turn of the event loop, beside others', async () => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		fill(engine);
		const others = [flush(engine), flush(engine)];
		for (let i = 0; i < 10; i++) expect(flush(engine).waitSync()).toMatchObject([{ entries: ENTRIES }]);
		for (const { done } of others) expect(await done).toMatchObject([{ entries: ENTRIES }]);
		await engine.close();
	});

	it('throws what the promise is rejected with', async () => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		fill(engine);
		const failing = flush(engine, { ...jobOutput(directory, number++), directory: join(directory, 'missing') });
		for (let i = 0; i < 2; i++) expect(() => failing.waitSync()).toThrow(IOError);
		await expect(failing.done).rejects.toThrow(IOError);
		expect(() => failing.waitSync()).toThrow(IOError);
		const before = readdirSync(directory);
		const cancelled = flush(engine);
		cancelled.cancel();
		expect(() => cancelled.waitSync()).toThrow(AbortError);
		await expect(cancelled.done).rejects.toThrow(AbortError);
		expect(readdirSync(directory)).toEqual(before);
		await engine.close();
	});

	it('leaves an engine that closes, and tables that are opened at once', async () => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		fill(engine);
		const [table] = flush(engine).waitSync() as [TableSummary];
		const good = tableSpec(directory, table);
		expect(() => engine.openTablesSync([good, { ...good, number: 9999, size: good.size + 1 }])).toThrow(CorruptionError);
		expect(engine.stats().openTables).toBe(0);
		engine.openTablesSync([good]);
		engine.installView([], [[table.number]]);
		expect(get(engine, Buffer.from('key7'))).toEqual(Buffer.alloc(1000, 7));
		flush(engine).waitSync();
		await engine.close();
	});
});
