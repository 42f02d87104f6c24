/** Repair: what can be read of a damaged store comes back, what cannot is told and kept, and nothing else changes. */
import { cpSync, existsSync, readFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Database, LockedError, NotFoundError } from '../../ts/index';
import { type RepairReport, repairStore } from '../../ts/maintenance/repair';
import { kernels } from '../kernels';
import { openDatabase, temporaryDirectory, tinyTree } from '../support/stores';
import {
	type Contents,
	contentsOf,
	filesIn,
	flipByte,
	layeredStore,
	logsOf,
	loseManifest,
	manifestOf,
	snapshotOf,
	sorted,
	tablesOf,
} from './support';

const NOTHING_LOST = { lostTables: [], missingTables: [], lostLogs: [] };

describe.each(kernels)('repair ($name)', (kernel) => {
	const { name } = kernel;
	const repair = (path: string): Promise<RepairReport> => repairStore(path, {}, undefined, kernel);
	const expectAll = async (path: string, contents: Contents) =>
		expect(sorted(await contentsOf(path, name))).toEqual(sorted(contents));

	/** Entries are those of the whole store or older, apart from lost ones: none is made up. */
	const expectSome = async (path: string, contents: Contents, least: number) => {
		const found = await contentsOf(path, name);
		const same = [...contents].filter(([key, value]) => found.get(key) === value).length;
		expect(same).toBeGreaterThanOrEqual(least);
		for (const [key, value] of found) expect(value).toMatch(new RegExp(`^(?:first|second|third) ${key.slice(3)}(?: x+)?$`));
		return found;
	};

	it('keeps all of a healthy store, its options, and its sequence numbers', async () => {
		const { path, contents } = await layeredStore(name);
		const before = await Database.open(path, { kernel: name });
		const { sequence } = before.stats();
		await before.close();
		const report = await repair(path);
		expect(report).toMatchObject({ manifest: 'kept', ...NOTHING_LOST, sequence });
		expect(report.tables).toBeGreaterThan(5);
		expect(report.logs).toBeGreaterThan(0);
		await expectAll(path, contents);
		expect(existsSync(join(path, 'lost'))).toBe(false);
		const database = await openDatabase(path, { kernel: name });
		expect(database.stats().config.options).toMatchObject({ blockSize: 512, level0CompactionTrigger: 30 });
		expect(database.stats().sequence).toBe(sequence);
	});

	it.each(['manifest and CURRENT', 'CURRENT', 'the manifest'])('brings everything back without %s', async (what) => {
		const { path, contents } = await layeredStore(name);
		if (what === 'CURRENT') unlinkSync(join(path, 'CURRENT'));
		else if (what === 'the manifest') unlinkSync(manifestOf(path));
		else loseManifest(path);
		await expect(Database.open(path, { kernel: name })).rejects.toMatchObject({ code: 'VARVE_CORRUPTION' });
		expect(await repair(path)).toMatchObject({ manifest: what === 'CURRENT' ? 'kept' : 'rebuilt', ...NOTHING_LOST });
		await expectAll(path, contents);
	});

	it('goes on writing behind what was there', async () => {
		const { path, contents } = await layeredStore(name);
		loseManifest(path);
		await repair(path);
		const database = await Database.open(path, { kernel: name });
		for (const key of ['key1', 'key2', 'new']) {
			database.putSync(key, 'after');
			contents.set(key, 'after');
		}
		await database.compact();
		await database.close();
		await expectAll(path, contents);
		expect(await repair(path)).toMatchObject({ manifest: 'kept', ...NOTHING_LOST });
		await expectAll(path, contents);
	});

	it('brings everything back from a manifest that was cut anywhere, with its options', async () => {
		const { path, contents } = await layeredStore(name);
		// All edits in one manifest: the store was closed by a crash.
		const whole = readFileSync(manifestOf(path));
		for (let size = 0; size < whole.length; size += 1 + Math.floor(whole.length / 12)) {
			const copy = temporaryDirectory();
			copyStore(path, copy);
			truncateSync(manifestOf(copy), size);
			const report = await repair(copy);
			expect(report.lostTables).toEqual([]);
			expect(report.lostLogs).toEqual([]);
			await expectAll(copy, contents);
		}
		const copy = temporaryDirectory();
		copyStore(path, copy);
		flipByte(manifestOf(copy), whole.length - 20);
		await repair(copy);
		await expectAll(copy, contents);
		const database = await openDatabase(copy, { kernel: name });
		expect(database.stats().config.options).toMatchObject({ blockSize: 512 });
	});

	it.each(['cut', 'a damaged block', 'a damaged footer', 'empty'])('sets a table aside: %s', async (how) => {
		for (const position of [0, -1]) {
			const { path, contents } = await layeredStore(name);
			const table = tablesOf(path).at(position) as string;
			const bytes = readFileSync(table);
			if (how === 'cut') truncateSync(table, bytes.length - 100);
			else if (how === 'empty') truncateSync(table, 0);
			else flipByte(table, how === 'a damaged block' ? 20 : bytes.length - 30);
			const damaged = readFileSync(table);
			const count = tablesOf(path).length;
			for (const lose of [false, true]) {
				const copy = temporaryDirectory();
				copyStore(path, copy);
				if (lose) loseManifest(copy);
				const report = await repair(copy);
				expect(report).toMatchObject({ tables: count - 1, lostTables: [basename(table)], missingTables: [], lostLogs: [] });
				expect(report.manifest).toBe(lose ? 'rebuilt' : 'kept');
				expect(readFileSync(join(copy, 'lost', basename(table)))).toEqual(damaged);
				await expectSome(copy, contents, contents.size / 2);
			}
		}
	});

	it('sets several tables aside, and opens when none is left', async () => {
		const { path, contents } = await layeredStore(name);
		const tables = tablesOf(path);
		for (const table of tables) flipByte(table, 20);
		const report = await repair(path);
		expect(report).toMatchObject({ manifest: 'kept', tables: 0 });
		expect([...report.lostTables].sort()).toEqual(tables.map((table) => basename(table)));
		expect(tablesOf(path).length).toBeLessThanOrEqual(1);
		await expectSome(path, contents, 20);
		const { sequence } = report;
		const database = await openDatabase(path, { kernel: name });
		await database.put('after', 'v');
		expect(database.stats().sequence).toBe(sequence + 1);
	});

	it('tells of a table that is gone', async () => {
		const { path, contents } = await layeredStore(name);
		const [table] = tablesOf(path);
		unlinkSync(table);
		expect(await repair(path)).toMatchObject({ manifest: 'rebuilt', missingTables: [basename(table)] });
		await expectSome(path, contents, contents.size / 2);
	});

	it('keeps what a damaged log holds before the damage, and a copy of the log', async () => {
		const path = temporaryDirectory();
		const database = await Database.open(path, { ...tinyTree, kernel: name, memtableSize: 1024 * 1024 });
		for (let i = 0; i < 100; i++) database.putSync(`a${i}`, 'table');
		await database.flush();
		for (let i = 0; i < 100; i++) database.putSync(`b${i}`, 'log');
		await database.close();
		for (const lose of [false, true]) {
			const copy = temporaryDirectory();
			copyStore(path, copy);
			if (lose) loseManifest(copy);
			const log = logsOf(copy).at(-1) as string;
			const bytes = readFileSync(log);
			flipByte(log, bytes.length >> 1);
			const damaged = readFileSync(log);
			const report = await repair(copy);
			expect(report).toMatchObject({ manifest: lose ? 'rebuilt' : 'kept', tables: 1, logs: 1, lostLogs: [basename(log)] });
			expect(readFileSync(join(copy, 'lost', basename(log)))).toEqual(damaged);
			const found = await contentsOf(copy, name);
			expect(found.size).toBe(report.sequence);
			for (let i = 0; i < found.size; i++) expect(found.get(i < 100 ? `a${i}` : `b${i - 100}`)).toBe(i < 100 ? 'table' : 'log');
			expect(found.size).toBeGreaterThan(120);
			expect(found.size).toBeLessThan(200);
		}
	});

	it('replays logs behind operations that no table remembers', async () => {
		const path = temporaryDirectory();
		const database = await Database.open(path, { ...tinyTree, kernel: name });
		await database.batch([
			{ type: 'put', key: 'a', value: '1' },
			{ type: 'put', key: 'b', value: '1' },
		]);
		await database.delete('b');
		await database.compact();
		await database.put('c', '1');
		await database.close();
		loseManifest(path);
		expect(await repair(path)).toMatchObject({ manifest: 'rebuilt', tables: 1, logs: 1, ...NOTHING_LOST, sequence: 4 });
		await expectAll(path, new Map(['a', 'c'].map((key) => [key, '1'])));
	});

	it('does not replay a log that tables hold, whatever they have dropped since', async () => {
		const path = temporaryDirectory();
		const database = await Database.open(path, { ...tinyTree, kernel: name });
		await database.batch([
			{ type: 'put', key: 'a', value: '1' },
			{ type: 'put', key: 'b', value: '1' },
		]);
		await database.batch([
			{ type: 'put', key: 'c', value: '1' },
			{ type: 'delete', key: 'b' },
		]);
		const [log] = logsOf(path);
		const kept = readFileSync(log);
		await database.compact();
		await database.close();
		writeFileSync(log, kept);
		loseManifest(path);
		expect(await repair(path)).toMatchObject({ manifest: 'rebuilt', tables: 1, ...NOTHING_LOST, sequence: 4 });
		await expectAll(path, new Map(['a', 'c'].map((key) => [key, '1'])));
	});

	it('leaves files with other names alone', async () => {
		const { path, contents } = await layeredStore(name);
		const others = ['notes.txt', 'sst/readme.txt', 'wal/readme.txt'].map((one) => join(path, one));
		for (const other of others) writeFileSync(other, 'mine');
		loseManifest(path);
		await repair(path);
		for (const other of others) expect(readFileSync(other, 'utf8')).toBe('mine');
		await expectAll(path, contents);
	});

	it('is refused while the store is open, and changes nothing', async () => {
		const { path } = await layeredStore(name);
		const database = await openDatabase(path, { kernel: name });
		// Nothing is left to do in the background, which would change files as well.
		await database.compact();
		const before = [...snapshotOf(path)].filter(([file]) => !file.endsWith('LOCK'));
		await expect(repair(path)).rejects.toThrow(LockedError);
		expect([...snapshotOf(path)].filter(([file]) => !file.endsWith('LOCK'))).toEqual(before);
		await database.put('k', 'v');
	});

	it('finds nothing to repair where no store is', async () => {
		const path = temporaryDirectory();
		await expect(repair(path)).rejects.toThrow(NotFoundError);
		await expect(repair(join(path, 'missing'))).rejects.toThrow(NotFoundError);
		writeFileSync(join(path, 'notes.txt'), 'mine');
		await expect(repair(path)).rejects.toThrow(NotFoundError);
		expect(filesIn(path, '.').map((file) => basename(file))).toEqual(['notes.txt']);
	});

	it('repairs again: with nothing to do, and with more damage', async () => {
		const { path, contents } = await layeredStore(name);
		await repair(path);
		await repair(path);
		await expectAll(path, contents);
		const [first] = tablesOf(path);
		flipByte(first, 20);
		expect(await repair(path)).toMatchObject({ lostTables: [basename(first)] });
		const [second] = tablesOf(path);
		flipByte(second, 20);
		expect(await repair(path)).toMatchObject({ lostTables: [basename(second)] });
		expect(filesIn(path, 'lost').map((file) => basename(file))).toEqual([first, second].map((file) => basename(file)).sort());
	});

	it('goes on where a repair has set a table aside and was cut short', async () => {
		const { path, contents } = await layeredStore(name);
		const [table] = tablesOf(path);
		const copy = temporaryDirectory();
		copyStore(path, copy);
		flipByte(table, 20);
		await repair(path);
		renameSync(join(path, 'lost'), join(copy, 'lost'));
		unlinkSync(join(copy, 'sst', basename(table)));
		expect(await repair(copy)).toMatchObject({ manifest: 'kept', missingTables: [basename(table)], lostTables: [] });
		await expectSome(copy, contents, contents.size / 2);
		expect(await contentsOf(copy, name)).toEqual(await contentsOf(path, name));
	});
});

function copyStore(from: string, to: string): void {
	cpSync(from, to, { recursive: true });
}
