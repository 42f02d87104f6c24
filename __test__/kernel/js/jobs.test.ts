/** Jobs of the TypeScript kernel: on the worker, cancelled, and on a file system that fails. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { AbortError, CorruptionError, IOError, ResourceError } from '../../../ts/errors';
import type { FileSystem, FillableFile, ReadableFile } from '../../../ts/fs/file-system';
import { nodeFileSystem } from '../../../ts/fs/node-file-system';
import { BlockCache } from '../../../ts/kernel/js/cache';
import { createJsKernel } from '../../../ts/kernel/js/index';
import { removeOutputs } from '../../../ts/kernel/js/job/output';
import { JobRunner } from '../../../ts/kernel/js/job/runner';
import { Memtable } from '../../../ts/kernel/js/memtable/memtable';
import type { KernelEngine, TableSummary } from '../../../ts/kernel/kernel';
import { apply, cursorOptions, encodeRecord, get, jobOutput, readAll, tableSpec, temporaryDirectory } from '../support';

const ENTRIES = 4000;
const operations = Array.from({ length: ENTRIES }, (_, i) => ({
	key: Buffer.from(`key${i * 7919}`),
	value: Buffer.alloc(1000, i & 255),
}));

function fill(engine: KernelEngine): void {
	engine.createMemtable(1, 8 << 20);
	apply(engine, 1, operations);
}

async function openAll(engine: KernelEngine, directory: string, tables: TableSummary[]): Promise<number[]> {
	await engine.openTables(tables.map((summary) => tableSpec(directory, summary)));
	return tables.map(({ number }) => number);
}

const bigTables = { tableSize: 1 << 20, blockSize: 4096 };

describe.each(['worker', 'inline'] as const)('%s jobs', (jobs) => {
	const directory = temporaryDirectory();
	const kernel = createJsKernel({ jobs });

	it('report progress and write the same files', async () => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		fill(engine);
		const seen: [number, number][] = [];
		const listener = (done: number, total: number) => seen.push([done, total]);
		const flush = await engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 1, 0, bigTables) }, listener)
			.done;
		expect(seen.length).toBeGreaterThan(2);
		expect(seen.every(([done, total], i) => done <= total && done >= (seen[i - 1]?.[0] ?? 0))).toBe(true);
		const input = await openAll(engine, directory, flush);
		const output = jobOutput(directory, 10, 1, bigTables);
		const tables = await engine.compact({ runs: [input], snapshots: [], keepTombstones: [], output }, listener).done;
		expect(tables.length).toBe(4);
		expect(seen.at(-1)).toEqual([flush[0]?.size, flush[0]?.size]);
		engine.installView([], [[], await openAll(engine, directory, tables)]);
		const cursor = engine.openCursor(cursorOptions());
		expect((await readAll(cursor, 'sync', 1 << 16)).length).toBe(ENTRIES);
		await engine.close();
		const names = readdirSync(directory).sort();
		written.push(names.map((name) => [name, readFileSync(join(directory, name)).toString('base64')]));
		if (written.length === 2) expect(written[0]).toEqual(written[1]);
	});

	it('leave nothing behind when cancelled', async () => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		fill(engine);
		const job = engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 300, 0, bigTables) }, () => job.cancel());
		await expect(job.done).rejects.toThrow(AbortError);
		const closing = engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 301, 0, bigTables) });
		const outcome = expect(closing.done).rejects.toThrow(AbortError);
		await engine.close();
		await outcome;
		expect(readdirSync(directory).filter((name) => name.includes('00030'))).toEqual([]);
	});

	it('reject with typed errors', async () => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		fill(engine);
		const missing = { ...jobOutput(directory, 400), directory: join(directory, 'absent') };
		await expect(engine.flush({ memtable: 1, snapshots: [], output: missing }).done).rejects.toSatisfy(
			(error: IOError) => error instanceof IOError && (error.cause as NodeJS.ErrnoException).code === 'ENOENT',
		);
		const flush = await engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 410) }).done;
		const input = await openAll(engine, directory, flush);
		const few = { ...jobOutput(directory, 411, 1, bigTables), numberCount: 2 };
		const compaction = { runs: [input], snapshots: [], keepTombstones: [], output: few };
		await expect(engine.compact(compaction).done).rejects.toThrow(ResourceError);
		nodeFileSystem.removeSync(tableSpec(directory, flush[0] as TableSummary).path);
		await expect(engine.compact(compaction).done).rejects.toThrow(CorruptionError);
		await engine.close();
		expect(readdirSync(directory).filter((name) => name.includes('0004'))).toEqual([]);
	});
});

/** Names and contents of what each mode wrote. */
const written: string[][][] = [];

