/** What a kernel keeps in memory and open, and what it reads for the rest: block cache, files, lazy tables, reading ahead. */
import { readdirSync, readFileSync, readlinkSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import { type EngineOptions, IO_NONE, type KernelEngine, PENDING, READ_BUFFER, type TableSpec } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { apply, cursorOptions, get, jobOutput, packKeys, readAll, tableSpec, temporaryDirectory } from './support';

const keyAt = (i: number) => Buffer.from(`key-${String(i).padStart(6, '0')}`);
const valueAt = (i: number) => Buffer.from(`value ${i}`.padEnd(100, '.'));

describe.each(kernels)('caches of the $name kernel', (kernel) => {
	const directory = temporaryDirectory();
	let nextNumber = 1;

	/** Writes a table of the keys first … end − 1; it is not opened. */
	async function writeTable(first: number, end: number, blockSize = 1024): Promise<TableSpec> {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		engine.createMemtable(1, 1 << 22);
		const operations = Array.from({ length: end - first }, (_, i) => ({ key: keyAt(first + i), value: valueAt(first + i) }));
		apply(engine, 1, operations);
		const output = jobOutput(directory, nextNumber++, 0, { blockSize });
		const [summary] = await engine.flush({ memtable: 1, snapshots: [], output }).done;
		await engine.close();
		if (summary === undefined) throw new Error('the flush wrote nothing');
		return { ...tableSpec(directory, summary), lazy: [summary.smallestKey, summary.largestKey] };
	}

	const eager = ({ number, path, size }: TableSpec): TableSpec => ({ number, path, size });

	/** An engine with tables in level 1. */
	async function withTables(
		specs: TableSpec[],
		options: EngineOptions,
		work: (engine: KernelEngine) => Promise<void>,
	): Promise<void> {
		const engine = kernel.createEngine(options);
		try {
			await engine.openTables(specs);
			engine.installView([], [[], specs.map(({ number }) => number)]);
			await work(engine);
		} finally {
			await engine.close();
		}
	}

	function getAsync(engine: KernelEngine, key: Buffer) {
		engine.reserveKey(key.length);
		engine.keyScratch.set(key);
		return engine.getAsync(key.length, Number.MAX_SAFE_INTEGER, READ_BUFFER, true);
	}

	it('keeps a hot set in the block cache through a scan of many times its size', async () => {
		const spec = await writeTable(0, 20_000);
		await withTables([eager(spec)], { cacheBytes: 100_000 }, async (engine) => {
			const hot = Array.from({ length: 400 }, (_, i) => keyAt(i));
			for (let round = 0; round < 5; round++) for (const key of hot) get(engine, key);
			expect((await readAll(engine.openCursor(cursorOptions()), 'sync')).length).toBe(20_000);
			const before = engine.stats();
			for (const key of hot) get(engine, key);
			const after = engine.stats();
			expect(before.cacheBytes).toBeLessThanOrEqual(100_000);
			expect(after.cacheHits - before.cacheHits).toBeGreaterThan(390);
			expect(after.blockReads - before.blockReads).toBeLessThan(5);
		});
	});

	it('reads one block for a lookup when the cache keeps nothing', async () => {
		const spec = await writeTable(0, 2000);
		await withTables([eager(spec)], { cacheBytes: 0 }, async (engine) => {
			for (let i = 0; i < 2000; i += 100) {
				const before = engine.stats();
				expect(get(engine, keyAt(i))).toEqual(valueAt(i));
				expect(await getAsync(engine, keyAt(i))).toEqual(valueAt(i));
				const { blockReads, fileReads } = engine.stats();
				expect([blockReads - before.blockReads, fileReads - before.fileReads]).toEqual([2, 2]);
			}
		});
	});

	describe.each(['sync', 'async'] as const)('a cold scan (%s)', (how) => {
		it.each([
			['filling the cache', true, 1 << 22],
			['past the cache', false, 1 << 22],
			['without a cache', true, 0],
		])('%s reads several blocks a call', async (_name, fillCache, cacheBytes) => {
			const specs = [await writeTable(0, 4000), await writeTable(4000, 8000, 16_384)];
			await withTables(specs.map(eager), { cacheBytes }, async (engine) => {
				const entries = await readAll(engine.openCursor(cursorOptions({ fillCache })), how);
				expect(entries).toEqual(Array.from({ length: 8000 }, (_, i) => [String(keyAt(i)), String(valueAt(i))]));
				const { blockReads, fileReads, cacheBytes: held } = engine.stats();
				expect(blockReads).toBeGreaterThan(400);
				expect(blockReads / fileReads).toBeGreaterThan(20);
				expect(held > 0).toBe(fillCache && cacheBytes > 0);
			});
		});

		it('of a short range reads no further than its block', async () => {
			const spec = await writeTable(0, 4000);
			await withTables([eager(spec)], { cacheBytes: 0 }, async (engine) => {
				const cursor = engine.openCursor(cursorOptions({ lower: keyAt(100), upper: keyAt(101) }));
				expect((await readAll(cursor, how)).length).toBe(1);
				expect(engine.stats()).toMatchObject({ blockReads: 1, fileReads: 1 });
			});
		});

		it('in reverse reads block by block', async () => {
			const spec = await writeTable(0, 1000);
			await withTables([eager(spec)], { cacheBytes: 0 }, async (engine) => {
				const entries = await readAll(engine.openCursor(cursorOptions({ reverse: true })), how);
				expect(entries.map(([key]) => key)).toEqual(Array.from({ length: 1000 }, (_, i) => String(keyAt(999 - i))));
			});
		});

		/** Reading ahead over the end of a table that was cut meanwhile must not lose the blocks before. */
		it('gives everything before the place where a table was cut', async () => {
			const spec = await writeTable(0, 4000);
			await withTables([eager(spec)], { cacheBytes: 0 }, async (engine) => {
				truncateSync(spec.path, 200_000);
				const cursor = engine.openCursor(cursorOptions());
				const chunk = Buffer.alloc(512);
				const index = new Uint32Array(64);
				let seen = 0;
				const fill = async () => {
					for (;;) {
						seen += how === 'sync' ? cursor.fill(chunk, index, 64, true) : await cursor.fillAsync(chunk, index, 64);
					}
				};
				await expect(fill()).rejects.toThrow(CorruptionError);
				expect(seen).toBeGreaterThan(1500);
			});
		});
	});

	describe('files', () => {
		const COUNT = 200;
		const MOST = 16;

		/** Descriptors of this process on tables, where that can be seen. */
		function openDescriptors(): number {
			if (process.platform !== 'linux') return 0;
			const links = readdirSync('/proc/self/fd').map((fd) => {
				try {
					return readlinkSync(join('/proc/self/fd', fd));
				} catch {
					return '';
				}
			});
			return links.filter((link) => link.startsWith(directory)).length;
		}

		it.each([
			['eager', false],
			['lazy', true],
		])('of %s tables stay within the limit, whatever reads', async (_name, lazy) => {
			const written: TableSpec[] = [];
			for (let i = 0; i < COUNT; i++) written.push(await writeTable(10 * i, 10 * i + 10));
			const specs = lazy ? written : written.map(eager);
			await withTables(specs, { cacheBytes: 0, maxOpenFiles: MOST }, async (engine) => {
				const check = (most: number) => {
					expect(engine.stats().openFiles).toBeLessThanOrEqual(MOST);
					expect(openDescriptors()).toBeLessThanOrEqual(most);
				};
				expect(engine.stats()).toMatchObject({ openTables: COUNT, loadedTables: lazy ? 0 : COUNT });
				const cursors = Array.from({ length: 30 }, () => engine.openCursor(cursorOptions()));
				const chunk = Buffer.alloc(2000);
				const index = new Uint32Array(64);
				for (const [i, cursor] of cursors.entries()) {
					cursor.seek(keyAt(60 * i));
					expect(cursor.fill(chunk, index, 5, true)).toBe(5);
				}
				check(MOST);
				for (let i = 0; i < 10 * COUNT; i += 7) expect(get(engine, keyAt(i))).toEqual(valueAt(i));
				check(MOST);
				// Reads on other threads hold their files: as many more as are under way.
				const reads = Array.from({ length: COUNT }, (_, i) => getAsync(engine, keyAt(10 * i + 3)));
				const runs = [specs.map(({ number }) => number)];
				const compaction = engine.compact({ runs, snapshots: [], keepTombstones: [], output: jobOutput(directory, 5000, 1) });
				for (const [i, value] of (await Promise.all(reads)).entries()) {
					expect(value).toEqual(valueAt(10 * i + 3));
					if (i % 20 === 0) check(MOST + 60);
				}
				const outputs = await compaction.done;
				for (const output of outputs) unlinkSync(tableSpec(directory, output).path);
				check(MOST);
				for (const cursor of cursors) expect(cursor.fill(chunk, index, 5, true)).toBe(5);
				for (const cursor of cursors) cursor.close();
				const { fileOpens, fileHits } = engine.stats();
				expect(fileOpens).toBeGreaterThan(COUNT);
				expect(fileHits).toBeGreaterThan(COUNT);
			});
			expect(openDescriptors()).toBe(0);
		});

		it('that went away between two reads are corruption', async () => {
			const specs: TableSpec[] = [];
			for (let i = 0; i < 17; i++) specs.push(await writeTable(10 * i, 10 * i + 10));
			await withTables(specs.map(eager), { cacheBytes: 0, maxOpenFiles: MOST }, async (engine) => {
				for (let i = 10; i < 170; i += 10) get(engine, keyAt(i));
				unlinkSync((specs[0] as TableSpec).path);
				expect(() => get(engine, keyAt(0))).toThrow(/missing/);
				await expect(getAsync(engine, keyAt(0))).rejects.toThrow(CorruptionError);
				expect(get(engine, keyAt(10))).toEqual(valueAt(10));
			});
		});
	});

	describe('a lazy table', () => {
		it('is loaded by the first read that needs it', async () => {
			const specs = [
				await writeTable(0, 100),
				await writeTable(100, 200),
				await writeTable(200, 300),
				await writeTable(300, 400),
			];
			await withTables(specs, { cacheBytes: 1 << 20 }, async (engine) => {
				expect(engine.stats()).toMatchObject({ openTables: 4, loadedTables: 0, tableMemory: 0, fileReads: 0 });
				expect(get(engine, Buffer.from('outside'))).toBeUndefined();
				expect(get(engine, keyAt(5), undefined, READ_BUFFER, IO_NONE)).toBe(PENDING);
				expect(engine.stats().loadedTables).toBe(0);
				expect(get(engine, keyAt(5))).toEqual(valueAt(5));
				expect(engine.stats().loadedTables).toBe(1);
				expect(get(engine, keyAt(5), undefined, READ_BUFFER, IO_NONE)).toEqual(valueAt(5));
				const pair = await Promise.all([getAsync(engine, keyAt(105)), getAsync(engine, keyAt(106))]);
				expect(pair).toEqual([valueAt(105), valueAt(106)]);
				expect(engine.stats().loadedTables).toBe(2);
				const packed = packKeys([keyAt(5), keyAt(205)]);
				expect(engine.getMany(packed, 2, Number.MAX_SAFE_INTEGER, READ_BUFFER, IO_NONE)).toBe(PENDING);
				const many = await engine.getManyAsync(packed, 2, Number.MAX_SAFE_INTEGER, READ_BUFFER, true);
				expect(many).toEqual([valueAt(5), valueAt(205)]);
				expect(engine.stats().loadedTables).toBe(3);
				expect(engine.approximateOffset((specs[3] as TableSpec).number, keyAt(300))).toBe(0);
				expect(engine.stats()).toMatchObject({ loadedTables: 4 });
				expect(engine.stats().tableMemory).toBeGreaterThan(0);
			});
		});

		it.each(['sync', 'async'] as const)('makes a cursor wait (%s), forward and in reverse', async (how) => {
			const specs = [await writeTable(0, 100), await writeTable(100, 200)];
			for (const reverse of [false, true]) {
				await withTables(specs, { cacheBytes: 0 }, async (engine) => {
					const cursor = engine.openCursor(cursorOptions({ reverse }));
					expect(cursor.fill(Buffer.alloc(100), new Uint32Array(4), 1, false)).toBe(-1);
					expect(engine.stats().loadedTables).toBe(0);
					const keys = (await readAll(cursor, how)).map(([key]) => key);
					const expected = Array.from({ length: 200 }, (_, i) => String(keyAt(i)));
					expect(keys).toEqual(reverse ? expected.reverse() : expected);
					expect(engine.stats().loadedTables).toBe(2);
				});
			}
		});

		it('that is missing, or has another size, is refused when it is opened', async () => {
			const spec = await writeTable(0, 10);
			for (const bad of [
				{ ...spec, size: spec.size + 1 },
				{ ...spec, path: `${spec.path}.gone` },
			]) {
				await expect(withTables([bad], { cacheBytes: 0 }, async () => undefined)).rejects.toThrow(CorruptionError);
			}
		});

		it('that is damaged fails the reads that need it, again and again', async () => {
			const good = await writeTable(100, 200);
			const spec = await writeTable(0, 100);
			const bytes = readFileSync(spec.path);
			const { size } = statSync(spec.path);
			// Somewhere in the footer and in the index before it.
			for (const at of [size - 5, size - 60]) {
				const damaged = Buffer.from(bytes);
				damaged[at] = (damaged[at] as number) ^ 0xff;
				writeFileSync(spec.path, damaged);
				await withTables([spec, good], { cacheBytes: 0 }, async (engine) => {
					for (let round = 0; round < 2; round++) {
						expect(() => get(engine, keyAt(5))).toThrow(CorruptionError);
						await expect(getAsync(engine, keyAt(5))).rejects.toMatchObject({ path: spec.path });
						const cursor = engine.openCursor(cursorOptions());
						await expect(readAll(cursor, 'async')).rejects.toThrow(CorruptionError);
						await expect(readAll(cursor, 'sync')).rejects.toThrow(CorruptionError);
					}
					expect(() => engine.approximateOffset(spec.number, keyAt(5))).toThrow(CorruptionError);
					const job = { runs: [[spec.number]], snapshots: [], keepTombstones: [], output: jobOutput(directory, 6000, 1) };
					await expect(engine.compact(job).done).rejects.toThrow(CorruptionError);
					expect(get(engine, keyAt(105))).toEqual(valueAt(105));
					// What was damaged while it was read is whole again.
					writeFileSync(spec.path, bytes);
					expect(get(engine, keyAt(5))).toEqual(valueAt(5));
				});
			}
		});

		it('with other keys than it was said to have is corrupt', async () => {
			const spec = await writeTable(0, 100);
			const other = await writeTable(0, 101);
			await withTables([{ ...spec, lazy: other.lazy }], { cacheBytes: 0 }, async (engine) => {
				expect(() => get(engine, keyAt(5))).toThrow(/other keys than the manifest says/);
				await expect(getAsync(engine, keyAt(5))).rejects.toThrow(CorruptionError);
				expect(engine.stats().loadedTables).toBe(0);
			});
		});

		it('is loaded for a cursor though it was dropped meanwhile', async () => {
			const spec = await writeTable(0, 100);
			const engine = kernel.createEngine({ cacheBytes: 1 << 20 });
			await engine.openTables([spec]);
			engine.installView([], [[], [spec.number]]);
			const cursor = engine.openCursor(cursorOptions());
			const chunk = Buffer.alloc(20_000);
			const read = cursor.fillAsync(chunk, new Uint32Array(200), 100);
			engine.installView([], []);
			engine.dropTables([spec.number]);
			cursor.close();
			expect(await read).toBe(100);
			expect(engine.stats()).toMatchObject({ openTables: 0, openFiles: 0, tableMemory: 0 });
			await engine.close();
		});
	});
});
