/**
 * Point reads: from memory on the calling thread, that of the operating system included where it can be asked; a read that may have to
 * wait for a disk goes to another thread in the promise forms.
 *
 * Invariant: a read on another thread holds the version it began on, so that no table goes away under it.
 */
import { Fairness, throughEventLoop } from '../fairness';
import {
	IO_CACHE,
	IO_NO_WAIT,
	IO_NONE,
	IO_PASS,
	type KernelEngine,
	PENDING,
	type ReadMode,
	type ReadResult,
} from '../kernel/kernel';
import type { Bytes } from '../types';
import type { Counters } from './counters';
import { packKeys, writeKey } from './key-writer';
import type { VersionSet } from './version-set';

/** Lookups between two turns through the event loop: about a millisecond. */
const FAIR_LOOKUPS = 512;
/** More keys at once do not go through files on the calling thread, where each may take 3 us. */
const MOST_KEYS_FROM_FILES = 128;

export class Reader {
	readonly #engine: KernelEngine;
	readonly #versions: VersionSet;
	readonly #counters: Counters;
	readonly #inFlight = new Set<Promise<unknown>>();
	readonly #fairness = new Fairness(FAIR_LOOKUPS);

	constructor(engine: KernelEngine, versions: VersionSet, counters: Counters) {
		this.#engine = engine;
		this.#versions = versions;
		this.#counters = counters;
	}

	/**
	 * The value, or a promise of it when it is not in memory.
	 * @param fillCache when false, blocks that are read stay out of the cache; so in all reads here
	 */
	get(key: Bytes, sequence: number, mode: ReadMode, fillCache = true): ReadResult | Promise<ReadResult> {
		this.#counters.gets++;
		const length = writeKey(this.#engine, key);
		const result = this.#engine.get(length, sequence, mode, fillCache ? IO_NO_WAIT : IO_NONE);
		if (result === PENDING) return this.#hold(this.#engine.getAsync(length, sequence, mode, fillCache));
		return this.#fairness.due() ? throughEventLoop(result) : result;
	}

	getSync(key: Bytes, sequence: number, mode: ReadMode, fillCache = true): ReadResult {
		this.#counters.gets++;
		return this.#engine.get(writeKey(this.#engine, key), sequence, mode, fillCache ? IO_CACHE : IO_PASS) as ReadResult;
	}

	/** Copies the value to the front of `target`, if it fits there whole; its length, or `undefined` when there is none. */
	getIntoSync(key: Bytes, target: Uint8Array, sequence: number, fillCache = true): number | undefined {
		this.#counters.gets++;
		return this.#engine.getInto(writeKey(this.#engine, key), sequence, target, fillCache ? IO_CACHE : IO_PASS);
	}

	async getMany(keys: readonly Bytes[], sequence: number, mode: ReadMode, fillCache = true): Promise<ReadResult[]> {
		this.#counters.gets += keys.length;
		const packed = packKeys(keys);
		const io = fillCache && keys.length <= MOST_KEYS_FROM_FILES ? IO_NO_WAIT : IO_NONE;
		const results = this.#engine.getMany(packed, keys.length, sequence, mode, io);
		if (results === PENDING) return this.#hold(this.#engine.getManyAsync(packed, keys.length, sequence, mode, fillCache));
		return this.#fairness.due(keys.length) ? throughEventLoop(results) : results;
	}

	getManySync(keys: readonly Bytes[], sequence: number, mode: ReadMode, fillCache = true): ReadResult[] {
		this.#counters.gets += keys.length;
		const io = fillCache ? IO_CACHE : IO_PASS;
		return this.#engine.getMany(packKeys(keys), keys.length, sequence, mode, io) as ReadResult[];
	}

	/** Resolves when no read is on another thread. */
	async idle(): Promise<void> {
		await Promise.allSettled(this.#inFlight);
	}

	#hold<T>(read: Promise<T>): Promise<T> {
		const release = this.#versions.retain();
		const held = read.finally(() => {
			this.#inFlight.delete(held);
			release();
		});
		this.#inFlight.add(held);
		return held;
	}
}
