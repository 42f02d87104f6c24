/** What a kernel reads of tables, and when: reading ahead, and lazy tables. */
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import { COMPRESSION_LZ4, IO_NONE, PENDING, READ_BUFFER, type TableSpec } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { cursorOptions, get, getAsync, jobOutput, packKeys, readAll, temporaryDirectory } from './support';
import { eager, keyAt, valueAt, WrittenTables } from './written-tables';

describe.each(kernels)('table reads of the $name kernel', (kernel) => {
	const tables = new WrittenTables(kernel, temporaryDirectory());
	const { directory } = tables;

	it('reads one block for a lookup when the cache keeps nothing', async () => {
		const spec = await tables.write(0, 2000);
		await tables.withTables([eager(spec)], { cacheBytes: 0 }, async (engine) => {
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
			const specs = [await tables.write(0, 4000), await tables.write(4000, 8000, 16_384)];
			await tables.withTables(specs.map(eager), { cacheBytes }, async (engine) => {
				const entries = await readAll(engine.openCursor(cursorOptions({ fillCache })), how);
				expect(entries).toEqual(Array.from({ length: 8000 }, (_, i) => [String(keyAt(i)), String(valueAt(i))]));
				const { blockReads, fileReads, cacheBytes: held } = engine.stats();
				expect(blockReads).toBeGreaterThan(400);
				expect(blockReads / fileReads).toBeGreaterThan(20);
				expect(held > 0).toBe(fillCache && cacheBytes > 0);
			});
		});

		it.each([true, false])(
			'of compressed blocks reads several of them a call, and caches what they hold: %s',
			async (fillCache) => {
				const spec = await tables.write(0, 4000, 1024, COMPRESSION_LZ4);
				await tables.withTables([eager(spec)], { cacheBytes: 1 << 22 }, async (engine) => {
					const entries = await readAll(engine.openCursor(cursorOptions({ fillCache })), how);
					expect(entries).toEqual(Array.from({ length: 4000 }, (_, i) => [String(keyAt(i)), String(valueAt(i))]));
					const { blockReads, fileReads, cacheBytes } = engine.stats();
					expect(blockReads / fileReads).toBeGreaterThan(20);
					expect(cacheBytes > 2 * spec.size).toBe(fillCache);
					for (let i = 0; i < 4000; i += 7) expect(get(engine, keyAt(i))).toEqual(valueAt(i));
					expect((await readAll(engine.openCursor(cursorOptions()), how)).length).toBe(4000);
				});
			},
		);

		it('of a short range reads no further than its block', async () => {
			const spec = await tables.write(0, 4000);
			await tables.withTables([eager(spec)], { cacheBytes: 0 }, async (engine) => {
				const cursor = engine.openCursor(cursorOptions({ lower: keyAt(100), upper: keyAt(101) }));
				expect((await readAll(cursor, how)).length).toBe(1);
				expect(engine.stats()).toMatchObject({ blockReads: 1, fileReads: 1 });
			});
		});

		it('in reverse reads block by block', async () => {
			const spec = await tables.write(0, 1000);
			await tables.withTables([eager(spec)], { cacheBytes: 0 }, async (engine) => {
				const entries = await readAll(engine.openCursor(cursorOptions({ reverse: true })), how);
				expect(entries.map(([key]) => key)).toEqual(Array.from({ length: 1000 }, (_, i) => String(keyAt(999 - i))));
			});
		});

		/** Reading ahead over the end of a table that was cut meanwhile must not lose the blocks before. */
		it('gives everything before the place where a table was cut', async () => {
			const spec = await tables.write(0, 4000);
			await tables.withTables([eager(spec)], { cacheBytes: 0 }, async (engine) => {
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

	describe('a lazy table', () => {
		it('is loaded by the first read that needs it', async () => {
			const specs = [
				await tables.write(0, 100),
				await tables.write(100, 200),
				await tables.write(200, 300),
				await tables.write(300, 400),
			];
			await tables.withTables(specs, { cacheBytes: 1 << 20 }, async (engine) => {
				expect(engine.stats()).toMatchObject({ openTables: 4, loadedTables: 0, tableMemory: 0, fileReads: 0 });
				expect(get(engine, Buffer.from('outside'))).toBeUndefined();
				expect(get(engine, keyAt(5), undefined, READ_BUFFER, IO_NONE)).toBe(PENDING);
				expect(engine.stats().loadedTables).toBe(0);
				expect(get(engine, keyAt(5))).toEqual(valueAt(5));
				expect(engine.stats().loadedTables).toBe(1);
				// The statistics of filters are of tables that are loaded.
				expect(engine.filterStats()[1]).toMatchObject({ tables: 1, keys: 100 });
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
			const specs = [await tables.write(0, 100), await tables.write(100, 200)];
			for (const reverse of [false, true]) {
				await tables.withTables(specs, { cacheBytes: 0 }, async (engine) => {
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

		it('counts with its file in the raw bytes until it is loaded', async () => {
			const spec = await tables.write(0, 100);
			await tables.withTables([spec], { cacheBytes: 0 }, async (engine) => {
				expect(engine.rawBytes([spec.number], false)).toBe(spec.size);
				expect(engine.stats().loadedTables).toBe(0);
				// Keys of 10 bytes and 8 more each, values of 100.
				expect(engine.rawBytes([spec.number], true)).toBe(100 * 118);
				expect(engine.rawBytes([spec.number], false)).toBe(100 * 118);
				expect(engine.stats().loadedTables).toBe(1);
			});
		});

		it('that is missing, or has another size, is refused when it is opened', async () => {
			const spec = await tables.write(0, 10);
			for (const bad of [
				{ ...spec, size: spec.size + 1 },
				{ ...spec, path: `${spec.path}.gone` },
			]) {
				await expect(tables.withTables([bad], { cacheBytes: 0 }, async () => undefined)).rejects.toThrow(CorruptionError);
			}
		});

		it('that is damaged fails the reads that need it, again and again', async () => {
			const good = await tables.write(100, 200);
			const spec = await tables.write(0, 100);
			const bytes = readFileSync(spec.path);
			const { size } = statSync(spec.path);
			// Somewhere in the footer and in the index before it.
			for (const at of [size - 5, size - 60]) {
				const damaged = Buffer.from(bytes);
				damaged[at] = (damaged[at] as number) ^ 0xff;
				writeFileSync(spec.path, damaged);
				await tables.withTables([spec, good], { cacheBytes: 0 }, async (engine) => {
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

		it('with another span than it was said to have is corrupt', async () => {
			const spec = await tables.write(0, 100);
			const other = await tables.write(0, 101);
			await tables.withTables([{ ...spec, lazy: other.lazy }], { cacheBytes: 0 }, async (engine) => {
				expect(() => get(engine, keyAt(5))).toThrow(/other contents than the manifest says/);
				await expect(getAsync(engine, keyAt(5))).rejects.toThrow(CorruptionError);
				expect(engine.stats().loadedTables).toBe(0);
			});
		});

		it('is loaded for a cursor though it was dropped meanwhile', async () => {
			const spec = await tables.write(0, 100);
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
