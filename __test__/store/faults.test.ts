/** Calls of the file system fail while a store runs: what it says, what it still does, and what is there at the next open. */
import { describe, expect, it } from 'vitest';
import { IOError, ReadOnlyError } from '../../ts/errors';
import type { OpenOptions } from '../../ts/types';
import { FaultFileSystem, type Method } from '../support/fault-file-system';
import { MemoryFileSystem } from '../support/memory-file-system';
import { type Change, contents, type MemoryStore, openMemoryStore, smallest, stateAfter, write } from '../support/memory-stores';
import { Random, testSeed } from '../support/stores';

const KEYS = Array.from({ length: 30 }, (_, i) => `key${i}`);
const put = (key: string, value: string): Change => new Map([[key, value]]);

/** A store on a disk that can be made to fail, with a record of what it has acknowledged. */
class Patient {
	readonly disk = new MemoryFileSystem();
	readonly fileSystem = new FaultFileSystem(this.disk);
	readonly acknowledged: Change[] = [];
	#open!: MemoryStore;

	static async open(options: OpenOptions = {}): Promise<Patient> {
		const patient = new Patient();
		patient.#open = await openMemoryStore(patient.fileSystem, { ...smallest, ...options });
		return patient;
	}

	get store() {
		return this.#open.store;
	}

	get errors() {
		return this.#open.errors;
	}

	async write(change: Change): Promise<void> {
		await write(this.store, change, 'always');
		this.acknowledged.push(change);
	}

	/** Writes every key, so that a flush has something to do. */
	async fill(text: string): Promise<void> {
		for (const key of KEYS) await this.write(put(key, `${text} ${key}`));
	}

	blobs(): string[] {
		return this.disk.listSync('/data/store/blob');
	}

	tables(): string[] {
		return this.disk.listSync('/data/store/sst');
	}

	/** Reads give what was acknowledged, now, after closing and opening again, and after a loss of power instead of closing. */
	async expectNothingLost(): Promise<void> {
		expect(contents(this.store, KEYS)).toEqual(stateAfter(this.acknowledged));
		this.fileSystem.heal();
		for (const left of [this.disk.clone(), this.disk.crash()]) {
			const { store, errors } = await openMemoryStore(left, smallest);
			expect(contents(store, KEYS)).toEqual(stateAfter(this.acknowledged));
			await write(store, put(KEYS[0], 'goes on'), 'always');
			await store.close();
			expect(errors).toEqual([]);
		}
		await this.store.close().catch(() => undefined);
	}
}

