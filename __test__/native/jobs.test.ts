/** Native jobs and the environment they run in: progress, the life of the process, and the ends of workers and processes. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { AbortError } from '../../ts/index';
import type { FlushJob, KernelEngine } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { temporaryDirectory } from '../support/stores';

const native = kernels.find((kernel) => kernel.name === 'native');
const LOADER = join(__dirname, '..', '..', 'dist', 'kernel', 'native', 'load.js');
const VALUE_BYTES = 100;
/** About 6 MB of entries: several reports of progress. */
const ENTRIES = 50_000;

/** A record that puts `count` keys in ascending order. */
function recordOf(count: number): Buffer {
	const record = Buffer.alloc(12 + count * (13 + VALUE_BYTES));
	record.writeBigUInt64LE(1n, 0);
	record.writeUInt32LE(count, 8);
	for (let i = 0, at = 12; i < count; i++, at += 13 + VALUE_BYTES) {
		record[at] = 1;
		record[at + 1] = 10;
		record.write(String(i).padStart(10, '0'), at + 2);
		record[at + 12] = VALUE_BYTES;
	}
	return record;
}

function fill(engine: KernelEngine, count: number): void {
	const record = recordOf(count);
	engine.createMemtable(1, record.length + 64 * count);
	engine.apply(record, 0, record.length);
}

function flushJob(directory: string, number = 1): FlushJob {
	const filter = { filterPolicy: 'blocked-bloom', filterMilliBitsPerKey: 10_000, filterProbes: 7 } as const;
	const compression = { compression: 0, compressionLevel: 3 } as const;
	const table = { blockSize: 4096, restartInterval: 16, ...filter, ...compression, tableSize: 2 ** 30 };
	return {
		memtable: 1,
		snapshots: [],
		output: { directory, level: 0, firstNumber: number, numberCount: 1, createdAt: 1n, table },
	};
}

/** A program that starts `jobs` flushes into a directory on an engine of its own, then runs `then`; nothing else loads the addon. */
const program = (directory: string, jobs: number, then: string) => `
	const { loadNativeKernel } = require(${JSON.stringify(LOADER)});
	const VALUE_BYTES = ${VALUE_BYTES};
	${recordOf}
	${fill}
	${flushJob}
	const engine = loadNativeKernel().createEngine({ cacheBytes: 0 });
	fill(engine, ${ENTRIES});
	const running = Array.from({ length: ${jobs} }, (_, i) => engine.flush(flushJob(${JSON.stringify(directory)}, i + 1), () => undefined));
	${then}`;

const sizes = (directory: string) => readdirSync(directory).map((name) => [name, statSync(join(directory, name)).size]);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe.runIf(native !== undefined && existsSync(LOADER))('native jobs', () => {
	const makeEngine = () => (native as NonNullable<typeof native>).createEngine({ cacheBytes: 0 });

	it('report progress that grows to the whole', async () => {
		const engine = makeEngine();
		fill(engine, ENTRIES);
		const reports: [number, number][] = [];
		const { done } = engine.flush(flushJob(temporaryDirectory()), (part, total) => reports.push([part, total]));
		const [table] = await done;
		expect(table).toMatchObject({ number: 1, entries: ENTRIES, tombstones: 0, smallestSequence: 1, largestSequence: ENTRIES });
		expect(reports.length).toBeGreaterThan(2);
		const parts = reports.map(([part]) => part);
		expect(parts).toEqual([...parts].sort((a, b) => a - b));
		expect(reports.at(-1)?.[0]).toBe(reports.at(-1)?.[1]);
		await engine.close();
	});

	it('are cancelled by close, which waits for them', async () => {
		const directory = temporaryDirectory();
		const engine = makeEngine();
		fill(engine, ENTRIES);
		const jobs = [1, 2, 3].map((number) => engine.flush(flushJob(directory, number)).done);
		const outcomes = Promise.allSettled(jobs);
		await engine.close();
		const before = sizes(directory);
		for (const outcome of await outcomes) {
			if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(AbortError);
		}
		await pause(50);
		expect(sizes(directory)).toEqual(before);
		expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
	});

	it('keep the process alive until they are done, and no longer', () => {
		const directory = temporaryDirectory();
		const { status, stdout } = spawnSync(
			process.execPath,
			['-e', program(directory, 2, `for (const { done } of running) done.then(([table]) => console.log(table.entries));`)],
			{ encoding: 'utf8', timeout: 30_000 },
		);
		expect(stdout).toBe(`${ENTRIES}\n${ENTRIES}\n`);
		expect(status).toBe(0);
		expect(readdirSync(directory)).toHaveLength(2);
	});

	it('do not crash a process that exits in the middle of them', () => {
		for (const delay of [0, 2, 10]) {
			const exit = `setTimeout(() => process.exit(7), ${delay});`;
			const { status, signal } = spawnSync(process.execPath, ['-e', program(temporaryDirectory(), 4, exit)], { timeout: 30_000 });
			expect([status, signal]).toEqual([7, null]);
		}
	});

	it('bring an exception of their listener to the handlers of uncaught ones, and go on', () => {
		const listen = `
			let caught = 0;
			process.on('uncaughtException', (error) => { if (error.message === 'of the listener') caught++; });
			engine.flush(flushJob(${JSON.stringify(temporaryDirectory())}, 1), () => { throw new Error('of the listener'); })
				.done.then((tables) => console.log(tables.length, caught > 0));`;
		const { stdout, stderr } = spawnSync(process.execPath, ['-e', program(temporaryDirectory(), 0, listen)], {
			encoding: 'utf8',
		});
		expect(stdout).toBe('1 true\n');
		expect(stderr).toBe('');
	});

	it('are over when the worker thread that started them is', async () => {
		for (let round = 0; round < 6; round++) {
			const directory = temporaryDirectory();
			const started = `require('node:worker_threads').parentPort.postMessage('started');`;
			const worker = new Worker(program(directory, 6, started), { eval: true });
			await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
			await pause(4 * round);
			await worker.terminate();
			const before = sizes(directory);
			expect(before.filter(([name]) => String(name).endsWith('.tmp'))).toEqual([]);
			await pause(50);
			expect(sizes(directory)).toEqual(before);
		}
	});

	it('do not crash a process whose only user of the addon is a worker thread that is ended', () => {
		const inner = program(temporaryDirectory(), 4, `require('node:worker_threads').parentPort.postMessage('started');`);
		const outer = `
			const { Worker } = require('node:worker_threads');
			(async () => {
				for (let round = 0; round < 4; round++) {
					const worker = new Worker(${JSON.stringify(inner)}, { eval: true });
					await new Promise((resolve) => worker.once('message', resolve));
					await worker.terminate();
				}
				console.log('alive');
			})();`;
		const { status, stdout } = spawnSync(process.execPath, ['-e', outer], { encoding: 'utf8', timeout: 30_000 });
		expect([status, stdout]).toEqual([0, 'alive\n']);
	});
});
