/**
 * The power fails after every change of the disk that a load makes. What is found afterwards is the load up to some batch: every
 * acknowledged one when each is synced, and never half a batch.
 */
import { describe, expect, it } from 'vitest';
import type { Durability, OpenOptions } from '../../ts/types';
import { FaultFileSystem } from '../support/fault-file-system';
import { MemoryFileSystem, type Survivors } from '../support/memory-file-system';
import { type Change, contents, openMemoryStore, smallest, stateAfter, write } from '../support/memory-stores';
import { Random, testSeed } from '../support/stores';

const BATCHES = 56;
const LAST = 'last';
const KEYS = [LAST, ...Array.from({ length: 40 }, (_, i) => `key${i}`)];

/** Batches over few keys; each says under LAST which one it is. */
function loadOf(seed: number): Change[] {
	const random = new Random(seed);
	return Array.from({ length: BATCHES }, (_, i): Change => {
		const change = new Map<string, string | undefined>([[LAST, String(i)]]);
		for (let j = 0; j < 5; j++) {
			const value = random.below(5) === 0 ? undefined : `${i}:${'x'.repeat(random.below(120))}`;
			change.set(KEYS[1 + random.below(40)], value);
		}
		return change;
	});
}

class Run {
	readonly disk = new MemoryFileSystem();
	readonly fileSystem = new FaultFileSystem(this.disk);
	/** Batches that were acknowledged. */
	acknowledged = 0;
	readonly #load: readonly Change[];
	readonly #durability: Durability;
	readonly #options: OpenOptions;

	constructor(load: readonly Change[], durability: Durability, options: OpenOptions = {}) {
		this.#options = { ...smallest, ...options };
		this.#load = load;
		this.#durability = durability;
	}

	/** Writes the load in two opens; the second goes on where the first has closed. */
	async toEnd(): Promise<void> {
		await this.#write(this.#load.slice(0, BATCHES / 2));
		await this.#write(this.#load.slice(BATCHES / 2));
	}

	/** As {@link toEnd}, with the power failing after some changes of the disk; answers whether it did. */
	async toPowerLoss(mutations: number): Promise<boolean> {
		this.fileSystem.stopAfter(mutations);
		try {
			await this.toEnd();
			return false;
		} catch {
			return true;
		}
	}