describe('a write-ahead log that fails', () => {
	const faults: [string, Method, string, number][] = [
		['an append', 'writeSync', 'ENOSPC', 0],
		['an append after a part', 'writeSync', 'EIO', 9],
		['an fsync', 'sync', 'EIO', 0],
	];
	it.each(faults)('%s (%s, %s): the write rejects, the store is read-only, and says why', async (_, method, code, partOf) => {
		const patient = await Patient.open();
		await patient.fill('before');
		patient.fileSystem.fail({ methods: [method], path: /\.wal$/, code, partOf });
		await expect(patient.write(put('key0', 'never'))).rejects.toMatchObject({
			code: 'VARVE_IO',
			path: expect.stringMatching(/\.wal$/),
			cause: { code },
		});
		const later = patient.write(put('key1', 'never'));
		await expect(later).rejects.toThrow(ReadOnlyError);
		await expect(later).rejects.toMatchObject({ cause: { code: 'VARVE_IO', cause: { code } } });
		expect(() => patient.store.commits.addSync((encoder) => encoder.put('a', 'b'), 'never')).toThrow(ReadOnlyError);
		await expect(patient.store.flush()).rejects.toThrow(ReadOnlyError);
		expect(patient.errors).toHaveLength(1);
		expect(patient.store.stats().readOnly).toBe(patient.errors[0]);
		if (method === 'sync') {
			// It was appended, and applied, before its fsync failed: readers may see it, nobody was told that it is safe.
			patient.acknowledged.push(put('key0', 'never'));
			expect(contents(patient.store, KEYS)).toEqual(stateAfter(patient.acknowledged));
			patient.acknowledged.pop();
			patient.fileSystem.heal();
			const { store } = await openMemoryStore(patient.disk.crash(), smallest);
			expect(contents(store, KEYS)).toEqual(stateAfter(patient.acknowledged));
			await store.close();
		} else await patient.expectNothingLost();
		expect(patient.fileSystem.count(method, /\.wal$/)).toBe(KEYS.length + 1);
	});

	it('rejects every write of the group, and the groups that wait for the same fsync', async () => {
		const patient = await Patient.open();
		await patient.fill('before');
		patient.fileSystem.fail({ methods: ['sync'], path: /\.wal$/, code: 'EIO' });
		const group = ['key1', 'key2', 'key3'].map((key) => patient.write(put(key, 'never')));
		await Promise.resolve();
		const next = patient.write(put('key4', 'never'));
		const results = await Promise.allSettled([...group, next]);
		expect(results.every((result) => result.status === 'rejected')).toBe(true);
		await patient.store.close().catch(() => undefined);
	});

	it('that cannot be begun stops writes, and what was written stays', async () => {
		const patient = await Patient.open();
		await patient.fill('before');
		patient.fileSystem.fail({ methods: ['create'], path: /\.wal$/, code: 'ENOSPC' });
		await patient.store.flush();
		await expect(patient.write(put('key1', 'never'))).rejects.toThrow(IOError);
		await expect(patient.write(put('key1', 'never'))).rejects.toThrow(ReadOnlyError);
		await patient.expectNothingLost();
	});

	it.each(['flush', 'write'])('that cannot be synced before a %s rotates it stops writes', async (cause) => {
		const patient = await Patient.open();
		await patient.fill('before');
		const unsynced = put('key0', 'never synced');
		await write(patient.store, unsynced, 'never');
		patient.fileSystem.fail({ methods: ['sync', 'syncSync'], path: /\.wal$/, code: 'EIO' });
		const large = put('key1', 'x'.repeat(smallest.memtableSize));
		if (cause === 'flush') await expect(patient.store.flush()).rejects.toThrow(IOError);
		else await expect(write(patient.store, large, 'never')).rejects.toThrow(ReadOnlyError);
		await expect(patient.write(put('key1', 'never'))).rejects.toThrow(ReadOnlyError);
		expect(contents(patient.store, ['key0']).get('key0')).toBe('never synced');
		const { store } = await openMemoryStore(patient.disk.crash(), smallest);
		expect(contents(store, KEYS)).toEqual(stateAfter(patient.acknowledged));
		await store.close();
	});

	it('is synced off the calling thread before a write rotates it', async () => {
		const patient = await Patient.open();
		await write(patient.store, put('key0', 'x'.repeat(smallest.memtableSize - 200)), 'never');
		const before = patient.fileSystem.count('syncSync', /\.wal$/);
		patient.fileSystem.syncTurns = 3;
		await write(patient.store, put('key1', 'x'.repeat(smallest.memtableSize - 200)), 'never');
		expect(patient.fileSystem.count('syncSync', /\.wal$/)).toBe(before);
		expect(patient.fileSystem.count('sync', /\.wal$/)).toBe(1);
		await patient.store.close();
	});

	it('is rotated once for flushes that come together, and no oftener than memtables may wait', async () => {
		const { store } = await openMemoryStore(new FaultFileSystem(new MemoryFileSystem()), {
			...smallest,
			maxImmutableMemtables: 2,
		});
		const flushes: Promise<void>[] = [];
		let most = 0;
		for (let i = 0; i < 100; i++) {
			store.commits.addSync((encoder) => encoder.put(`key${i}`, 'value'), i % 2 === 0 ? 'always' : 'never');
			flushes.push(store.flush());
			most = Math.max(most, store.memtables.immutables.length);
		}
		await Promise.all(flushes);
		expect(most).toBeLessThanOrEqual(2);
		expect(store.stats().flushes).toBeLessThanOrEqual(4);
		expect(store.memtables.active.entries).toBe(0);
		await store.close();
	});

	it('that cannot be closed or removed is no trouble', async () => {
		const patient = await Patient.open();
		await patient.fill('before');
		patient.fileSystem.fail({ methods: ['closeSync', 'remove'], path: /\.wal$/, code: 'EIO', times: 2 });
		await patient.store.flush();
		await patient.fill('after');
		await patient.store.files.idle();
		expect(patient.store.stats().undeletedFiles).toBe(1);
		await patient.expectNothingLost();
	});
});

