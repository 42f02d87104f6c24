/** Entries that expire: when they are there and for whom, in memtables and tables; what jobs do with them. */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
	type CompactionJob,
	IO_CACHE,
	type KernelEngine,
	KIND_DELETE,
	KIND_PUT_WITH_EXPIRY,
	READ_PRESENCE,
	READ_UTF8,
	type TableSummary,
} from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { forgeTable } from './forge';
import {
	apply,
	cursorOptions,
	get,
	internalKey,
	jobOutput,
	NEWEST,
	type Operation,
	packKeys,
	readAll,
	tableSpec,
	temporaryDirectory,
} from './support';

/** When entries expire here; jobs are told their time in nanoseconds. */
const T = 1_700_000_000_000;
const whole: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
const asked = [...'abcdefgh'].map((key) => Buffer.from(key));

const put = (key: string, value: string, expiresAt?: number): Operation => ({
	key: Buffer.from(key),
	value: Buffer.from(value),
	expiresAt,
});
const remove = (key: string): Operation => ({ key: Buffer.from(key) });
const range = (start: string, end: string): Operation => ({ key: Buffer.from(start), end: Buffer.from(end) });

describe.each(kernels)('expiry in the $name kernel', (kernel) => {
	const directory = temporaryDirectory();
	let nextNumber = 1;

	async function withEngine(work: (engine: KernelEngine) => Promise<void>): Promise<void> {
		const engine = kernel.createEngine({ cacheBytes: 1 << 20 });
		try {
			engine.createMemtable(1, 1 << 16);
			engine.installView([1], []);
			engine.setTime(T - 1);
			await work(engine);
		} finally {
			await engine.close();
		}
	}

	/** A job whose time is `now`. */
	const output = (now: number, level: number) => {
		nextNumber += 1000;
		return { ...jobOutput(directory, nextNumber, level), createdAt: BigInt(now) * 1_000_000n };
	};

	async function opened(engine: KernelEngine, done: Promise<TableSummary[]>): Promise<TableSummary[]> {
		const tables = await done;
		await engine.openTables(tables.map((table) => tableSpec(directory, table)));
		return tables;
	}

	/** Flushes memtable 1, and installs its table in its place. */
	async function flush(engine: KernelEngine, now: number, snapshots: number[] = []): Promise<TableSummary[]> {
		const tables = await opened(engine, engine.flush({ memtable: 1, snapshots, output: output(now, 0) }).done);
		engine.createMemtable(2, 1 << 16);
		engine.installView([2], [tables.map(({ number }) => number)]);
		return tables;
	}

	/** Compacts tables, and installs what comes of them in their place. */
	async function compact(engine: KernelEngine, tables: TableSummary[], now: number, options: Partial<CompactionJob> = {}) {
		const runs = tables.map(({ number }) => [number]);
		const job = { runs, snapshots: [], keepTombstones: [], output: output(now, 1), ...options };
		const outputs = await opened(engine, engine.compact(job).done);
		engine.installView([2], [[], outputs.map(({ number }) => number)]);
		return outputs;
	}

	/** What is there, `key=value` each: by lookups of all kinds and scans both ways, which must agree. */
	async function contents(engine: KernelEngine, sequence = NEWEST): Promise<string> {
		const listing = (found: unknown[]) =>
			asked.flatMap((key, i) => (found[i] === undefined ? [] : [`${key}=${found[i]}`])).join(' ');
		const single = listing(asked.map((key) => get(engine, key, sequence, READ_UTF8)));
		const buffers = listing(asked.map((key) => get(engine, key, sequence)));
		const many = listing(engine.getMany(packKeys(asked), asked.length, sequence, READ_UTF8, IO_CACHE) as unknown[]);
		const manyAsync = listing(await engine.getManyAsync(packKeys(asked), asked.length, sequence, READ_UTF8, true));
		const scans: string[] = [];
		for (const reverse of [false, true]) {
			for (const how of ['sync', 'async'] as const) {
				const cursor = engine.openCursor(cursorOptions({ sequence, reverse }));
				const entries = (await readAll(cursor, how, 5)).map(([key, value]) => `${key}=${value}`);
				scans.push((reverse ? entries.reverse() : entries).join(' '));
				cursor.close();
			}
		}
		const present = asked.filter((key) => get(engine, key, sequence, READ_PRESENCE) === true).join('');
		expect(present).toBe(single.replace(/=\w*| /g, ''));
		expect([buffers, many, manyAsync, ...scans]).toEqual(Array.from({ length: 7 }, () => single));
		return single;
	}

	const mixture = [
		put('a', 'old'),
		put('a', 'new', T),
		put('b', 'brief', T),
		put('b', 'forever'),
		put('c', 'stays'),
		put('d', '', T + 1),
		put('e', 'deleted', T + 1),
		remove('e'),
		remove('f'),
		put('f', 'again', T),
		put('g', 'ranged', T + 1),
		range('g', 'h'),
		put('h', 'ranged'),
		range('h', 'i'),
		put('h', 'after', T),
	];
	const before = 'a=new b=forever c=stays d= f=again h=after';
	const at = 'b=forever c=stays d=';
	const after = 'b=forever c=stays';

	async function checkTimes(engine: KernelEngine): Promise<void> {
		for (const [time, expected] of [
			[T - 1, before],
			[T, at],
			[T + 1, after],
			[T - 1, before],
		] as const) {
			engine.setTime(time);
			expect(await contents(engine), `${time - T}`).toBe(expected);
		}
	}

	it('hides an entry, and all before it, from the moment on: in memtables, tables, and compacted tables', () =>
		withEngine(async (engine) => {
			apply(engine, 1, mixture);
			await checkTimes(engine);
			const flushed = await flush(engine, T - 1);
			expect(flushed).toMatchObject([{ expiry: { entries: 4, latest: T + 1 } }]);
			await checkTimes(engine);
			const [table] = await compact(engine, flushed, T - 1, { keepTombstones: [whole] });
			expect(table.expiry).toEqual({ entries: 4, latest: T + 1 });
			await checkTimes(engine);
		}));

	it('hides it from old snapshots too, which see what was there before it', () =>
		withEngine(async (engine) => {
			apply(engine, 1, [put('a', 'old'), put('a', 'brief', T), put('a', 'new'), put('b', 'brief', T)]);
			const seen = async () => Promise.all([1, 2, 3, 4].map((sequence) => contents(engine, sequence)));
			for (const stage of ['memtable', 'table', 'compacted']) {
				if (stage === 'table') await flush(engine, T - 1, [1, 2]);
				engine.setTime(T - 1);
				expect(await seen(), stage).toEqual(['a=old', 'a=brief', 'a=new', 'a=new b=brief']);
				engine.setTime(T);
				expect(await seen(), stage).toEqual(['a=old', '', 'a=new', 'a=new']);
			}
		}));

	it('takes the time of a cursor when it is opened', () =>
		withEngine(async (engine) => {
			apply(engine, 1, [put('a', '1', T), put('b', '2', T), put('c', '3', T)]);
			for (const reverse of [false, true]) {
				engine.setTime(T - 1);
				const cursor = engine.openCursor(cursorOptions({ reverse, sequence: 3 }));
				expect(cursor.fill(Buffer.alloc(10), new Uint32Array(10), 1, true)).toBe(1);
				engine.setTime(T);
				apply(engine, reverse ? 5 : 4, [put('z', 'makes it seek anew')]);
				expect((await readAll(cursor, 'sync')).map(([key]) => key)).toEqual(reverse ? ['b', 'a'] : ['b', 'c']);
				cursor.close();
			}
		}));

	it('goes by the time of the system unless it is told another', () =>
		withEngine(async (engine) => {
			apply(engine, 1, [
				put('a', 'past', T),
				put('b', 'future', Date.now() + 3_600_000),
				put('c', 'never', Number.MAX_SAFE_INTEGER),
			]);
			expect(await contents(engine)).toBe('a=past b=future c=never');
			engine.setTime(undefined);
			expect(await contents(engine)).toBe('b=future c=never');
			engine.setTime(Number.MAX_SAFE_INTEGER);
			expect(await contents(engine)).toBe('');
			engine.setTime(0);
			expect(await contents(engine)).toBe('a=past b=future c=never');
		}));

	it('drops what has expired where a tombstone would be dropped, and gives its space back', () =>
		withEngine(async (engine) => {
			apply(engine, 1, [put('a', 'x'.repeat(5000), T), put('b', 'older'), put('b', 'y'.repeat(5000), T), put('c', 'stays')]);
			const tables = await flush(engine, T - 1);
			const sizeOf = (table: TableSummary) => statSync(tableSpec(directory, table).path).size;
			expect(sizeOf(tables[0])).toBeGreaterThan(10_000);
			const [table] = await compact(engine, tables, T);
			expect([table.entries, table.tombstones, table.expiry]).toEqual([1, 0, undefined]);
			expect(sizeOf(table)).toBeLessThan(1000);
			engine.setTime(T);
			expect(await contents(engine)).toBe('c=stays');
		}));

	it('leaves a tombstone where there may be something below, and in a flush', () =>
		withEngine(async (engine) => {
			apply(engine, 1, [put('a', 'x'.repeat(5000), T), put('b', 'stays', T + 1)]);
			const flushed = await flush(engine, T);
			expect(flushed).toMatchObject([{ entries: 2, tombstones: 1, expiry: { entries: 1, latest: T + 1 } }]);
			expect(Buffer.from(flushed[0].smallestKey)).toEqual(internalKey('a', 1, KIND_DELETE));
			expect(Buffer.from(flushed[0].largestKey)).toEqual(internalKey('b', 2, KIND_PUT_WITH_EXPIRY));
			const kept = await compact(engine, flushed, T + 1, { keepTombstones: [whole] });
			expect(kept.map((table) => [table.entries, table.tombstones, table.expiry])).toEqual([[2, 2, undefined]]);
			expect(await compact(engine, kept, T + 1)).toEqual([]);
		}));

	it('buries what has expired whatever the snapshots, and keeps what older ones see', () =>
		withEngine(async (engine) => {
			apply(engine, 1, [put('a', 'old'), put('a', 'brief', T), put('a', 'briefer', T)]);
			const tables = await flush(engine, T - 1, [1, 2]);
			expect(tables).toMatchObject([{ entries: 3, tombstones: 0 }]);
			const [table] = await compact(engine, tables, T, { snapshots: [1, 2] });
			expect([table.entries, table.tombstones, table.expiry]).toEqual([3, 2, undefined]);
			engine.setTime(T);
			expect(await contents(engine, 1)).toBe('a=old');
			expect(await contents(engine, 2)).toBe('');
			expect(await contents(engine)).toBe('');
		}));

	it.each([
		['too short to say when', KIND_PUT_WITH_EXPIRY],
		['unknown kind', 9],
	])('refuses a table with an entry that is %s', (message, kind) =>
		withEngine(async (engine) => {
			const key = internalKey('key', 1, kind);
			const path = join(directory, `forged${nextNumber++}.sst`);
			const bytes = forgeTable(0, Buffer.from(kernel.encodeBlock([[key, Buffer.alloc(7)]], 16)), key);
			writeFileSync(path, bytes);
			await engine.openTables([{ number: 1, path, size: bytes.length }]);
			engine.installView([], [[1]]);
			const damage = expect.objectContaining({
				code: 'VARVE_CORRUPTION',
				path,
				offset: 0,
				message: expect.stringContaining(message),
			});
			expect(() => get(engine, Buffer.from('key'))).toThrow(damage);
			for (const reverse of [false, true]) {
				const cursor = engine.openCursor(cursorOptions({ reverse }));
				await expect(readAll(cursor, 'sync')).rejects.toEqual(damage);
				cursor.close();
			}
			const job = engine.compact({ runs: [[1]], snapshots: [], keepTombstones: [], output: output(T, 1) });
			await expect(job.done).rejects.toEqual(damage);
		}),
	);

	it('refuses a record whose expiry is cut short', () =>
		withEngine(async (engine) => {
			const record = Buffer.alloc(12 + 11);
			record.writeBigUInt64LE(1n);
			record.writeUInt32LE(1, 8);
			record.set([KIND_PUT_WITH_EXPIRY, 1, 97, 7], 12);
			expect(() => engine.apply(record, 0, record.length)).toThrow(/malformed/);
			expect(await contents(engine)).toBe('');
		}));
});
