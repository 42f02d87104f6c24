/** Range deletes: what they hide from whom, in memtables and tables; what jobs do with them; which tables they empty. */
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import {
	type CompactionJob,
	IO_NONE,
	type KernelEngine,
	READ_PRESENCE,
	READ_UTF8,
	type TableSummary,
} from '../../ts/kernel/kernel';
import { endOf, userKeyOf } from '../../ts/manifest/table-metadata';
import { kernels } from '../kernels';
import {
	apply,
	cursorOptions,
	get,
	jobOutput,
	type Operation,
	packKeys,
	readAll,
	tableSpec,
	temporaryDirectory,
} from './support';

const put = (key: string, value = `value of ${key}`): Operation => ({ key: Buffer.from(key), value: Buffer.from(value) });
/** Without an end: to that of all keys. */
const range = (start: string, end = ''): Operation => ({ key: Buffer.from(start), end: Buffer.from(end) });
const letters = (from: string, to: string): Operation[] => {
	const codes = Array.from({ length: to.charCodeAt(0) - from.charCodeAt(0) + 1 }, (_, i) => from.charCodeAt(0) + i);
	return codes.map((code) => put(String.fromCharCode(code)));
};
const whole: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];

describe.each(kernels)('range deletes of the $name kernel', (kernel) => {
	const directory = temporaryDirectory();
	let nextNumber = 1;

	async function withEngine(work: (engine: KernelEngine) => Promise<void>, cacheBytes = 1 << 20): Promise<void> {
		const engine = kernel.createEngine({ cacheBytes });
		try {
			await work(engine);
		} finally {
			await engine.close();
		}
	}

	async function openAll(engine: KernelEngine, tables: TableSummary[]): Promise<TableSummary[]> {
		await engine.openTables(tables.map((table) => tableSpec(directory, table)));
		return tables;
	}

	/** A flushed and opened table of these operations. */
	async function flushed(engine: KernelEngine, sequence: number, operations: Operation[], snapshots: number[] = []) {
		const id = 1000 + nextNumber;
		engine.createMemtable(id, 1 << 20);
		apply(engine, sequence, operations);
		const output = jobOutput(directory, nextNumber++);
		const tables = await openAll(engine, await engine.flush({ memtable: id, snapshots, output }).done);
		engine.dropMemtable(id);
		return tables;
	}

	async function compacted(engine: KernelEngine, runs: TableSummary[][], options: Partial<CompactionJob> = {}) {
		const output = jobOutput(directory, nextNumber, 1, { tableSize: 300, blockSize: 64 });
		nextNumber += 1000;
		const numbers = runs.map((run) => run.map(({ number }) => number));
		const job = { runs: numbers, snapshots: [], keepTombstones: [], output, ...options };
		return openAll(engine, await engine.compact(job).done);
	}

	const install = (engine: KernelEngine, levels: TableSummary[][], memtables: number[] = []) =>
		engine.installView(
			memtables,
			levels.map((level) => level.map(({ number }) => number)),
		);

	/** The keys that are there: by lookups of all kinds, which must agree, and by scans both ways. */
	async function keysAt(engine: KernelEngine, sequence = Number.MAX_SAFE_INTEGER): Promise<string> {
		const asked = Array.from({ length: 26 }, (_, i) => Buffer.from(String.fromCharCode(97 + i)));
		const text = (found: unknown[]) => asked.filter((_, i) => found[i] !== undefined).join('');
		const scans: string[] = [];
		for (const reverse of [false, true]) {
			const cursor = engine.openCursor(cursorOptions({ sequence, reverse }));
			const keys = (await readAll(cursor, reverse ? 'async' : 'sync')).map(([key]) => key);
			scans.push((reverse ? keys.reverse() : keys).join(''));
			cursor.close();
		}
		const single = text(asked.map((key) => get(engine, key, sequence, READ_PRESENCE)));
		const many = text(await engine.getManyAsync(packKeys(asked), asked.length, sequence, READ_UTF8, true));
		expect([many, ...scans]).toEqual([single, single, single]);
		return single;
	}

	const spans = (tables: TableSummary[]) =>
		tables.map((table) => `${Buffer.from(userKeyOf(table.smallestKey))}-${Buffer.from(endOf(table))}`.replaceAll('\0', '+'));

	it('hide what is older, from those who see them', () =>
		withEngine(async (engine) => {
			engine.createMemtable(1, 1 << 16);
			engine.installView([1], []);
			apply(engine, 1, letters('a', 'h'));
			apply(engine, 9, [range('b', 'd'), put('c', 'again'), range('g')]);
			expect(await keysAt(engine, 8)).toBe('abcdefgh');
			expect(await keysAt(engine, 9)).toBe('adefgh');
			expect(await keysAt(engine, 10)).toBe('acdefgh');
			expect(await keysAt(engine)).toBe('acdef');
			apply(engine, 12, [range('', 'e')]);
			expect(await keysAt(engine, 11)).toBe('acdef');
			expect(await keysAt(engine)).toBe('ef');
			expect(get(engine, Buffer.from('c'), 11, READ_UTF8)).toBe('again');
		}));

	it('leave alone what a cursor sees that is open', () =>
		withEngine(async (engine) => {
			engine.createMemtable(1, 1 << 16);
			engine.installView([1], []);
			apply(engine, 1, [...letters('a', 'd'), range('b', 'c')]);
			const cursor = engine.openCursor(cursorOptions({ sequence: 5 }));
			const [chunk, index] = [Buffer.alloc(100), new Uint32Array(10)];
			expect(cursor.fill(chunk, index, 1, true)).toBe(1);
			apply(engine, 6, [range('')]);
			expect((await readAll(cursor, 'sync')).map(([key]) => key)).toEqual(['c', 'd']);
			cursor.close();
			expect(await keysAt(engine)).toBe('');
		}));

	it('that are empty do nothing', () =>
		withEngine(async (engine) => {
			engine.createMemtable(1, 1 << 16);
			engine.installView([1], []);
			apply(engine, 1, [...letters('a', 'd'), range('c', 'c'), range('d', 'a')]);
			expect(await keysAt(engine)).toBe('abcd');
			expect(await flushed(engine, 7, [range('c', 'c'), range('z', 'a')])).toEqual([]);
		}));

	it('make a table without any entry, whose span is theirs', () =>
		withEngine(async (engine) => {
			const below = await flushed(engine, 1, letters('a', 'h'));
			const above = await flushed(engine, 9, [range('c', 'e'), range('g', 'gg')]);
			expect(above).toMatchObject([{ entries: 0, tombstones: 0, smallestSequence: 9, largestSequence: 10 }]);
			expect(spans(above)).toEqual(['c-gg']);
			install(engine, [[...above, ...below]]);
			expect(await keysAt(engine)).toBe('abefh');
			expect(await keysAt(engine, 9)).toBe('abefgh');
			expect(engine.approximateOffset((above[0] as TableSummary).number, Buffer.from('d'))).toBe(0);
		}));

	it('widen the span of a table, also to the end of all keys', () =>
		withEngine(async (engine) => {
			expect(spans(await flushed(engine, 1, [range('b', 'd'), put('c')]))).toEqual(['b-d']);
			expect(spans(await flushed(engine, 1, [range('b', 'd'), put('a'), put('d')]))).toEqual(['a-d+']);
			expect(spans(await flushed(engine, 1, [put('c'), range('b')]))).toEqual(['b-']);
		}));

	it('are found behind filters that do not know the key', () =>
		withEngine(async (engine) => {
			const below = await flushed(engine, 1, letters('a', 'z'));
			const above = await flushed(engine, 27, [put('a'), range('b', 'z'), put('z')]);
			install(engine, [[...above, ...below]]);
			expect(await keysAt(engine)).toBe('az');
			expect(engine.stats().filterNegatives).toBeGreaterThan(0);
		}));

	it('answer from memory for a table that they rule out', () =>
		withEngine(async (engine) => {
			const below = await flushed(engine, 1, letters('a', 'z'));
			install(engine, [await flushed(engine, 27, [range('b', 'z')]), below]);
			expect(get(engine, Buffer.from('c'), 100, READ_UTF8, IO_NONE)).toBeUndefined();
			expect(engine.stats().blockReads).toBe(0);
		}));

	it('let a scan pass what they hide unread', () =>
		withEngine(async (engine) => {
			const many = Array.from({ length: 2000 }, (_, i) => put(`k${String(i).padStart(4, '0')}`, 'x'.repeat(50)));
			const level = await compacted(engine, [await flushed(engine, 1, many)]);
			expect(level.length).toBeGreaterThan(100);
			const above = await flushed(engine, 2001, [range('k0010', 'k1990')]);
			install(engine, [above, level]);
			for (const reverse of [false, true]) {
				const { blockReads } = engine.stats();
				const cursor = engine.openCursor(cursorOptions({ reverse, fillCache: false }));
				expect(await readAll(cursor, 'sync')).toHaveLength(20);
				cursor.close();
				expect(engine.stats().blockReads - blockReads).toBeLessThan(40);
			}
			install(engine, [await flushed(engine, 2001, [range('k0010')]), level]);
			const { blockReads } = engine.stats();
			const cursor = engine.openCursor(cursorOptions({ reverse: true, fillCache: false }));
			expect(await readAll(cursor, 'sync')).toHaveLength(10);
			cursor.close();
			expect(engine.stats().blockReads - blockReads).toBeLessThan(20);
		}, 0));

	it('that a level holds one part of do not hide what is newer in another table of it', () =>
		withEngine(async (engine) => {
			// As after a compaction of the right half of [a, z)@27: what it had there lies beside older tables, with a newer entry.
			const old = await compacted(engine, [await flushed(engine, 1, letters('b', 'c'))]);
			const right = await flushed(engine, 27, [range('m', 'z')]);
			const newer = await flushed(engine, 28, [put('n'), put('p')]);
			const moved = await compacted(engine, [newer, right], { keepTombstones: [whole] });
			const left = await flushed(engine, 27, [range('a', 'm')]);
			install(engine, [[], left, [...old, ...moved]]);
			expect(await keysAt(engine)).toBe('np');
		}));

	it('are cut where outputs are, and stay together what they were', () =>
		withEngine(async (engine) => {
			const values = letters('a', 'z').map(({ key }) => put(`${key}`, 'x'.repeat(100)));
			const input = await flushed(engine, 1, [range('', 'k'), ...values, range('p', 'x')], [27]);
			const outputs = await compacted(engine, [input], { keepTombstones: [whole], snapshots: [27] });
			expect(outputs.length).toBeGreaterThan(5);
			for (const [i, table] of outputs.entries()) {
				if (i === 0) continue;
				const [before, start] = [endOf(outputs[i - 1] as TableSummary), userKeyOf(table.smallestKey)];
				expect(Buffer.compare(before, start)).toBeLessThanOrEqual(0);
			}
			install(engine, [[], outputs]);
			expect(await keysAt(engine, 27)).toBe('abcdefghijklmnopqrstuvwxyz');
			expect((await keysAt(engine)).startsWith('abcdefghijklmnoxyz')).toBe(true);
		}));

	it('are cut at cuts and clipped to bounds', () =>
		withEngine(async (engine) => {
			const input = await flushed(engine, 1, [range('b', 'y')]);
			const keep = { keepTombstones: [whole] };
			const cuts = ['a', 'f', 'm', 'z'].map((cut) => Buffer.from(cut));
			expect(spans(await compacted(engine, [input], { ...keep, cuts }))).toEqual(['b-f', 'f-m', 'm-y']);
			const [lower, upper] = [Buffer.from('d'), Buffer.from('h')];
			expect(spans(await compacted(engine, [input], { ...keep, cuts, lower, upper }))).toEqual(['d-f', 'f-h']);
			expect(spans(await compacted(engine, [input], { ...keep, upper: Buffer.from('b') }))).toEqual([]);
			expect(spans(await compacted(engine, [input], { ...keep, lower: Buffer.from('y') }))).toEqual([]);
			expect(spans(await compacted(engine, [input], { ...keep, upper: Buffer.alloc(0) }))).toEqual([]);
			const endless = await flushed(engine, 1, [range('b')]);
			expect(spans(await compacted(engine, [endless], { ...keep, cuts: [lower] }))).toEqual(['b-d', 'd-']);
		}));

	it('go with what they hide, unless a level below or a snapshot needs them', () =>
		withEngine(async (engine) => {
			const old = await flushed(engine, 1, letters('a', 'h'));
			const above = await flushed(engine, 9, [range('c', 'f')]);
			const result = async (options: Partial<CompactionJob>) => {
				const tables = await compacted(engine, [above, old], options);
				install(engine, [[], tables]);
				const entries = tables.reduce((sum, table) => sum + table.entries, 0);
				const newest = Math.max(...tables.map((table) => table.largestSequence));
				return [entries, newest === 9, await keysAt(engine), await keysAt(engine, 8)];
			};
			expect(await result({})).toEqual([5, false, 'abfgh', 'abfgh']);
			expect(await result({ keepTombstones: [[Buffer.from('f'), Buffer.from('z')]] })).toEqual([5, false, 'abfgh', 'abfgh']);
			expect(await result({ keepTombstones: [[Buffer.from('a'), Buffer.from('d')]] })).toEqual([5, true, 'abfgh', 'abfgh']);
			expect(await result({ snapshots: [8] })).toEqual([8, true, 'abfgh', 'abcdefgh']);
			expect(await result({ snapshots: [9] })).toEqual([5, false, 'abfgh', 'abfgh']);
		}));

	it('empty the tables that lie within them, unless a snapshot is between', () =>
		withEngine(async (engine) => {
			const old = await flushed(engine, 1, letters('c', 'f'));
			const [{ number }] = old as [TableSummary];
			const coveredBy = async (operations: Operation[], snapshots: number[] = []) => {
				const above = await flushed(engine, 10, operations);
				install(engine, [above, old]);
				return engine.coveredTables(snapshots);
			};
			expect(await coveredBy([put('x')])).toEqual([]);
			expect(await coveredBy([range('c', 'f')])).toEqual([]);
			expect(await coveredBy([range('c+', 'g')])).toEqual([]);
			expect(await coveredBy([range('c', 'g')])).toEqual([number]);
			expect(await coveredBy([range('c', 'd'), range('d')])).toEqual([number]);
			expect(await coveredBy([range('a', 'd'), range('e', 'g')])).toEqual([]);
			expect(await coveredBy([range('')], [4])).toEqual([]);
			expect(await coveredBy([range('')], [9])).toEqual([]);
			expect(await coveredBy([range('')], [10, 20])).toEqual([number]);
			expect(await coveredBy([put('a'), range('a', 'd'), range('d', 'z')], [11])).toEqual([]);
			install(engine, [old]);
			expect(engine.coveredTables([])).toEqual([]);
		}));

	it('empty also tables that no read has loaded, and are never in one', () =>
		withEngine(async (engine) => {
			const [old] = (await flushed(engine, 1, letters('c', 'f'))) as [TableSummary];
			const [above] = (await flushed(engine, 10, [range('a', 'g')])) as [TableSummary];
			await withEngine(async (other) => {
				await other.openTables([{ ...tableSpec(directory, old), lazy: old }, tableSpec(directory, above)]);
				install(other, [[above], [old]]);
				expect(other.coveredTables([])).toEqual([old.number]);
				expect(await keysAt(other, 9)).toBe('cdef');
				expect(await keysAt(other)).toBe('');
			});
			await withEngine(async (other) => {
				await other.openTables([{ ...tableSpec(directory, above), lazy: above }]);
				install(other, [[above]]);
				expect(() => get(other, Buffer.from('d'))).toThrow(CorruptionError);
			});
			await withEngine(async (other) => {
				await other.openTables([{ ...tableSpec(directory, old), lazy: { ...old, largestSequence: 9 } }]);
				install(other, [[old]]);
				expect(() => get(other, Buffer.from('d'))).toThrow(CorruptionError);
			});
		}));

	it('do not empty the table that they are in', () =>
		withEngine(async (engine) => {
			install(engine, [await flushed(engine, 1, [...letters('a', 'd'), range('')], [4])]);
			expect(engine.coveredTables([])).toEqual([]);
			expect(await keysAt(engine)).toBe('');
			expect(await keysAt(engine, 4)).toBe('abcd');
		}));
});