describe('a flush or compaction that fails', () => {
	const methods: Method[] = ['create', 'writeSync', 'syncSync', 'renameSync', 'syncDirectorySync', 'openRead', 'readSync'];

	it.each(methods)('at %s of a table: reported, tried again, no file left over', async (method) => {
		for (const times of [1, 3]) {
			const patient = await Patient.open();
			await patient.fill('first');
			const path = /\/sst(\/|$)/;
			patient.fileSystem.fail({ methods: [method], path, code: 'ENOSPC', times });
			await expect(patient.store.flush()).rejects.toMatchObject({ code: 'VARVE_IO' });
			expect(patient.errors[0]).toMatchObject({ code: 'VARVE_IO', cause: { code: 'ENOSPC' } });
			expect(contents(patient.store, KEYS)).toEqual(stateAfter(patient.acknowledged));
			// Writes go on meanwhile.
			await patient.write(put('key3', 'meanwhile'));
			for (let i = 0; i < times; i++) await patient.store.flush().catch(() => undefined);
			await patient.store.flush();
			const listed = patient.store.versions.current.levels.flat().length;
			expect(patient.tables()).toHaveLength(listed);
			expect(patient.store.health.readOnlyCause).toBeUndefined();
			await patient.expectNothingLost();
		}
	});

	it.each(methods)('at %s of a compaction: reported, tried again, inputs kept', async (method) => {
		const patient = await Patient.open();
		for (const text of ['one', 'two', 'three']) {
			await patient.fill(text);
			await patient.store.flush();
		}
		patient.fileSystem.fail({ methods: [method], path: /\/sst(\/|$)/, code: 'EIO' });
		await patient.store.compact({ lower: undefined, upper: undefined }).catch(() => undefined);
		expect(contents(patient.store, KEYS)).toEqual(stateAfter(patient.acknowledged));
		await patient.store.compact({ lower: undefined, upper: undefined });
		expect(patient.store.stats().levels[0].tables).toBe(0);
		expect(patient.tables()).toHaveLength(patient.store.versions.current.levels.flat().length);
		await patient.expectNothingLost();
	});

	it.each<Method>(['create', 'writeSync', 'syncSync', 'renameSync', 'syncDirectorySync'])(
		'at %s of a blob file: reported, tried again, no file left over',
		async (method) => {
			const patient = await Patient.open({ blobThreshold: 16, blobGarbageRatio: 0.01, level0CompactionTrigger: 6 });
			const everything = { lower: undefined, upper: undefined };
			const path = /\/blob(\/|$)/;
			const inOrder = () => {
				const { blobs, levels } = patient.store.versions.current;
				return patient.blobs().length === blobs.size && patient.tables().length === levels.flat().length;
			};
			for (const text of ['a first text of some length', 'a second text of some length']) {
				await patient.fill(text);
				patient.fileSystem.heal();
				patient.fileSystem.fail({ methods: [method], path, code: 'ENOSPC' });
				await expect(patient.store.flush()).rejects.toMatchObject({ code: 'VARVE_IO', cause: { code: 'ENOSPC' } });
				await patient.store.flush();
				expect(contents(patient.store, KEYS)).toEqual(stateAfter(patient.acknowledged));
			}
			// The last file is a third garbage now, and is collected.
			for (const key of KEYS.slice(0, 10)) await patient.write(put(key, 'a third text of some length'));
			await patient.store.flush();
			patient.fileSystem.heal();
			patient.fileSystem.fail({ methods: [method], path, code: 'EIO' });
			await patient.store.compact(everything).catch(() => undefined);
			await patient.store.compact(everything);
			await patient.store.compact(everything);
			expect(patient.errors.length).toBeGreaterThan(2);
			for (let i = 0; i < 1000 && !inOrder(); i++) await new Promise(setImmediate);
			expect(inOrder()).toBe(true);
			expect(patient.store.health.readOnlyCause).toBeUndefined();
			await patient.expectNothingLost();
		},
	);

	it('to read a value that it is to move leaves everything as it is', async () => {
		const patient = await Patient.open({ blobThreshold: 16, blobGarbageRatio: 0.01, level0CompactionTrigger: 6 });
		await patient.fill('a first text of some length');
		await patient.store.flush();
		for (const key of KEYS.slice(0, 10)) await patient.write(put(key, 'a second text of some length'));
		await patient.store.flush();
		await patient.store.compact({ lower: undefined, upper: undefined });
		patient.fileSystem.fail({ methods: ['openRead', 'readSync'], path: /\.blob$/, code: 'EIO', times: 2 });
		await patient.store.compact({ lower: undefined, upper: undefined }).catch(() => undefined);
		for (let i = 0; i < 1000 && patient.blobs().length !== patient.store.versions.current.blobs.size; i++) {
			await new Promise(setImmediate);
		}
		patient.fileSystem.heal();
		expect(contents(patient.store, KEYS)).toEqual(stateAfter(patient.acknowledged));
		await patient.expectNothingLost();
	});

	it.each([
		['in the first', 0, false],
		['in a later one, keeping those before', 4, true],
	])('of a compaction in parts, %s: no file is left over', async (_, skip, keeps) => {
		// None but those that are asked for.
		const patient = await Patient.open({ level0CompactionTrigger: 6, levelBaseSize: 1 << 20 });
		const everything = { lower: undefined, upper: undefined };
		for (const text of ['one', 'two'].map((word) => word.repeat(200))) {
			await patient.fill(text);
			await patient.store.flush();
			if (text.startsWith('one')) await patient.store.compact(everything);
		}
		const { compacted } = patient.store.stats().bytes;
		patient.fileSystem.fail({ methods: ['renameSync'], path: /\.sst\.tmp$/, code: 'ENOSPC', skip });
		await expect(patient.store.compact(everything)).rejects.toMatchObject({ code: 'VARVE_IO', cause: { code: 'ENOSPC' } });
		const { ended } = patient.store.stats().jobs;
		expect(ended.at(-1)).toMatchObject({ parts: 5, error: { code: 'VARVE_IO' } });
		expect(patient.store.stats().bytes.compacted > compacted).toBe(keeps);
		expect(contents(patient.store, KEYS)).toEqual(stateAfter(patient.acknowledged));
		expect(patient.errors).toHaveLength(1);
		expect(patient.tables()).toHaveLength(patient.store.versions.current.levels.flat().length);
		await patient.store.compact(everything);
		expect(patient.store.stats().jobs.ended.at(-1)?.error).toBeUndefined();
		expect(patient.tables()).toHaveLength(patient.store.versions.current.levels.flat().length);
		await patient.expectNothingLost();
	});

	it('is tried again without being asked', async () => {
		const patient = await Patient.open();
		await patient.fill('first');
		patient.fileSystem.fail({ methods: ['create'], path: /\.sst\.tmp$/, code: 'ENOSPC', times: 3 });
		await patient.store.flush().catch(() => undefined);
		for (let i = 0; i < 1000 && patient.store.stats().flushes === 0; i++) await new Promise(setImmediate);
		expect(patient.store.stats()).toMatchObject({ flushes: 1, backgroundErrors: 3, memtable: { immutables: 0 } });
		await patient.expectNothingLost();
	});
});

