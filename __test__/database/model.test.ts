/** A store under random operations, held against a sorted map. A failure prints its seed: run again with VARVE_SEED. */
import { describe, expect, it } from 'vitest';
import type { BatchOperation, Database, OpenOptions, Snapshot } from '../../ts/index';
import { type Bounds, type Frozen, Model, range } from '../support/model';
import { randomOptions } from '../support/random-options';
import { kernelNames, openDatabase, Random, temporaryDirectory, testSeed, tinyTree } from '../support/stores';

const OPERATIONS = 100_000;
const OPERATIONS_WITH_BLOBS = 30_000;

class Run {
	readonly #random: Random;
	readonly #path = temporaryDirectory();
	readonly #kernel: 'native' | 'js';
	readonly #model = new Model();
	/** Options that take turns from open to open. */
	readonly #options: readonly OpenOptions[];
	readonly #longest: number;
	#snapshots: { snapshot: Snapshot; frozen: Frozen }[] = [];
	#database!: Database;

	/** @param longest bytes of most values */
	constructor(kernel: 'native' | 'js', seed: number, options: readonly OpenOptions[] = [{}], longest = 40) {
		this.#kernel = kernel;
		this.#options = options;
		this.#longest = longest;
		this.#random = new Random(seed);
	}

	async open(): Promise<void> {
		const options = { ...tinyTree, ...randomOptions(this.#random), ...this.#random.pick(this.#options) };
		this.#database = await openDatabase(this.#path, { ...options, kernel: this.#kernel });
	}

	async step(): Promise<void> {
		const dice = this.#random.below(10_000);
		if (dice < 4500) await this.#put();
		else if (dice < 6000) await this.#delete();
		else if (dice < 6600) await this.#batch();
		else if (dice < 9400) await this.#get();
		else if (dice < 9560) await this.#getMany();
		else if (dice < 9700) await this.#iterate();
		else if (dice < 9800) this.#takeSnapshot();
		else if (dice < 9960) await this.#readSnapshot();
		else if (dice < 9985) await this.#database.flush();
		else if (dice < 9990) await this.#database.compact(this.#random.below(2) === 0 ? {} : { gte: this.#key() });
		else if (dice < 9994) await this.#reopen();
		else if (dice < 9997) await this.#clear();
		else await this.#deleteRange();
	}

	async check(): Promise<void> {
		const entries = (await this.#database.iterator().all()).map(hexEntry);
		expect(entries).toEqual(range(this.#model.freeze(), {}));
	}

	/** Mostly from a small set, so that keys are overwritten; some empty, long, with 0xff, or prefixes of others. */
	#key(): Buffer {
		const dice = this.#random.below(100);
		if (dice === 0) return Buffer.alloc(0);
		if (dice === 1) return Buffer.alloc(this.#random.below(4), 0xff);
		if (dice === 2) return Buffer.alloc(this.#random.below(300), 0x61);
		return Buffer.from(`k${this.#random.below(600)}`);
	}

	#value(): Buffer {
		return this.#random.bytes(this.#random.below(50) === 0 ? this.#random.below(2000) : this.#random.below(this.#longest));
	}

	async #put(): Promise<void> {
		const [key, value] = [this.#key(), this.#value()];
		if (this.#random.below(2) === 0) this.#database.putSync(key, value);
		else await this.#database.put(key, value);
		this.#model.put(key, value);
	}

	async #delete(): Promise<void> {
		const key = this.#key();
		if (this.#random.below(2) === 0) this.#database.deleteSync(key);
		else await this.#database.delete(key);
		this.#model.delete(key);
	}

	async #batch(): Promise<void> {
		const operations = Array.from({ length: this.#random.below(20) }, (): BatchOperation => {
			const key = this.#key();
			if (this.#random.below(200) === 0) return { type: 'deleteRange', start: key, end: this.#rangeEnd() };
			return this.#random.below(3) === 0 ? { type: 'delete', key } : { type: 'put', key, value: this.#value() };
		});
		if (this.#random.below(2) === 0) await this.#database.batch(operations);
		else {
			const batch = this.#database.batch();
			for (const operation of operations) {
				if (operation.type === 'put') batch.put(operation.key, operation.value);
				else if (operation.type === 'delete') batch.delete(operation.key);
				else batch.deleteRange(operation.start, operation.end);
			}
			await batch.write();
		}
		for (const operation of operations) {
			if (operation.type === 'put') this.#model.put(operation.key as Buffer, operation.value as Buffer);
			else if (operation.type === 'delete') this.#model.delete(operation.key as Buffer);
			else this.#model.deleteRange(operation.start as Buffer, operation.end as Buffer | undefined);
		}
	}

	async #clear(): Promise<void> {
		const bounds = this.#bounds();
		await this.#database.clear(bounds);
		for (const [key] of range(this.#model.freeze(), bounds)) this.#model.delete(Buffer.from(key, 'hex'));
	}

	async #deleteRange(): Promise<void> {
		const { reverse: _, limit: __, ...bounds } = this.#bounds();
		if (this.#random.below(2) === 0) this.#database.deleteRangeSync(bounds);
		else await this.#database.deleteRange(bounds);
		for (const [key] of range(this.#model.freeze(), bounds)) this.#model.delete(Buffer.from(key, 'hex'));
	}

	/** Mostly close, so that something is left to go on with. */
	#rangeEnd(): Buffer | undefined {
		return this.#random.below(20) === 0 ? undefined : this.#key();
	}

	async #get(): Promise<void> {
		const key = this.#key();
		const value = this.#random.below(2) === 0 ? this.#database.getSync(key) : await this.#database.get(key);
		expect(value?.toString('hex')).toBe(this.#model.get(key));
		expect(this.#database.hasSync(key)).toBe(value !== undefined);
		const copy = Buffer.alloc(value?.length ?? 0);
		expect(this.#database.getIntoSync(key, copy)).toBe(value?.length);
		expect(copy).toEqual(value ?? copy);
	}

	async #getMany(): Promise<void> {
		const keys = Array.from({ length: this.#random.below(20) }, () => this.#key());
		const values = this.#random.below(2) === 0 ? this.#database.getManySync(keys) : await this.#database.getMany(keys);
		expect(values.map((value) => value?.toString('hex'))).toEqual(keys.map((key) => this.#model.get(key)));
		expect(await this.#database.hasMany(keys)).toEqual(values.map((value) => value !== undefined));
	}

	#bounds(): Bounds {
		const bounds: Bounds = {};
		if (this.#random.below(2) === 0) bounds[this.#random.pick(['gt', 'gte'] as const)] = this.#key();
		if (this.#random.below(2) === 0) bounds[this.#random.pick(['lt', 'lte'] as const)] = this.#key();
		if (this.#random.below(4) === 0) bounds.prefix = this.#key().subarray(0, 2);
		if (this.#random.below(2) === 0) bounds.reverse = true;
		if (this.#random.below(3) === 0) bounds.limit = this.#random.below(20);
		return bounds;
	}

	async #iterate(snapshot?: Snapshot, frozen: Frozen = this.#model.freeze()): Promise<void> {
		const bounds = this.#bounds();
		const iterator = this.#database.iterator({ ...bounds, snapshot });
		const entries = this.#random.below(2) === 0 ? iterator.allSync() : await iterator.all();
		expect(entries.map(hexEntry)).toEqual(range(frozen, bounds));
	}

	#takeSnapshot(): void {
		this.#snapshots.push({ snapshot: this.#database.snapshot(), frozen: this.#model.freeze() });
		if (this.#snapshots.length > 4) this.#snapshots.splice(this.#random.below(4), 1)[0].snapshot.close();
	}

	async #readSnapshot(): Promise<void> {
		if (this.#snapshots.length === 0) return;
		const { snapshot, frozen } = this.#random.pick(this.#snapshots);
		const key = this.#key();
		expect((await this.#database.get(key, { snapshot }))?.toString('hex')).toBe(frozen.get(key.toString('hex')));
		if (this.#random.below(4) === 0) await this.#iterate(snapshot, frozen);
	}

	async #reopen(): Promise<void> {
		this.#snapshots = [];
		await this.#database.close();
		await this.open();
	}
}

function hexEntry([key, value]: [Buffer, Buffer]): [string, string] {
	return [key.toString('hex'), value.toString('hex')];
}

describe.each(kernelNames)('model (%s)', (kernel) => {
	const seed = testSeed();
	it(`${OPERATIONS} random operations agree with a sorted map, seed ${seed}`, { timeout: 300_000 }, async () => {
		const run = new Run(kernel, seed);
		await run.open();
		for (let i = 0; i < OPERATIONS; i++) await run.step();
		await run.check();
	});

	it(`${OPERATIONS_WITH_BLOBS} of them do with values in blob files, seed ${seed}`, { timeout: 300_000 }, async () => {
		const thresholds = [16, 64, 64, 1000, false] as const;
		const options = thresholds.flatMap((blobThreshold) =>
			[0.2, 0.5].map((blobGarbageRatio) => ({ blobThreshold, blobGarbageRatio })),
		);
		const run = new Run(kernel, seed, options, 150);
		await run.open();
		for (let i = 0; i < OPERATIONS_WITH_BLOBS; i++) await run.step();
		await run.check();
	});
});
