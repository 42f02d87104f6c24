import {
	closeSync,
	copyFileSync,
	fsyncSync,
	openSync,
	readdirSync,
	readFileSync,
	statSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ClosedError, CorruptionError, VarveError } from '../../ts/errors';
import {
	type CompactionJob,
	IO_CACHE,
	IO_NO_WAIT,
	IO_NONE,
	IO_PASS,
	type KernelEngine,
	PENDING,
	READ_PRESENCE,
	READ_UTF8,
	type TableSpec,
} from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import {
	apply,
	cursorOptions,
	get,
	getInto,
	jobOutput,
	type Operation,
	packKeys,
	readAll,
	tableSpec,
	temporaryDirectory,
} from './support';

const CACHE = 1 << 20;

describe.each(kernels)('tables of the $name kernel', (kernel) => {
	const directory = temporaryDirectory();
	let nextNumber = 1;

	const putAll = (count: number): Operation[] =>
		Array.from({ length: count }, (_, i) => ({
			key: Buffer.from(`key-${String(i).padStart(4, '0')}`),
			value: Buffer.from(`value ${i}`),
		}));

	async function flushed(engine: KernelEngine, operations: Operation[], table = {}): Promise<TableSpec> {
		engine.createMemtable(900, 1 << 20);
		apply(engine, 1, operations);
		const [summary] = await engine.flush({ memtable: 900, snapshots: [], output: jobOutput(directory, nextNumber++, 0, table) })
			.done;
		engine.dropMemtable(900);
		if (summary === undefined) throw new Error('the flush wrote nothing');
		return tableSpec(directory, summary);
	}

	async function withEngine(work: (engine: KernelEngine) => Promise<void>, cacheBytes = CACHE): Promise<void> {
		const engine = kernel.createEngine({ cacheBytes });
		try {
			await work(engine);
		} finally {
			await engine.close();
		}
	}

	async function open(engine: KernelEngine, spec: TableSpec): Promise<void> {
		await engine.openTables([spec]);
		engine.installView([], [[spec.number]]);
	}

	it('writes nothing for an empty memtable', () =>
		withEngine(async (engine) => {
			engine.createMemtable(1, 1000);
			const before = readdirSync(directory);
			expect(await engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 800) }).done).toEqual([]);
			expect(readdirSync(directory)).toEqual(before);
		}));

	it('summarises what it wrote, under the name of the format', () =>
		withEngine(async (engine) => {
			engine.createMemtable(1, 10_000);
			apply(engine, 5, [
				{ key: Buffer.from('b'), value: Buffer.from('1') },
				{ key: Buffer.from('a'), value: Buffer.from('2') },
				{ key: Buffer.from('c'), value: undefined },
			]);
			const [summary] = await engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 801, 3) }).done;
			const spec = tableSpec(directory, summary as never);
			expect(basename(spec.path)).toBe('3_000801_01700000000000000000.sst');
			expect(statSync(spec.path).size).toBe(spec.size);
			expect(summary).toMatchObject({
				number: 801,
				birthLevel: 3,
				entries: 3,
				tombstones: 1,
				smallestSequence: 5,
				largestSequence: 7,
			});
			expect(Buffer.from(summary?.smallestKey ?? []).toString('hex')).toBe('610106000000000000');
			expect(Buffer.from(summary?.largestKey ?? []).toString('hex')).toBe('630007000000000000');
			expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
		}));

	it('finds every key, and no other, in all modes', () =>
		withEngine(async (engine) => {
			const operations = putAll(300);
			await open(engine, await flushed(engine, operations));
			for (const { key, value } of operations) {
				expect(get(engine, key)).toEqual(Buffer.from(value as Uint8Array));
				expect(get(engine, key, 1000, READ_UTF8)).toBe(String(value));
				expect(get(engine, key, 1000, READ_PRESENCE)).toBe(true);
				expect(getInto(engine, key, 100)).toEqual(Buffer.from(value as Uint8Array));
				expect(get(engine, Buffer.concat([key, Buffer.from('x')]))).toBeUndefined();
			}
			const keys = operations.map(({ key }) => key);
			const values = operations.map(({ value }) => Buffer.from(value as Uint8Array));
			expect(engine.getMany(packKeys(keys), keys.length, 1000, 0, IO_CACHE)).toEqual(values);
			expect(await engine.getManyAsync(packKeys(keys), keys.length, 1000, 0, true)).toEqual(values);
		}));

	it('answers PENDING instead of reading, and reads off the calling thread without any cache', () =>
		withEngine(async (engine) => {
			const operations = putAll(200);
			await open(engine, await flushed(engine, operations));
			const { key, value } = operations[77] as Operation;
			expect(get(engine, key, 1000, 0, IO_NONE)).toBe(PENDING);
			expect(engine.getMany(packKeys([key]), 1, 1000, 0, IO_NONE)).toBe(PENDING);
			const pending = engine.getAsync(key.length, 1000, 0, true);
			engine.keyScratch.fill(0);
			expect(await pending).toEqual(Buffer.from(value as Uint8Array));
			expect(get(engine, key, 1000, 0, IO_NONE)).toBe(PENDING);
			const cursor = engine.openCursor(cursorOptions({ fillCache: false }));
			expect(cursor.fill(Buffer.alloc(10), new Uint32Array(10), 10, false)).toBe(-1);
			expect((await readAll(cursor, 'async')).length).toBe(200);
			cursor.close();
			expect(engine.stats()).toMatchObject({ cacheBytes: 0, cacheCapacity: 0 });
		}, 0));

	it('finds what the operating system has in memory, where it can, and keeps it', () =>
		withEngine(async (engine) => {
			const operations = putAll(200);
			await open(engine, await flushed(engine, operations));
			const { key, value } = operations[77] as Operation;
			const found = get(engine, key, 1000, 0, IO_NO_WAIT);
			if (kernel.name === 'js') expect(found).toBe(PENDING);
			if (found !== PENDING) expect(found).toEqual(Buffer.from(value as Uint8Array));
			expect(get(engine, key, 1000, 0, IO_NONE)).toEqual(found);
			expect(engine.getMany(packKeys([key]), 1, 1000, 0, IO_NO_WAIT)).toEqual(found === PENDING ? PENDING : [found]);
			expect(engine.stats().blockReads).toBe(found === PENDING ? 0 : 1);
		}));

	it('serves from the cache what it has read, unless told not to keep it', () =>
		withEngine(async (engine) => {
			await open(engine, await flushed(engine, putAll(200)));
			const spare = engine.openCursor(cursorOptions({ fillCache: false }));
			await readAll(spare, 'sync');
			spare.close();
			expect(engine.stats().cacheBytes).toBe(0);
			const cursor = engine.openCursor(cursorOptions());
			await readAll(cursor, 'async');
			const { blockReads, cacheBytes } = engine.stats();
			expect(cacheBytes).toBeGreaterThan(0);
			cursor.seek(Buffer.alloc(0));
			expect(cursor.fill(Buffer.alloc(1 << 16), new Uint32Array(1000), 1000, false)).toBe(200);
			cursor.close();
			expect(engine.stats()).toMatchObject({ blockReads, cacheBytes, openTables: 1 });
			expect(engine.stats().tableMemory).toBeGreaterThan(0);
		}));

	it('looks up past the cache when told to, and uses what it holds', () =>
		withEngine(async (engine) => {
			const operations = putAll(200);
			await open(engine, await flushed(engine, operations));
			const { key, value } = operations[77] as Operation;
			const packed = packKeys([key]);
			const expected = Buffer.from(value as Uint8Array);
			const looked = async (io: typeof IO_CACHE | typeof IO_PASS) => {
				const { blockReads } = engine.stats();
				const found = get(engine, key, 1000, 0, io);
				const many = engine.getMany(packed, 1, 1000, 0, io);
				const later = await engine.getAsync(key.length, 1000, 0, io === IO_CACHE);
				const manyLater = await engine.getManyAsync(packed, 1, 1000, 0, io === IO_CACHE);
				expect([found, many, later, manyLater]).toEqual([expected, [expected], expected, [expected]]);
				return engine.stats().blockReads - blockReads;
			};
			expect(await looked(IO_PASS)).toBe(4);
			expect(engine.stats().cacheBytes).toBe(0);
			expect(get(engine, key, 1000, 0, IO_NONE)).toBe(PENDING);
			expect(await looked(IO_CACHE)).toBe(1);
			const { cacheBytes } = engine.stats();
			expect(cacheBytes).toBeGreaterThan(0);
			expect(await looked(IO_PASS)).toBe(0);
			expect(engine.stats().cacheBytes).toBe(cacheBytes);
		}));

	it.each(['getAsync', 'getManyAsync'] as const)('keeps what %s has read, unless told not to', (name) =>
		withEngine(async (engine) => {
			await open(engine, await flushed(engine, putAll(200)));
			const key = Buffer.from('key-0077');
			engine.keyScratch.set(key);
			const look = (fillCache: boolean): Promise<unknown> =>
				name === 'getAsync'
					? engine.getAsync(key.length, 1000, 0, fillCache)
					: engine.getManyAsync(packKeys([key]), 1, 1000, 0, fillCache);
			await look(false);
			expect(engine.stats().cacheBytes).toBe(0);
			await look(true);
			expect(engine.stats().cacheBytes).toBeGreaterThan(0);
		}),
	);

	it('tells from the index where in a table a key would be', () =>
		withEngine(async (engine) => {
			const operations = putAll(200);
			const spec = await flushed(engine, operations);
			await engine.openTables([spec]);
			const at = (key: Uint8Array | string) => engine.approximateOffset(spec.number, Buffer.from(key));
			const end = at('key-9');
			expect(end).toBeLessThan(spec.size);
			const offsets = operations.map(({ key }) => at(key));
			expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
			expect(new Set(offsets).size).toBeGreaterThan(10);
			expect([at(''), at('key'), at('key-0000'), at('a')]).toEqual([0, 0, 0, 0]);
			expect([at('key-0199x'), at('key-02'), at('z'), at(Buffer.alloc(1000, 0xff))]).toEqual([end, end, end, end]);
			expect(at('key-0199')).toBeLessThan(end);
			for (const [i, { key }] of operations.entries()) {
				const behind = at(Buffer.concat([key, Buffer.from([0])]));
				expect(behind).toBe(offsets[i + 1] ?? end);
			}
			expect(engine.stats().blockReads).toBe(0);
			expect(() => engine.approximateOffset(12_345, Buffer.from('key'))).toThrow(/able 12345/);
			engine.dropTables([spec.number]);
			expect(() => at('key')).toThrow(VarveError);
		}));

	it('takes all versions of a key for one place', () =>
		withEngine(async (engine) => {
			const sequences = Array.from({ length: 60 }, (_, i) => i + 1);
			engine.createMemtable(1, 1 << 20);
			for (const sequence of sequences) apply(engine, sequence, [{ key: Buffer.from('k'), value: Buffer.alloc(100) }]);
			apply(engine, 61, [{ key: Buffer.from('l'), value: Buffer.alloc(100) }]);
			const output = jobOutput(directory, nextNumber++);
			const [summary] = await engine.flush({ memtable: 1, snapshots: sequences, output }).done;
			const spec = tableSpec(directory, summary as never);
			await engine.openTables([spec]);
			const at = (key: string) => engine.approximateOffset(spec.number, Buffer.from(key));
			expect([at('j'), at('k')]).toEqual([0, 0]);
			expect(at('k\0')).toBeGreaterThan(5000);
			expect(at('l')).toBe(at('k\0'));
			expect(at('l\0')).toBeGreaterThan(at('l'));
		}));

	it('rules tables out by their filters', () =>
		withEngine(async (engine) => {
			const operations = putAll(400).filter((_, i) => i % 2 === 0);
			await open(engine, await flushed(engine, operations));
			for (let i = 1; i < 398; i += 2) expect(get(engine, Buffer.from(`key-${String(i).padStart(4, '0')}`))).toBeUndefined();
			const stats = engine.stats();
			expect(stats.filterProbes).toBe(199);
			expect(stats.filterNegatives + stats.filterFalsePositives).toBe(199);
			expect(stats.filterNegatives).toBeGreaterThan(180);
		}));

	it('keeps values of all sizes apart from each other', () =>
		withEngine(async (engine) => {
			const sizes = [0, 1, 100, 8191, 8192, 8193, 70_000, 3_000_000];
			engine.createMemtable(1, 4_000_000);
			engine.installView([1], []);
			apply(
				engine,
				1,
				sizes.map((size) => ({ key: Buffer.from(`k${size}`), value: Buffer.alloc(size, size % 251) })),
			);
			const check = () => {
				const values = sizes.map((size) => get(engine, Buffer.from(`k${size}`)) as Buffer);
				for (const [i, size] of sizes.entries()) expect(values[i]?.equals(Buffer.alloc(size, size % 251))).toBe(true);
			};
			check();
			const [summary] = await engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, nextNumber++) }).done;
			const spec = tableSpec(directory, summary as never);
			await open(engine, spec);
			check();
		}));

	it('tells how much room the first entry needs', () =>
		withEngine(async (engine) => {
			engine.createMemtable(1, 10_000);
			engine.installView([1], []);
			apply(engine, 1, [
				{ key: Buffer.from('abc'), value: Buffer.alloc(100) },
				{ key: Buffer.from('b'), value: Buffer.alloc(0) },
			]);
			for (const reverse of [false, true]) {
				const cursor = engine.openCursor(cursorOptions({ reverse, upper: Buffer.from('b') }));
				const index = new Uint32Array(8);
				expect(cursor.fill(Buffer.alloc(102), index, 8, true)).toBe(-2);
				expect(index[0]).toBe(103);
				expect(cursor.fill(Buffer.alloc(103), index, 8, true)).toBe(1);
				expect([...index.subarray(0, 2)]).toEqual([3, 103]);
				expect(cursor.fill(Buffer.alloc(103), index, 8, true)).toBe(0);
				cursor.close();
				cursor.close();
				expect(() => cursor.fill(Buffer.alloc(103), index, 8, true)).toThrow(ClosedError);
			}
		}));

	it('keeps files open for views and cursors after their tables were dropped and removed', () =>
		withEngine(async (engine) => {
			const spec = await flushed(engine, putAll(100));
			await open(engine, spec);
			const cursor = engine.openCursor(cursorOptions());
			engine.installView([], []);
			engine.dropTables([spec.number]);
			expect(engine.stats().openTables).toBe(1);
			expect((await readAll(cursor, 'sync')).length).toBe(100);
			cursor.close();
			expect(engine.stats()).toMatchObject({ openTables: 0, cacheBytes: 0, tableMemory: 0 });
		}));

	describe('damage', () => {
		const rejection = async (engine: KernelEngine, spec: TableSpec): Promise<VarveError> => {
			const error = await engine.openTables([spec]).then(
				() => undefined,
				(reason: unknown) => reason,
			);
			expect(error).toBeInstanceOf(CorruptionError);
			expect((error as VarveError).path).toBe(spec.path);
			return error as VarveError;
		};

		it('names a table that is missing, cut or replaced', () =>
			withEngine(async (engine) => {
				const spec = await flushed(engine, putAll(10));
				const missing = await rejection(engine, { ...spec, path: join(directory, 'absent.sst') });
				expect(missing.message).toMatch(/listed by the manifest but missing/);
				expect((await rejection(engine, { ...spec, size: spec.size - 1 })).message).toMatch(/bytes/);
				writeFileSync(join(directory, 'empty.sst'), '');
				await rejection(engine, { number: 1, path: join(directory, 'empty.sst'), size: 0 });
			}));

		it('says what is wrong with a footer', () =>
			withEngine(async (engine) => {
				const spec = await flushed(engine, putAll(10));
				const messages = new Set<string>();
				for (const [at, pattern] of [
					[-1, /magic/],
					[-24, /version/],
					[-20, /flags/],
					[-10, /checksum/],
				] as const) {
					const path = join(directory, `footer${at}.sst`);
					const bytes = readFileSync(spec.path);
					bytes[bytes.length + at] = (bytes[bytes.length + at] as number) ^ 0x20;
					writeFileSync(path, bytes);
					const { message } = await rejection(engine, { ...spec, path });
					expect(message).toMatch(pattern);
					messages.add(message.replaceAll(path, ''));
				}
				expect(messages.size).toBe(4);
			}));

		it('opens all tables or none', () =>
			withEngine(async (engine) => {
				const good = await flushed(engine, putAll(10));
				const bad = await flushed(engine, putAll(10));
				await expect(engine.openTables([good, { ...bad, size: bad.size + 1 }])).rejects.toThrow(CorruptionError);
				expect(engine.stats().openTables).toBe(0);
				await engine.openTables([good, bad]);
				expect(engine.stats().openTables).toBe(2);
			}));

		it('reports a damaged block with file and offset, by every way to read it', () =>
			withEngine(async (engine) => {
				const spec = await flushed(engine, putAll(100));
				const path = join(directory, 'damaged-block.sst');
				copyFileSync(spec.path, path);
				await open(engine, { ...spec, path });
				const fd = openSync(path, 'r+');
				writeSync(fd, Buffer.from([0xee]), 0, 1, 20);
				fsyncSync(fd);
				closeSync(fd);
				const key = Buffer.from('key-0000');
				const expected = expect.objectContaining({ code: 'VARVE_CORRUPTION', path, offset: 0 });
				expect(() => get(engine, key)).toThrow(expected);
				await expect(engine.getAsync(key.length, 1000, 0, true)).rejects.toThrow(expected);
				await expect(engine.getManyAsync(packKeys([key]), 1, 1000, 0, true)).rejects.toThrow(expected);
				const cursor = engine.openCursor(cursorOptions());
				await expect(readAll(cursor, 'sync')).rejects.toThrow(expected);
				await expect(readAll(cursor, 'async')).rejects.toThrow(expected);
				cursor.close();
				const job = engine.compact({
					runs: [[spec.number]],
					snapshots: [],
					keepTombstones: [],
					output: jobOutput(directory, 850, 1),
				});
				await expect(job.done).rejects.toThrow(expected);
				expect(readdirSync(directory).filter((name) => name.startsWith('1_000850'))).toEqual([]);
			}));
	});

	it('compacts the keys within bounds only, and cuts outputs where it is told to', () =>
		withEngine(async (engine) => {
			const spec = await flushed(engine, putAll(50));
			await open(engine, spec);
			const key = (i: number) => Buffer.from(`key-${String(i).padStart(4, '0')}`);
			const spans = async (firstNumber: number, limits: Pick<CompactionJob, 'lower' | 'upper' | 'cuts'>) => {
				const output = jobOutput(directory, firstNumber, 1);
				const job = engine.compact({ runs: [[spec.number]], snapshots: [], keepTombstones: [], ...limits, output });
				const userKey = (internalKey: Uint8Array) => Buffer.from(internalKey.subarray(0, -8)).toString();
				return (await job.done).map((table) => [userKey(table.smallestKey), userKey(table.largestKey), table.entries]);
			};
			expect(await spans(860, { lower: key(10), upper: key(20) })).toEqual([['key-0010', 'key-0019', 10]]);
			expect(await spans(870, { lower: Buffer.from('key-0010x'), upper: Buffer.from('key-0012x') })).toEqual([
				['key-0011', 'key-0012', 2],
			]);
			expect(await spans(880, { lower: key(7), upper: key(7) })).toEqual([]);
			// Cuts before the first key, at a key, twice between two keys, and behind the last key.
			const cuts = ['a', 'key-0005', 'key-0030a', 'key-0030b', 'z'].map((cut) => Buffer.from(cut));
			expect(await spans(890, { cuts })).toEqual([
				['key-0000', 'key-0004', 5],
				['key-0005', 'key-0030', 26],
				['key-0031', 'key-0049', 19],
			]);
		}));

	it('refuses everything after close', async () => {
		const engine = kernel.createEngine({ cacheBytes: CACHE });
		engine.createMemtable(1, 1000);
		engine.installView([1], []);
		const cursor = engine.openCursor(cursorOptions());
		await engine.close();
		await engine.close();
		expect(() => get(engine, Buffer.from('a'))).toThrow(ClosedError);
		expect(() => cursor.fill(Buffer.alloc(10), new Uint32Array(4), 1, true)).toThrow(ClosedError);
		expect(() => engine.openCursor(cursorOptions())).toThrow(ClosedError);
		expect(() => engine.approximateOffset(1, Buffer.from('a'))).toThrow(ClosedError);
		await expect(engine.getAsync(0, 1, 0, true)).rejects.toThrow(ClosedError);
		await expect(engine.openTables([])).rejects.toThrow(ClosedError);
	});
});