describe('a manifest that fails', () => {
	it.each<Method>(['writeSync', 'sync'])('at %s: read-only, and no file goes', async (method) => {
		const patient = await Patient.open();
		await patient.fill('first');
		await patient.store.flush();
		await patient.fill('second');
		const removed = () => patient.fileSystem.count('removeSync') + patient.fileSystem.count('remove');
		const removals = removed();
		patient.fileSystem.fail({ methods: [method], path: /MANIFEST/, code: 'EIO' });
		await expect(patient.store.flush()).rejects.toThrow(IOError);
		await expect(patient.write(put('key1', 'never'))).rejects.toThrow(ReadOnlyError);
		expect(removed()).toBe(removals);
		await patient.expectNothingLost();
	});
});

describe('short writes', () => {
	const seed = testSeed();
	it(`are gone on with, seed ${seed}`, async () => {
		const random = new Random(seed);
		const patient = await Patient.open();
		patient.fileSystem.writeLimit = (length) => 1 + random.below(Math.min(length, 50));
		for (const text of ['one', 'two', 'three']) {
			await patient.fill(text);
			await patient.store.flush();
		}
		await patient.store.compact({ lower: undefined, upper: undefined });
		expect(patient.errors).toEqual([]);
		await patient.expectNothingLost();
	});
});

describe('any one call that fails', () => {
	const seed = testSeed();
	const methods: Method[] = [
		'create',
		'writeSync',
		'sync',
		'syncSync',
		'renameSync',
		'syncDirectorySync',
		'removeSync',
		'remove',
		'listSync',
	];
	it(`loses nothing that was acknowledged, seed ${seed}`, async () => {
		const random = new Random(seed);
		for (let round = 0; round < 120; round++) {
			const patient = await Patient.open();
			const fault = {
				methods: [random.pick(methods)],
				skip: random.below(60),
				times: 1 + random.below(3),
				code: 'EIO',
				partOf: random.below(3),
			};
			patient.fileSystem.fail(fault);
			for (let i = 0; i < 90; i++) {
				const change = put(random.pick(KEYS), `${i} ${'x'.repeat(random.below(200))}`);
				await patient.write(change).catch(() => undefined);
				if (i % 20 === 19) await patient.store.flush().catch(() => undefined);
			}
			patient.fileSystem.heal();
			const left = patient.disk.crash();
			const { store } = await openMemoryStore(left, smallest);
			expect({ fault, contents: contents(store, KEYS) }).toEqual({ fault, contents: stateAfter(patient.acknowledged) });
			await store.close();
			await patient.store.close().catch(() => undefined);
		}
	});
});
