/** Files of tables: opened when they are read, never more of them than the limit, and no more work at open than there must be. */
import { readdirSync, readlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import type { KernelEngine, TableSpec } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { cursorOptions, get, getAsync, jobOutput, readAll, tableSpec, temporaryDirectory } from './support';
import { eager, keyAt, valueAt, WrittenTables } from './written-tables';

const TABLES = 1000;
const MOST = 64;
/** Files that reads on other threads and one job may hold beyond the limit. */
const IN_USE = 32 + 16;

describe.each(kernels)('files of the $name kernel', (kernel) => {
	const tables = new WrittenTables(kernel, temporaryDirectory());
	const { directory } = tables;
	let specs: TableSpec[] = [];
	let keys = 0;

	beforeAll(async () => {
		({ specs, keys } = await tables.writeMany(TABLES));
	});

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

	function check(engine: KernelEngine, beyond = 0): void {
		expect(engine.stats().openFiles).toBeLessThanOrEqual(MOST);
		expect(openDescriptors()).toBeLessThanOrEqual(MOST + beyond);
	}

	it('are opened once each by an open of 1,000 tables, and read only when the tables are not lazy', async () => {
		expect(specs.length).toBeGreaterThanOrEqual(TABLES);
		const { length } = specs;
		await tables.withTables(specs, { cacheBytes: 0, maxOpenFiles: MOST }, async (engine) => {
			const { openTables, loadedTables, fileOpens, fileHits, tableMemory } = engine.stats();
			expect({ openTables, loadedTables, fileOpens, fileHits, tableMemory }).toEqual({
				openTables: length,
				loadedTables: 0,
				fileOpens: length,
				fileHits: 0,
				tableMemory: 0,
			});
			check(engine);
			// One read needs one table.
			expect(get(engine, keyAt(7))).toEqual(valueAt(7));
			expect(engine.stats()).toMatchObject({ loadedTables: 1, fileOpens: length + 1, fileReads: 1 });
		});
		// With room for all files, as threads that open tables together may close the files of each other.
		await tables.withTables(specs.map(eager), { cacheBytes: 0, maxOpenFiles: length }, async (engine) => {
			const { loadedTables, fileOpens, fileHits } = engine.stats();
			// Footer, metaindex, properties, filter, index.
			expect({ loadedTables, fileOpens, fileHits }).toEqual({ loadedTables: length, fileOpens: length, fileHits: 5 * length });
		});
		await tables.withTables(specs.map(eager), { cacheBytes: 0, maxOpenFiles: MOST }, async (engine) => check(engine));
	});

	it.each([
		['eager', false],
		['lazy', true],
	])('of %s tables stay within the limit, whatever reads', async (_name, lazy) => {
		await tables.withTables(lazy ? specs : specs.map(eager), { cacheBytes: 0, maxOpenFiles: MOST }, async (engine) => {
			const cursors = Array.from({ length: 100 }, () => engine.openCursor(cursorOptions()));
			const chunk = Buffer.alloc(2000);
			const index = new Uint32Array(64);
			for (const [i, cursor] of cursors.entries()) {
				cursor.seek(keyAt(Math.floor((i * keys) / 110)));
				expect(cursor.fill(chunk, index, 5, true)).toBe(5);
			}
			check(engine);
			for (let i = 0; i < keys; i += 3) expect(get(engine, keyAt(i))).toEqual(valueAt(i));
			check(engine);
			expect(engine.stats()).toMatchObject({ openFiles: MOST, loadedTables: specs.length });

			const runs = [specs.map(({ number }) => number)];
			const output = { ...jobOutput(directory, 500_000, 2, { tableSize: 1 << 20 }) };
			const compaction = engine.compact({ runs, snapshots: [], keepTombstones: [], output }, () => check(engine, IN_USE));
			const reads = Array.from({ length: TABLES }, (_, i) => getAsync(engine, keyAt(4 * i)));
			for (const [i, value] of (await Promise.all(reads.map((read) => read.finally(() => check(engine, IN_USE))))).entries()) {
				expect(value).toEqual(valueAt(4 * i));
			}
			const outputs = await compaction.done;
			for (const summary of outputs) unlinkSync(tableSpec(directory, summary).path);
			expect(outputs.reduce((sum, { entries }) => sum + entries, 0)).toBe(keys);
			check(engine);

			for (const cursor of cursors) expect(cursor.fill(chunk, index, 5, true)).toBe(5);
			for (const how of ['sync', 'async'] as const) {
				expect((await readAll(engine.openCursor(cursorOptions()), how, 1 << 16)).length).toBe(keys);
			}
			for (const cursor of cursors) cursor.close();
			check(engine);
		});
		expect(openDescriptors()).toBe(0);
	});

	it('that went away between two reads are corruption', async () => {
		const few: TableSpec[] = [];
		for (let i = 0; i < 17; i++) few.push(await tables.write(10 * i, 10 * i + 10));
		await tables.withTables(few.map(eager), { cacheBytes: 0, maxOpenFiles: 16 }, async (engine) => {
			for (let i = 10; i < 170; i += 10) get(engine, keyAt(i));
			unlinkSync((few[0] as TableSpec).path);
			expect(() => get(engine, keyAt(0))).toThrow(/missing/);
			await expect(getAsync(engine, keyAt(0))).rejects.toThrow(CorruptionError);
			expect(get(engine, keyAt(10))).toEqual(valueAt(10));
		});
	});
});
