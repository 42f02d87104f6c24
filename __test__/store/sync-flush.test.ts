/** Synchronous writes in loops that never return to the event loop: memory is bounded, and flushes end once, whoever ends them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IOError, ReadOnlyError } from '../../ts/errors';
import type { OpenOptions } from '../../ts/types';
import { FaultFileSystem, type Method } from '../support/fault-file-system';
import { MemoryFileSystem } from '../support/memory-file-system';
import { type Change, contents, type MemoryStore, openMemoryStore, smallest, stateAfter, write } from '../support/memory-stores';
import { kernelNames, openDatabase, temporaryDirectory, tinyTree } from '../support/stores';

describe.each(kernelNames)('a loop of putSync, %s', (kernel) => {
	it.each([1, 3])('keeps at most %d immutable memtables, and every entry', async (maxImmutableMemtables) => {
		const path = temporaryDirectory();
		const options: OpenOptions = { ...tinyTree, kernel, maxImmutableMemtables };
		const database = await openDatabase(path, options);
		database.pauseCompactions();
		database.putSync('first', 'entry');
		const flushed = database.flush();
		const count = 2000;
		let most = 0;
		for (let i = 0; i < count; i++) {
			database.putSync(`key${i % 700}`, `value ${i} ${'x'.repeat(i % 97)}`);
			const { memtable, wal } = database.stats();
			most = Math.max(most, memtable.immutables);
			expect(wal.files).toBeLessThanOrEqual(maxImmutableMemtables + 1);
		}
		expect(most).toBe(maxImmutableMemtables);
		const check = (where: typeof database) => {
			expect(where.getSync('first', { encoding: 'utf8' })).toBe('entry');
			for (let i = count - 700; i < count; i++) {
				expect(where.getSync(`key${i % 700}`, { encoding: 'utf8' })).toBe(`value ${i} ${'x'.repeat(i % 97)}`);
			}
		};
		check(database);
		const before = database.stats();
		expect(before.flushes).toBeGreaterThan(10);
		expect(before.jobs.running.length).toBeLessThanOrEqual(1);
		await flushed;
		await database.flush();
		check(database);
		const { levels, flushes, jobs, backgroundErrors } = database.stats();
		expect([levels[0].tables, jobs.running, backgroundErrors]).toEqual([flushes, [], 0]);
		expect(readdirSync(join(path, 'sst'))).toHaveLength(flushes);
		await database.close();
		const again = await openDatabase(path, options);
		check(again);
	});

	it('goes on beside promise writes, batches and an event loop that turns now and then', async () => {
		const path = temporaryDirectory();
		const database = await openDatabase(path, { ...tinyTree, kernel, maxImmutableMemtables: 1 });
		const writes: Promise<void>[] = [];
		for (let i = 0; i < 1500; i++) {
			if (i % 7 === 0) writes.push(database.put(`key${i}`, `value ${i}`));
			else if (i % 11 === 0) database.batch().put(`key${i}`, `value ${i}`).writeSync();
			else database.putSync(`key${i}`, `value ${i}`);
			expect(database.stats().memtable.immutables).toBeLessThanOrEqual(1);
			if (i % 100 === 99) await new Promise(setImmediate);
		}
		await Promise.all(writes);
		await database.flush();
		for (let i = 0; i < 1500; i++) expect(database.getSync(`key${i}`, { encoding: 'utf8' })).toBe(`value ${i}`);
		expect(database.stats().backgroundErrors).toBe(0);
	});

	it('may be followed at once by close', async () => {
		const path = temporaryDirectory();
		const options: OpenOptions = { ...tinyTree, kernel, maxImmutableMemtables: 1 };
		const database = await openDatabase(path, options);
		for (let i = 0; i < 1000; i++) database.putSync(`key${i}`, 'v'.repeat(50));
		await database.close();
		const again = await openDatabase(path, options);
		for (let i = 0; i < 1000; i++) expect(again.getSync(`key${i}`)).toHaveLength(50);
	});
});

const KEYS = Array.from({ length: 30 }, (_, i) => `key${i}`);
const options: OpenOptions = { ...smallest, maxImmutableMemtables: 2 };

/** A store on a disk that can be made to fail, with a record of the synchronous writes that it took. */
class Patient {
	readonly disk = new MemoryFileSystem();
	readonly fileSystem = new FaultFileSystem(this.disk);
	readonly acknowledged: Change[] = [];
	#open!: MemoryStore;
	#writes = 0;

