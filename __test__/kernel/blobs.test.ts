/** Blob files on the kernels themselves: golden bytes, reads that must not wait for the disk, and pointers that lie. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CorruptionError, ResourceError } from '../../ts/errors';
import { nodeFileSystem } from '../../ts/fs/node-file-system';
import { writePointer } from '../../ts/kernel/js/blob/pointer';
import { TableWriter } from '../../ts/kernel/js/table/writer';
import {
	type BlobOutput,
	FILL_PENDING,
	FILL_TOO_SMALL,
	IO_NONE,
	IO_PASS,
	type KernelEngine,
	KIND_VALUE_POINTER,
	PENDING,
	READ_PRESENCE,
	type TableSummary,
} from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import {
	apply,
	cursorOptions,
	get,
	internalKey,
	jobOutput,
	NEWEST,
	readAll,
	TABLE,
	tableSpec,
	temporaryDirectory,
} from './support';

interface Job {
	outputs: { name: string; bytes: string; summary: { number: number } }[];
	references: [number, number][][];
	files: string[];
}
const golden = JSON.parse(readFileSync(join(__dirname, '../golden/vectors.json'), 'utf8')).blobs as {
	records: string[];
	flush: Job;
	compaction: Job;
};
const hex = (path: string) => readFileSync(path).toString('hex');

describe.each(kernels)('blob files of the $name kernel', (kernel) => {
	const blobName = (number: number) => `${String(number).padStart(6, '0')}.blob`;

	function blobs(directory: string, firstNumber: number, options: Partial<BlobOutput> = {}): BlobOutput {
		const plain = { threshold: 16, fileSize: 1 << 20, numberCount: 20, collect: [], salvage: false };
		return { directory, firstNumber, ...plain, ...options };
	}

	const directories = {
		golden: temporaryDirectory(),
		reads: temporaryDirectory(),
		jobs: temporaryDirectory(),
		lies: temporaryDirectory(),
	};

	const addBlob = (engine: KernelEngine, directory: string, number: number) => {
		const path = join(directory, blobName(number));
		engine.addBlobs([{ number, path, size: statSync(path).size }]);
		return path;
	};
	const expectJob = (directory: string, tables: TableSummary[], files: number[], job: Job) => {
		expect(tables.map((table) => hex(tableSpec(directory, table).path))).toEqual(job.outputs.map(({ bytes }) => bytes));
		expect(tables.map(({ blobReferences = [] }) => blobReferences)).toEqual(job.references);
		expect(files.map((number) => hex(join(directory, blobName(number))))).toEqual(job.files);
	};

	it('have the golden bytes, at flush and when they are collected', async () => {
		const directory = directories.golden;
		const engine = kernel.createEngine({ cacheBytes: 0 });
		engine.createMemtable(1, 1 << 16);
		for (const record of golden.records.map((text) => Buffer.from(text, 'hex'))) engine.apply(record, 0, record.length);
		const options = { tableSize: 700, blockSize: 200 };
		const output = { ...jobOutput(directory, 10, 0, options), blobs: blobs(directory, 40) };
		const flushed = await engine.flush({ memtable: 1, snapshots: [30], output }).done;
		expectJob(directory, flushed, [40], golden.flush);
		addBlob(engine, directory, 40);
		await engine.openTables(flushed.map((table) => tableSpec(directory, table)));
		const collecting = blobs(directory, 50, { threshold: 30, fileSize: 300, collect: [40] });
		const compaction = {
			runs: [[10]],
			snapshots: [],
			keepTombstones: [],
			output: { ...jobOutput(directory, 20, 1, options), blobs: collecting },
		};
		const compacted = await engine.compact(compaction).done;
		expectJob(
			directory,
			compacted,
			golden.compaction.files.map((_, i) => 50 + i),
			golden.compaction,
		);
		await engine.close();
	});

	const fill = async (engine: KernelEngine, directory: string, first: number) => {
		engine.createMemtable(1, 1 << 16);
		apply(engine, 1, [
			{ key: Buffer.from('a'), value: Buffer.alloc(100, 1) },
			{ key: Buffer.from('b'), value: Buffer.alloc(5, 2) },
			{ key: Buffer.from('c'), value: Buffer.alloc(200, 3) },
		]);
		const output = { ...jobOutput(directory, first), blobs: blobs(directory, first + 1) };
		const [table] = await engine.flush({ memtable: 1, snapshots: [], output }).done;
		await engine.openTables([tableSpec(directory, table)]);
		engine.installView([], [[table.number]]);
		addBlob(engine, directory, first + 1);
		return table;
	};

	it('are not read on the calling thread by reads that must not wait', async () => {
		const engine = kernel.createEngine({ cacheBytes: 1 << 20 });
		await fill(engine, directories.reads, 1);
		// Now the block of the table is in the cache, and only the value is missing.
		expect(get(engine, Buffer.from('b'))).toEqual(Buffer.alloc(5, 2));
		expect(get(engine, Buffer.from('b'), NEWEST, 0, IO_NONE)).toEqual(Buffer.alloc(5, 2));
		expect(get(engine, Buffer.from('a'), NEWEST, 0, IO_NONE)).toBe(PENDING);
		expect(get(engine, Buffer.from('a'), NEWEST, READ_PRESENCE, IO_NONE)).toBe(true);
		expect(engine.stats().blobReads).toBe(0);
		expect(get(engine, Buffer.from('a'), NEWEST, 0, IO_PASS)).toEqual(Buffer.alloc(100, 1));
		engine.keyScratch.set(Buffer.from('c'));
		expect(await engine.getAsync(1, NEWEST, 0, true)).toEqual(Buffer.alloc(200, 3));
		expect(engine.stats().blobReads).toBe(2);
		const cursor = engine.openCursor(cursorOptions({ fillCache: false }));
		const [chunk, index] = [Buffer.alloc(150), new Uint32Array(20)];
		expect(cursor.fill(chunk, index, 10, false)).toBe(FILL_PENDING);
		expect(cursor.fill(Buffer.alloc(50), index, 10, false)).toBe(FILL_TOO_SMALL);
		expect(index[0]).toBe(101);
		expect(cursor.fill(chunk, index, 1, true)).toBe(1);
		// The next value is in the table, the one after it is not.
		expect(cursor.fill(chunk, index, 10, false)).toBe(1);
		expect(chunk.subarray(0, 6)).toEqual(Buffer.from('b\x02\x02\x02\x02\x02'));
		expect(cursor.fill(chunk, index, 10, true)).toBe(FILL_TOO_SMALL);
		expect(index[0]).toBe(201);
		expect(await readAll(cursor, 'async', 300)).toEqual([['c', '\x03'.repeat(200)]]);
		cursor.close();
		const keys = engine.openCursor(cursorOptions({ values: false }));
		expect(keys.fill(chunk, index, 10, false)).toBe(3);
		keys.close();
		await engine.close();
	});

	it('take no more numbers than were set aside, and a job that fails leaves none of them', async () => {
		const directory = directories.jobs;
		const engine = kernel.createEngine({ cacheBytes: 0 });
		await fill(engine, directory, 1);
		const before = nodeFileSystem.listSync(directory).sort();
		const output = {
			...jobOutput(directory, 100, 1),
			blobs: blobs(directory, 200, { fileSize: 17, numberCount: 1, collect: [2] }),
		};
		const job = { runs: [[1]], snapshots: [], keepTombstones: [], output };
		await expect(engine.compact(job).done).rejects.toThrow(ResourceError);
		expect(nodeFileSystem.listSync(directory).sort()).toEqual(before);
		const path = join(directory, blobName(2));
		const bytes = readFileSync(path);
		bytes[bytes.length - 40] ^= 1;
		writeFileSync(path, bytes);
		output.blobs.numberCount = 9;
		await expect(engine.compact(job).done).rejects.toMatchObject({ code: 'VARVE_CORRUPTION', path });
		expect(nodeFileSystem.listSync(directory).sort()).toEqual(before);
		// A salvage leaves the entry out, and keeps the others.
		output.blobs.salvage = true;
		const [table] = await engine.compact(job).done;
		expect(table.entries).toBe(2);
		await engine.close();
	});

	describe('pointers that lie', () => {
		const pointer = (file: number, offset: number, length: number) => {
			const bytes = Buffer.alloc(30);
			return bytes.subarray(0, writePointer(bytes, 0, { file, offset, length }));
		};
		let next = 10;

		/** Opens a table with one entry that leads to where it says, beside a blob file with a value of each of a and c. */
		async function forged(value: Buffer, key = 'a', sequence = 1) {
			const directory = directories.lies;
			const engine = kernel.createEngine({ cacheBytes: 1 << 20 });
			const number = next;
			next += 10;
			await fill(engine, directory, number);
			const path = join(directory, `forged-${number}.sst`);
			const file = nodeFileSystem.create(path);
			const writer = new TableWriter(file, TABLE, 1n);
			const internal = internalKey(key, sequence, KIND_VALUE_POINTER);
			writer.add(-1, internal, 0, internal.length, value, 0, value.length);
			const { size } = writer.finish([]);
			file.closeSync();
			await engine.openTables([{ number: number + 5, path, size }]);
			engine.installView([], [[number + 5]]);
			return { engine, blob: number + 1, path };
		}

		/** Every way to ask for the value, and the error of each. */
		async function errorsOf(engine: KernelEngine, key: string): Promise<unknown[]> {
			const attempts = [
				async () => get(engine, Buffer.from(key)),
				async () => {
					engine.keyScratch.set(Buffer.from(key));
					return engine.getAsync(key.length, NEWEST, 0, true);
				},
				() => readAll(engine.openCursor(cursorOptions()), 'sync'),
				() => readAll(engine.openCursor(cursorOptions({ reverse: true })), 'async'),
			];
			return Promise.all(attempts.map((attempt) => attempt().catch((error: unknown) => error)));
		}

		it.each<[string, (blob: number) => Buffer, string?, number?]>([
			['about the file', (blob) => pointer(blob + 1, 16, 100)],
			['about the length, by a lot', (blob) => pointer(blob, 16, 2 ** 32 - 1)],
			['about the length, by a little', (blob) => pointer(blob, 16, 101)],
			['about the offset, by a little', (blob) => pointer(blob, 17, 100)],
			['about the offset, before the first record', (blob) => pointer(blob, 0, 100)],
			['about the offset, by a lot', (blob) => pointer(blob, Number.MAX_SAFE_INTEGER, 100)],
			['about the entry: another key', (blob) => pointer(blob, 16, 100), 'x'],
			['about the entry: another version', (blob) => pointer(blob, 16, 100), 'a', 2],
			['in a form that is none', () => Buffer.from('0102', 'hex')],
			['with too many bytes', (blob) => Buffer.concat([pointer(blob, 16, 100), Buffer.of(0)])],
		])('%s: a corruption error', async (_, value, key = 'a', sequence = 1) => {
			const { engine } = await forged(value(next + 1), key, sequence);
			for (const error of await errorsOf(engine, key)) expect(error).toBeInstanceOf(CorruptionError);
			await engine.close();
		});

		it('and those that do not are read', async () => {
			const { engine } = await forged(pointer(next + 1, 16, 100));
			const [found] = await errorsOf(engine, 'a');
			expect(found).toEqual(Buffer.alloc(100, 1));
			await engine.close();
		});

		it('name their table in a point read when no blob file is to blame', async () => {
			const { engine, path } = await forged(pointer(99_999, 16, 100));
			expect(() => get(engine, Buffer.from('a'))).toThrow(expect.objectContaining({ path, offset: 0 }));
			await engine.close();
		});
	});
});