	/** What the disk holds then is the load up to a batch, and goes on being so. Answers how many batches it is. */
	async check(survivors: Survivors, atLeast: number): Promise<number> {
		const left = this.disk.crash(survivors);
		const { store, errors } = await openMemoryStore(left, smallest);
		const found = contents(store, KEYS);
		const count = Number(found.get(LAST) ?? -1) + 1;
		expect(found).toEqual(stateAfter(this.#load.slice(0, count)));
		expect(count).toBeGreaterThanOrEqual(atLeast);
		expect(errors).toEqual([]);
		await write(store, new Map([[LAST, 'mended']]), 'always');
		await store.close();
		const again = await openMemoryStore(left, smallest);
		expect(contents(again.store, KEYS)).toEqual(stateAfter([...this.#load.slice(0, count), new Map([[LAST, 'mended']])]));
		await again.store.close();
		return count;
	}

	async #write(part: readonly Change[]): Promise<void> {
		const { store } = await openMemoryStore(this.fileSystem, { ...this.#options, sync: this.#durability });
		try {
			for (const [i, change] of part.entries()) {
				await write(store, change, this.#durability);
				this.acknowledged++;
				if (i % 9 === 8) await store.flush();
			}
			await store.compact({ lower: undefined, upper: undefined });
		} finally {
			await store.close();
		}
	}
}

/** Loses power after every `step`-th change and checks what is left; answers at how many places. */
async function losePowerEverywhere(
	load: readonly Change[],
	durability: Durability,
	step: number,
	random?: Random,
	options: OpenOptions = {},
): Promise<number> {
	for (let places = 0; ; places++) {
		const run = new Run(load, durability, options);
		const lost = await run.toPowerLoss(places * step);
		try {
			await run.check(random ?? 'synced only', durability === 'always' ? run.acknowledged : 0);
		} catch (error) {
			throw new Error(`after ${places * step} changes of the disk: ${(error as Error).message}`, { cause: error });
		}
		if (!lost) return places;
	}
}

describe('loss of power', () => {
	const seed = testSeed();
	const load = loadOf(seed);

	it(`never comes in a load that flushes, compacts and opens again, seed ${seed}`, async () => {
		const run = new Run(load, 'always');
		await run.toEnd();
		expect(await run.check('synced only', BATCHES)).toBe(BATCHES);
		const { fileSystem } = run;
		expect(fileSystem.count('create', /\.wal$/)).toBeGreaterThan(6);
		expect(fileSystem.count('create', /\/0_.*\.sst/)).toBeGreaterThan(4);
		expect(fileSystem.count('create', /\/[1-6]_.*\.sst/)).toBeGreaterThan(1);
		expect(fileSystem.count('remove', /\.sst$/)).toBeGreaterThan(4);
		expect(fileSystem.mutations).toBeGreaterThan(200);
	});

	it(`loses nothing that was synced, and half of nothing, seed ${seed}`, async () => {
		expect(await losePowerEverywhere(load, 'always', 1)).toBeGreaterThan(200);
	});

	it(`loses nothing when a part of what was not synced survives, seed ${seed}`, async () => {
		await losePowerEverywhere(load, 'always', 3, new Random(seed));
	});

	it(`loses no value in a blob file, seed ${seed}`, async () => {
		const options = { blobThreshold: 32, blobGarbageRatio: 0.2 };
		const run = new Run(load, 'always', options);
		await run.toEnd();
		expect(await run.check('synced only', BATCHES)).toBe(BATCHES);
		expect(run.fileSystem.count('create', /\.blob\.tmp$/)).toBeGreaterThan(6);
		expect(run.fileSystem.count('remove', /\.blob$/)).toBeGreaterThan(2);
		await losePowerEverywhere(load, 'always', 2, undefined, options);
		await losePowerEverywhere(load, 'always', 5, new Random(seed), options);
	});

	it(`leaves a prefix of what was never synced, seed ${seed}`, async () => {
		await losePowerEverywhere(load, 'never', 2);
		await losePowerEverywhere(load, 'never', 2, new Random(seed));
	});
});

describe('loss of power while one log is written', () => {
	const seed = testSeed();
	const large = { ...smallest, memtableSize: 1024 * 1024 };

	/** Writes a load with these durabilities until the power fails; answers the disk and what must be left at least. */
	async function writeUntil(mutations: number, load: readonly Change[], durabilities: readonly Durability[]) {
		const disk = new MemoryFileSystem();
		const fileSystem = new FaultFileSystem(disk);
		const { store } = await openMemoryStore(fileSystem, large);
		fileSystem.stopAfter(fileSystem.mutations + mutations);
		let atLeast = 0;
		let isWhole = true;
		try {
			for (const [i, change] of load.entries()) {
				await write(store, change, durabilities[i]);
				if (durabilities[i] === 'always') atLeast = i + 1;
			}
		} catch {
			isWhole = false;
		}
		return { disk, fileSystem, atLeast, isWhole };
	}

	/** What is left is the load up to a batch, and stays so when the store is written, loses power again, and is opened. */
	async function check(disk: MemoryFileSystem, load: readonly Change[], atLeast: number, random: Random): Promise<void> {
		let left = disk.crash(random);
		let state: Map<string, string> | undefined;
		for (let round = 0; round < 3; round++) {
			const { store, errors } = await openMemoryStore(left, large);
			const found = contents(store, KEYS);
			const count = Number(found.get(LAST) ?? -1) + 1;
			if (state === undefined) {
				expect(count).toBeGreaterThanOrEqual(atLeast);
				state = stateAfter(load.slice(0, count));
			}
			expect(found).toEqual(state);
			expect(errors).toEqual([]);
			const again: Change = new Map([[KEYS[1], `round ${round}`]]);
			await write(store, again, 'always');
			state.set(KEYS[1], `round ${round}`);
			left = left.crash(random);
		}
	}

	it(`leaves a prefix with all that was synced, whichever pages are on the disk, seed ${seed}`, async () => {
		const random = new Random(seed);
		const load = loadOf(seed);
		for (let share = 0; share < 4; share++) {
			const durabilities = load.map((): Durability => (random.below(4) < share ? 'always' : 'never'));
			let isWhole = false;
			for (let mutations = 1; !isWhole; mutations += 1 + random.below(2)) {
				const run = await writeUntil(mutations, load, durabilities);
				isWhole = run.isWhole;
				await check(run.disk, load, run.atLeast, random);
			}
		}
	});

	it(`is survived by a log that is filled ahead, seed ${seed}`, async () => {
		const random = new Random(seed);
		const load = [...loadOf(seed), ...loadOf(seed + 1)].map((change, i): Change => new Map([...change, [LAST, String(i)]]));
		const durabilities = load.map((): Durability => 'always');
		let isWhole = false;
		let fills = 0;
		for (let mutations = 20; !isWhole; mutations += 1 + random.below(4)) {
			const run = await writeUntil(mutations, load, durabilities);
			isWhole = run.isWhole;
			fills += run.fileSystem.count('fillSync');
			await check(run.disk, load, run.atLeast, random);
		}
		expect(fills).toBeGreaterThan(0);
	});
});