	static async open(): Promise<Patient> {
		const patient = new Patient();
		patient.#open = await openMemoryStore(patient.fileSystem, options);
		patient.store.compactor.pause();
		return patient;
	}

	get store() {
		return this.#open.store;
	}

	get errors() {
		return this.#open.errors;
	}

	writeSync(): void {
		const change: Change = new Map([[KEYS[this.#writes % KEYS.length], `${this.#writes++} ${'x'.repeat(300)}`]]);
		const [[key, value]] = change as Map<string, string>;
		this.store.commits.addSync((encoder) => encoder.put(key, value), 'always');
		this.acknowledged.push(change);
	}

	/** Writes until so many more flushes have ended. */
	flushSync(flushes = 3): void {
		const until = this.store.counters.flushes + flushes;
		while (this.store.counters.flushes < until) this.writeSync();
	}

	/** Fills memory to where the next memtable needs a flush. */
	fill(): void {
		const { memtables } = this.store;
		while (memtables.immutables.length < 2 || memtables.fits(400)) this.writeSync();
	}

	/** The store goes on, and now, after closing, and after a loss of power it holds what it took; no table is left over. */
	async expectWell(errors: number): Promise<void> {
		this.fileSystem.heal();
		this.flushSync();
		await this.store.flush();
		expect(this.store.stats()).toMatchObject({ readOnly: undefined, memtable: { immutables: 0 }, jobs: { running: [] } });
		expect(this.disk.listSync('/data/store/sst')).toHaveLength(this.store.versions.current.levels.flat().length);
		expect(this.disk.listSync('/data/store').filter((name) => name.startsWith('MANIFEST'))).toHaveLength(1);
		expect(this.errors).toHaveLength(errors);
		await this.expectNothingLost();
	}

	async expectNothingLost(): Promise<void> {
		expect(contents(this.store, KEYS)).toEqual(stateAfter(this.acknowledged));
		this.fileSystem.heal();
		for (const left of [this.disk.clone(), this.disk.crash()]) {
			const { store, errors } = await openMemoryStore(left, options);
			expect(contents(store, KEYS)).toEqual(stateAfter(this.acknowledged));
			await write(store, new Map([[KEYS[0], 'goes on']]), 'always');
			await store.close();
			expect(errors).toEqual([]);
		}
		await this.store.close().catch(() => undefined);
	}
}

describe('a flush on the calling thread that fails', () => {
	const methods: Method[] = ['create', 'writeSync', 'syncSync', 'renameSync', 'syncDirectorySync', 'openRead', 'readSync'];

	it.each(methods)('at %s of the table: the write throws and is not made, the next ones try again', async (method) => {
		const patient = await Patient.open();
		patient.fill();
		const waiting = patient.store.flush();
		const outcome = expect(waiting).rejects.toMatchObject({ code: 'VARVE_IO' });
		patient.fileSystem.fail({ methods: [method], path: /\/sst(\/|$)/, code: 'ENOSPC', times: 2 });
		const before = contents(patient.store, KEYS);
		for (let i = 0; i < 2; i++) {
			let thrown: unknown;
			try {
				for (;;) patient.writeSync();
			} catch (error) {
				thrown = error;
			}
			expect(thrown).toBeInstanceOf(IOError);
			expect(thrown).toMatchObject({
				message: /write was not made.*could not be flushed/s,
				cause: { cause: { code: 'ENOSPC' } },
			});
			expect(patient.store.memtables.immutables.length).toBeGreaterThan(1);
		}
		expect(contents(patient.store, KEYS)).toEqual(stateAfter(patient.acknowledged));
		expect(before.size).toBe(KEYS.length);
		expect(patient.store.stats().jobs.ended.map(({ error }) => (error as IOError | undefined)?.code)).toEqual([
			'VARVE_IO',
			'VARVE_IO',
		]);
		await outcome;
		// What failed under the loop of the background is told of once.
		await patient.expectWell(1);
	});

	it.each<Method>(['writeSync', 'syncSync'])('at %s of the manifest: read-only, and no file goes', async (method) => {
		const patient = await Patient.open();
		patient.fill();
		const removals = patient.fileSystem.count('removeSync');
		patient.fileSystem.fail({ methods: [method], path: /MANIFEST/, code: 'EIO' });
		expect(() => patient.flushSync(1)).toThrow(IOError);
		expect(() => patient.writeSync()).toThrow(ReadOnlyError);
		expect(patient.fileSystem.count('removeSync')).toBe(removals);
		expect(patient.store.stats().readOnly).toMatchObject({ code: 'VARVE_IO' });
		await new Promise(setImmediate);
		expect(patient.errors).toHaveLength(1);
		await patient.expectNothingLost();
	});
});

describe('a flush on the calling thread while another is under way', () => {
	/** Lets the flush in the background come to one of its awaits: its job takes a few turns, and so does the fsync of the manifest. */
	async function pass(patient: Patient, turns: number): Promise<void> {
		patient.fileSystem.syncTurns = 3;
		for (let i = 0; i < turns; i++) await new Promise(setImmediate);
	}

	it('takes it over, wherever it is', async () => {
		const stages = new Set<string>();
		for (let turns = 0; turns < 16; turns++) {
			const patient = await Patient.open();
			patient.fill();
			const flushed = patient.store.flush();
			await pass(patient, turns);
			const { fileSystem, store } = patient;
			const created = fileSystem.count('create', /MANIFEST/);
			const synced = fileSystem.count('sync', /MANIFEST/);
			const { flushes } = store.counters;
			const running = store.jobs.running().length;
			patient.flushSync();
			if (fileSystem.count('create', /MANIFEST/) > created) stages.add('its record was being synced');
			else if (flushes === 0 && running === 1 && synced === 0) stages.add('its job ran');
			else if (flushes > 0) stages.add('one had ended');
			expect(contents(store, KEYS)).toEqual(stateAfter(patient.acknowledged));
			await flushed;
			expect(store.stats().jobs.ended.filter(({ error }) => error !== undefined)).toEqual([]);
			expect(store.stats().jobs.ended).toHaveLength(store.counters.flushes);
			await patient.expectWell(0);
		}
		expect([...stages].sort()).toEqual(['its job ran', 'its record was being synced', 'one had ended']);
	});

	it.each<Method>(['sync', 'writeSync', 'create'])('loses nothing when %s of a manifest fails at that moment', async (method) => {
		for (let turns = 0; turns < 16; turns++) {
			const patient = await Patient.open();
			patient.fill();
			const flushed = patient.store.flush().catch(() => undefined);
			patient.fileSystem.fail({ methods: [method], path: /MANIFEST/, code: 'EIO' });
			await pass(patient, turns);
			try {
				patient.flushSync();
			} catch (error) {
				expect((error as Error & { code: string }).code).toMatch(/VARVE_(IO|READ_ONLY)/);
			}
			await flushed;
			await patient.expectNothingLost();
		}
	});

	it('is cancelled by close', async () => {
		const patient = await Patient.open();
		patient.flushSync();
		await patient.store.close();
		expect(patient.errors).toEqual([]);
		const { store } = await openMemoryStore(patient.disk.crash(), options);
		expect(contents(store, KEYS)).toEqual(stateAfter(patient.acknowledged));
		await store.close();
	});
});

describe('loss of power in a loop of synchronous writes', () => {
	it('loses nothing that was acknowledged', async () => {
		let places = 0;
		for (let lost = true; lost; places++) {
			const patient = await Patient.open();
			patient.store.compactor.resume();
			patient.fileSystem.stopAfter(patient.fileSystem.mutations + 3 * places);
			try {
				for (let i = 0; i < 90; i++) {
					patient.writeSync();
					if (i % 40 === 39) await new Promise(setImmediate);
				}
				lost = false;
			} catch {
				// The power is off.
			}
			const { store, errors } = await openMemoryStore(patient.disk.crash(), options);
			expect({ places, found: contents(store, KEYS) }).toEqual({ places, found: stateAfter(patient.acknowledged) });
			expect(errors).toEqual([]);
			await store.close();
			await patient.store.close().catch(() => undefined);
		}
		expect(places).toBeGreaterThan(60);
	});
});