describe('job thread', () => {
	const directory = temporaryDirectory();

	it('may die: its jobs fail, their files go, and the next job gets a new one', async () => {
		const runner = new JobRunner(nodeFileSystem, 'worker', new BlockCache(0));
		const memtable = Memtable.create(8 << 20);
		const record = encodeRecord(1, operations);
		memtable.apply(record, 0, record.length);
		const request = (number: number) => ({
			kind: 'flush' as const,
			memtable: memtable.share(),
			rangeDeletes: [],
			snapshots: [],
			output: { ...jobOutput(directory, number), numberCount: 1 },
		});
		const { threads } = runner as unknown as { threads: { worker: Worker | undefined }[] };
		const job = runner.run(request(1), () => void threads[0].worker?.terminate());
		await expect(job.done).rejects.toThrow(IOError);
		expect(readdirSync(directory)).toEqual([]);
		expect((await runner.run(request(2)).done)[0]?.entries).toBe(ENTRIES);
		removeOutputs(nodeFileSystem, request(2).output);
		expect(readdirSync(directory)).toEqual([]);
		await runner.close();
	});

	it('runs a flush beside a compaction', async () => {
		const engine = createJsKernel().createEngine({ cacheBytes: 0 });
		fill(engine);
		const flush = await engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 10, 0, bigTables) }).done;
		const runs = [await openAll(engine, directory, flush)];
		// So slow that it has not ended when the flush has, however long its thread takes to start.
		engine.setJobRate(10_000);
		let ended = false;
		engine.createMemtable(2, 1000);
		apply(engine, 9000, [{ key: Buffer.from('a'), value: Buffer.from('b') }]);
		const compaction = engine.compact({
			runs,
			snapshots: [],
			keepTombstones: [],
			output: jobOutput(directory, 20, 1, bigTables),
		});
		const small = engine.flush({ memtable: 2, snapshots: [], output: jobOutput(directory, 60) });
		const outcome = compaction.done
			.catch((error: unknown) => error)
			.finally(() => {
				ended = true;
			});
		expect(await small.done).toHaveLength(1);
		expect(ended).toBe(false);
		compaction.cancel();
		expect(await outcome).toBeInstanceOf(AbortError);
		await engine.close();
	});

	it('starts beside others that start', async () => {
		const memtable = Memtable.create(1000);
		const record = encodeRecord(1, [{ key: Buffer.from('a'), value: Buffer.from('b') }]);
		memtable.apply(record, 0, record.length);
		for (let round = 0; round < 4; round++) {
			const runner = new JobRunner(nodeFileSystem, 'worker', new BlockCache(0));
			const jobs = Array.from({ length: 6 }, (_, i) => {
				const output = jobOutput(directory, 100 + 10 * round + i);
				return runner.run({ kind: 'flush', memtable: memtable.share(), rangeDeletes: [], snapshots: [], output }).done;
			});
			expect((await Promise.all(jobs)).flat()).toHaveLength(6);
			await runner.close();
		}
	});

	it('is there for each of the jobs that run at a time, and for later ones', async () => {
		const runner = new JobRunner(nodeFileSystem, 'worker', new BlockCache(0));
		const { threads } = runner as unknown as { threads: unknown[] };
		const memtable = Memtable.create(1000);
		const run = (number: number) =>
			runner.run({
				kind: 'flush',
				memtable: memtable.share(),
				rangeDeletes: [],
				snapshots: [],
				output: jobOutput(directory, number),
			}).done;
		await run(70);
		await run(71);
		expect(threads).toHaveLength(1);
		await Promise.all([run(72), run(73), run(74)]);
		expect(threads).toHaveLength(3);
		await runner.close();
		expect(threads).toHaveLength(0);
	});
});

/** Fails the n-th call of one kind. */
class FailingFileSystem {
	/** Faults that were injected. */
	injected = 0;
	private remaining = Number.POSITIVE_INFINITY;
	private failing = '';

	failAt(kind: string, call: number): void {
		this.failing = kind;
		this.remaining = call;
	}

