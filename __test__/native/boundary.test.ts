/** The boundary of the native addon: whatever comes from JavaScript is an error or an answer, never a crash. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { AbortError, ClosedError, ConcurrencyError, Database, IOError, VarveError } from '../../ts/index';
import { IO_CACHE, IO_NONE, IO_PASS, type IoPolicy, type ReadMode } from '../../ts/kernel/kernel';
import type { NativeAddon } from '../../ts/kernel/native/addon';
import { tryLockFile } from '../../ts/kernel/native/file-lock';
import { loadAddon, nativeTriple } from '../../ts/kernel/native/load';
import { TABLE } from '../kernel/support';
import { kernels } from '../kernels';
import { openDatabase, temporaryDirectory, tinyTree } from '../support/stores';

const native = kernels.find((kernel) => kernel.name === 'native');
const ENTRY = join(__dirname, '..', '..', 'dist', 'index.js');

describe.runIf(native !== undefined)('the native boundary', () => {
	const filled = async (options = {}) => {
		const database = await openDatabase(temporaryDirectory(), { kernel: 'native', ...tinyTree, ...options });
		for (let i = 0; i < 500; i++) database.putSync(`k${i}`, `value ${i}`);
		await database.flush();
		return database;
	};

	it('names a binary for this platform', () => {
		expect(nativeTriple()).toMatch(new RegExp(`^${process.platform}-${process.arch}`));
	});

	it('throws for arguments of other types, or none, at every raw function', () => {
		const addon = loadAddon() as NativeAddon;
		const engine = addon.createEngine(0, 16, new Uint8Array(16), Buffer.allocUnsafeSlow(64));
		const odd = [undefined, null, join(temporaryDirectory(), 'x'), {}, [], Symbol('x'), 1n, new Float64Array(1), () => undefined];
		let thrown = 0;
		let calls = 0;
		for (const target of [addon, engine] as unknown as Record<string, (...args: unknown[]) => unknown>[]) {
			for (const name of Object.keys(target).filter((key) => typeof target[key] === 'function' && key !== 'close')) {
				for (const value of odd) {
					calls++;
					try {
						const result = target[name](value, value, value, value, value, value);
						if (result instanceof Promise) result.catch(() => undefined);
					} catch {
						thrown++;
					}
				}
			}
		}
		expect(thrown).toBeGreaterThan(calls / 2);
		engine.close();
		expect(() => engine.stats()).toThrow();
	});

	it('answers hostile numbers with an error or a value, and lives', async () => {
		const addon = loadAddon() as NativeAddon;
		const engine = addon.createEngine(0, 16, new Uint8Array(16), Buffer.allocUnsafeSlow(64));
		engine.createMemtable(1, 4096);
		engine.installView([1], [[]]);
		const cursor = engine.openCursor(1, undefined, undefined, 6);
		const settled: Promise<unknown>[] = [];
		for (const n of [-1, -0.5, Number.NaN, 2 ** 31, 2 ** 32 + 5, 2 ** 53, 1e300, Number.POSITIVE_INFINITY]) {
			const calls = [
				() => engine.get(n, n, IO_CACHE, n),
				() => engine.get(0, n, IO_CACHE, n),
				() => engine.get(0, 1, n as IoPolicy, 0),
				() => engine.has(n, n, IO_NONE),
				() => engine.getString(n, n, IO_PASS),
				() => engine.getMany(new Uint8Array(8), n, n, n as ReadMode, IO_CACHE, new Uint32Array(2)),
				() => engine.apply(new Uint8Array(12), n, n),
				() => engine.apply(new Uint8Array(12), 12, n),
				() => engine.fillCursor(cursor, new Uint8Array(8), new Uint32Array(2), n, true),
				() => engine.fillCursor(n, new Uint8Array(8), new Uint32Array(2), 1, true),
				() => settled.push(engine.fillCursorAsync(cursor, 8, 2, n)),
				() => settled.push(engine.getManyAsync(new Uint8Array(8), n, n, n as ReadMode, true)),
				() => engine.dropMemtable(n),
				() => engine.dropTables([n]),
				() => engine.approximateOffset(n, new Uint8Array(8)),
				() => engine.closeCursor(n),
			];
			for (const work of calls) {
				try {
					work();
				} catch (thrown) {
					expect(thrown).toMatchObject({ kind: expect.any(String), message: expect.any(String) });
				}
			}
		}
		await Promise.allSettled(settled);
		// More memory than there is would end the process.
		expect(() => engine.createMemtable(2, 1e15)).toThrow(expect.objectContaining({ kind: 'resource' }));
		await expect(engine.fillCursorAsync(cursor, 1e15, 2, 1)).rejects.toMatchObject({ kind: 'resource' });
		expect(() => engine.getMany(new Uint8Array(8), 1e15, 1, 0, IO_CACHE, new Uint32Array(2))).toThrow(
			expect.objectContaining({ kind: 'internal' }),
		);
		engine.close();
	});

	it('tells a wrong argument from a closed engine', () => {
		const engine = (native as NonNullable<typeof native>).createEngine({ cacheBytes: 0 });
		const wrong = (work: () => unknown) => {
			try {
				work();
			} catch (error) {
				return error;
			}
			return undefined;
		};
		const error = wrong(() => engine.apply([] as unknown as Uint8Array, 0, 0));
		expect(error).toBeInstanceOf(VarveError);
		expect(error).not.toBeInstanceOf(ClosedError);
	});

	it('refuses to bring a fill into memory that was transferred away', async () => {
		const engine = (native as NonNullable<typeof native>).createEngine({ cacheBytes: 0 });
		engine.createMemtable(1, 4096);
		const record = Buffer.from('0100000000000000010000000101610162', 'hex');
		engine.apply(record, 0, record.length);
		engine.installView([1], [[]]);
		const cursor = engine.openCursor({ sequence: 1, reverse: false, keys: true, values: true, fillCache: true });
		const chunk = new Uint8Array(64);
		const index = new Uint32Array(8);
		const filling = cursor.fillAsync(chunk, index, 4);
		structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
		await expect(filling).rejects.toThrow(ConcurrencyError);
		cursor.seek(new Uint8Array(0));
		expect(cursor.fill(chunk, index, 4, true)).toBe(-2);
		expect(index[0]).toBe(2);
		const room = new Uint8Array(64);
		expect(await cursor.fillAsync(room, index, 4)).toBe(1);
		expect(Buffer.from(room.subarray(0, 2)).toString()).toBe('ab');
		cursor.close();
		await engine.close();
	});

	it('has a key buffer that cannot be transferred away', async () => {
		const engine = (native as NonNullable<typeof native>).createEngine({ cacheBytes: 0 });
		for (const length of [1, 10_000]) {
			engine.reserveKey(length);
			const memory = engine.keyScratch.buffer as ArrayBuffer;
			try {
				structuredClone(memory, { transfer: [memory] });
			} catch {
				// Newer versions of Node.js throw, older ones copy instead.
			}
			expect(engine.keyScratch.length).toBeGreaterThanOrEqual(length);
		}
		await engine.close();
	});

	it('throws ClosedError from an engine that is closed', async () => {
		const engine = (native as NonNullable<typeof native>).createEngine({ cacheBytes: 0 });
		engine.createMemtable(1, 4096);
		engine.installView([1], [[]]);
		const cursor = engine.openCursor({ sequence: 1, reverse: false, keys: true, values: true, fillCache: true });
		await engine.close();
		expect(() => engine.get(0, 1, 0, IO_CACHE)).toThrow(ClosedError);
		expect(() => engine.apply(new Uint8Array(12), 0, 12)).toThrow(ClosedError);
		expect(() => cursor.fill(new Uint8Array(8), new Uint32Array(2), 1, true)).toThrow(ClosedError);
		await expect(engine.getAsync(0, 1, 0, true)).rejects.toThrow(ClosedError);
		cursor.close();
		await engine.close();
	});

	it('goes on when a value that it returned is transferred away with its slab', async () => {
		const database = await filled();
		const value = database.getSync('k1') as Buffer;
		structuredClone(value.buffer, { transfer: [value.buffer as ArrayBuffer] });
		expect(value.length).toBe(0);
		for (let i = 0; i < 500; i++) expect(database.getSync(`k${i}`)?.toString()).toBe(`value ${i}`);
	});

	it('returns values around an eighth of the slab and its end', async () => {
		const database = await openDatabase(temporaryDirectory(), { kernel: 'native', sync: 'never' });
		for (const size of [0, 1, 8190, 8191, 8192, 8193, 65_535, 65_536, 65_537]) {
			const value = Buffer.alloc(size, 'v');
			database.putSync('k', value);
			for (let i = 0; i < 20; i++) expect(database.getSync('k')?.equals(value)).toBe(true);
			expect(database.getSync('k', { encoding: 'utf8' })).toBe(value.toString());
			expect((await database.getMany(['k', 'x']))[0]?.equals(value)).toBe(true);
		}
	});

	it('answers a hundred reads from files at once', async () => {
		const database = await filled({ cacheSize: 0 });
		// Past the cache: else what the operating system has in memory would be read at once.
		const past = { encoding: 'utf8', fillCache: false } as const;
		const reads = Array.from({ length: 100 }, (_, i) => database.get(`k${i}`, past));
		expect(await Promise.all(reads)).toEqual(reads.map((_, i) => `value ${i}`));
		const many = Array.from({ length: 20 }, () => database.getMany(['k1', 'missing', 'k2'], past));
		for (const result of await Promise.all(many)) expect(result).toEqual(['value 1', undefined, 'value 2']);
		const scans = Array.from({ length: 20 }, () => database.iterator({ fillCache: false }).all());
		for (const entries of await Promise.all(scans)) expect(entries.length).toBe(500);
	});

	it('cancels jobs, and leaves no file of theirs', async () => {
		const directory = join(temporaryDirectory(), 'sst');
		mkdirSync(directory);
		const engine = (native as NonNullable<typeof native>).createEngine({ cacheBytes: 0 });
		engine.createMemtable(1, 4096);
		const record = Buffer.from('0100000000000000010000000101610162', 'hex');
		engine.apply(record, 0, record.length);
		const table = { ...TABLE, filterMilliBitsPerKey: 0 };
		const output = { directory, level: 0, firstNumber: 1, numberCount: 1, createdAt: 1n, table };
		const job = engine.flush({ memtable: 1, snapshots: [], output });
		job.cancel();
		await expect(job.done).rejects.toThrow(AbortError);
		expect(readdirSync(directory)).toEqual([]);
		const failing = engine.flush({ memtable: 1, snapshots: [], output: { ...output, directory: join(directory, 'missing') } });
		await expect(failing.done).rejects.toThrow(IOError);
		await engine.close();
	});

	it('survives the end of a worker thread in the middle of its work, and the store opens again', {
		timeout: 60_000,
	}, async () => {
		for (let round = 0; round < 5; round++) {
			const directory = temporaryDirectory();
			const worker = new Worker(
				`const { Database } = require(${JSON.stringify(ENTRY)});
				const { parentPort } = require('node:worker_threads');
				Database.open(${JSON.stringify(directory)}, { kernel: 'native', sync: 'never', memtableSize: 65536, cacheSize: 0 }).then(async (database) => {
					for (let i = 0; ; i++) {
						await database.batch([{ type: 'put', key: 'k' + i, value: 'v'.repeat(100) }]);
						database.get('k' + (i >> 1), { fillCache: false });
						if (i === 2000) parentPort.postMessage('working');
					}
				});`,
				{ eval: true },
			);
			await new Promise((resolve) => worker.once('message', resolve));
			await worker.terminate();
			const database = await Database.open(directory, { kernel: 'native' });
			expect((await database.iterator().all()).length).toBeGreaterThan(2000);
			await database.close();
		}
	});

	it('locks a file against other processes', () => {
		const path = join(temporaryDirectory(), 'file');
		const lock = tryLockFile(path);
		expect(lock).toBeDefined();
		expect(existsSync(path)).toBe(true);
		expect(tryLockFile(path)).toBeUndefined();
		const program = `const { tryLockFile } = require(${JSON.stringify(join(ENTRY, '..', 'kernel', 'native', 'file-lock.js'))});
			console.log(tryLockFile(process.argv[1]) === undefined);`;
		const held = () => execFileSync(process.execPath, ['-e', program, path], { encoding: 'utf8' }).trim();
		expect(held()).toBe('true');
		lock?.release();
		lock?.release();
		expect(held()).toBe('false');
	});
});