	private attempt<T>(kind: string, call: () => T): T {
		if (kind !== this.failing || --this.remaining !== 0) return call();
		this.injected++;
		throw Object.assign(new Error(`ENOSPC: injected into ${kind}`), { code: 'ENOSPC' });
	}

	private readable(file: ReadableFile): ReadableFile {
		return {
			path: file.path,
			readSync: (target, position) => this.attempt('read', () => file.readSync(target, position)),
			read: (target, position) => this.attempt('read', () => file.read(target, position)),
			sizeSync: () => this.attempt('size', () => file.sizeSync()),
			closeSync: () => file.closeSync(),
		};
	}

	private writable(file: FillableFile): FillableFile {
		return {
			path: file.path,
			fillSync: (start, end) => file.fillSync(start, end),
			truncateSync: (size) => file.truncateSync(size),
			writeSync: (data, offset, length) => this.attempt('write', () => file.writeSync(data, offset, Math.min(length, 70_000))),
			syncSync: () => this.attempt('sync', () => file.syncSync()),
			sync: () => file.sync(),
			closeSync: () => file.closeSync(),
		};
	}

	readonly fileSystem: FileSystem = {
		...nodeFileSystem,
		openRead: (path) => this.attempt('open', () => this.readable(nodeFileSystem.openRead(path))),
		create: (path) => this.attempt('create', () => this.writable(nodeFileSystem.create(path))),
		renameSync: (from, to) => this.attempt('rename', () => nodeFileSystem.renameSync(from, to)),
		syncDirectorySync: (path) => this.attempt('directory', () => nodeFileSystem.syncDirectorySync(path)),
	};
}

describe('a file system that fails', () => {
	const directory = temporaryDirectory();
	const faults = new FailingFileSystem();
	const kernel = createJsKernel({ fileSystem: faults.fileSystem, jobs: 'inline' });

	it.each([
		...['create', 'write', 'sync', 'rename', 'directory', 'open', 'size', 'read'].map((kind) => [kind, 1] as const),
		...['create', 'write', 'sync', 'rename', 'directory'].map((kind) => [kind, 3] as const),
	])('at %s number %d fails the job with its cause, and leaves no output', async (kind, call) => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		fill(engine);
		const flush = await engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 1) }).done;
		const runs = [await openAll(engine, directory, flush)];
		const before = readdirSync(directory);
		faults.failAt(kind, call);
		const compaction = { runs, snapshots: [], keepTombstones: [], output: jobOutput(directory, 500, 1, bigTables) };
		await expect(engine.compact(compaction).done).rejects.toSatisfy(
			(error: IOError) => error instanceof IOError && (error.cause as NodeJS.ErrnoException).code === 'ENOSPC',
		);
		expect(readdirSync(directory)).toEqual(before);
		const again = await engine.compact(compaction).done;
		expect(again.reduce((sum, { entries }) => sum + entries, 0)).toBe(ENTRIES);
		await engine.close();
		for (const name of readdirSync(directory)) nodeFileSystem.removeSync(join(directory, name));
	});

	it('once and then works again: reads fail once, scans lose nothing', async () => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		fill(engine);
		const flush = await engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 1) }).done;
		engine.installView([], [await openAll(engine, directory, flush)]);
		const key = Buffer.from('key0');
		faults.failAt('read', 1);
		expect(() => get(engine, key)).toThrow(IOError);
		expect(get(engine, key)).toEqual(Buffer.alloc(1000));
		for (const how of ['sync', 'async'] as const) {
			const cursor = engine.openCursor(cursorOptions());
			const { injected } = faults;
			faults.failAt('read', 5);
			const chunk = Buffer.alloc(5000);
			const index = new Uint32Array(64);
			let entries = 0;
			let failures = 0;
			for (let count = 1; count > 0; ) {
				try {
					count = how === 'sync' ? cursor.fill(chunk, index, 64, true) : await cursor.fillAsync(chunk, index, 64);
					entries += count;
				} catch (error) {
					expect(error).toBeInstanceOf(IOError);
					failures++;
				}
			}
			// The failed read ended a chunk early, or came as an error of its own: in either case it was tried again.
			expect([entries, failures <= 1]).toEqual([ENTRIES, true]);
			expect(faults.injected).toBe(injected + 1);
			cursor.close();
		}
		await engine.close();
	});
});
