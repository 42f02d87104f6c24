/**
 * Point reads: lookups of single keys and of many, and what they return of the values they find.
 *
 * Invariants:
 *  1. A read under IO_NONE or IO_NO_WAIT never touches a file. An asynchronous read repeats itself from memory, loading what is missing off
 *     the calling thread, and holds its view until it ends.
 *  2. The key buffer has room for a trailer behind the key: a lookup needs no copy of it.
 *  3. The reads of one call see one moment.
 */
import { CorruptionError } from '../../errors';
import { LEVELS } from '../../limits';
import {
	IO_CACHE,
	IO_PASS,
	type IoPolicy,
	PENDING,
	type Pending,
	READ_PRESENCE,
	READ_UTF8,
	type ReadMode,
	type ReadResult,
} from '../kernel';
import type { BlobFiles } from './blob/files';
import type { ValuePointer } from './blob/pointer';
import type { BlobCounters } from './blob/scan-values';
import { CachedBlocks, type ReadCounters } from './block-source';
import { copyBytes, readUint32 } from './bytes';
import type { BlockCache } from './cache';
import { Moment, type TimeSource } from './expiry';
import { TRAILER_SIZE } from './internal-key';
import { type FilterCounters, PointLookup } from './point-lookup';
import type { Registry } from './registry';
import { Slab } from './slab';
import type { View } from './view';

const INITIAL_KEY_SCRATCH = 1024;

/** What reads need of the engine. */
export interface ReadHost {
	readonly cache: BlockCache;
	readonly registry: Registry;
	readonly blobs: BlobFiles;
	readonly counters: ReadCounters & BlobCounters;
	readonly time: TimeSource;
	/** Throws ClosedError when the engine was closed. */
	checkOpen(): void;
	/** Runs work that `close` waits for. */
	track<T>(work: () => Promise<T>): Promise<T>;
}

export class PointReads {
	/** Counters of the filters, one for each level. */
	readonly filterCounters: readonly FilterCounters[] = Array.from({ length: LEVELS }, () => ({
		probes: 0,
		negatives: 0,
		falsePositives: 0,
	}));
	/** Start of the key buffer. */
	keyScratch: Buffer;
	private scratch: Buffer;
	private readonly slab = new Slab();

	/** For reads on the calling thread, one at a time. */
	private readonly blocks: CachedBlocks;
	private readonly moment: Moment;
	private readonly lookup: PointLookup;

	constructor(private readonly host: ReadHost) {
		this.scratch = Buffer.allocUnsafeSlow(INITIAL_KEY_SCRATCH + TRAILER_SIZE);
		this.keyScratch = this.scratch.subarray(0, INITIAL_KEY_SCRATCH);
		this.blocks = new CachedBlocks(host.cache, host.counters);
		this.moment = new Moment(host.time);
		this.lookup = new PointLookup(this.blocks, this.filterCounters, this.moment);
	}

	reserveKey(length: number): void {
		if (length <= this.keyScratch.length) return;
		this.scratch = Buffer.allocUnsafeSlow(length + TRAILER_SIZE);
		this.keyScratch = this.scratch.subarray(0, length);
	}

	get(keyLength: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult | Pending {
		this.moment.reset();
		return this.find(keyLength, sequence, mode, io);
	}

	getInto(keyLength: number, sequence: number, target: Uint8Array, io: IoPolicy): number | undefined {
		this.moment.reset();
		const { lookup } = this;
		if (this.locate(keyLength, sequence, true, io) !== true) return undefined;
		const { valueBytes, valueStart, valueEnd } = lookup;
		lookup.clear();
		const length = valueEnd - valueStart;
		if (length <= target.length) copyBytes(valueBytes, valueStart, valueEnd, target, 0);
		return length;
	}

	getMany(packed: Uint8Array, count: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult[] | Pending {
		this.moment.reset();
		const results: ReadResult[] = [];
		let at = 0;
		for (let i = 0; i < count; i++) {
			const length = readUint32(packed, at);
			this.reserveKey(length);
			at = copyKey(packed, at, length, this.scratch);
			const result = this.find(length, sequence, mode, io);
			if (result === PENDING) return PENDING;
			results.push(result);
		}
		return results;
	}

	async getAsync(keyLength: number, sequence: number, mode: ReadMode, fillCache: boolean): Promise<ReadResult> {
		const key = Buffer.allocUnsafe(keyLength + TRAILER_SIZE);
		copyBytes(this.scratch, 0, keyLength, key, 0);
		return this.withView(fillCache, (view, lookup, blocks) => {
			lookup.start(view, key, keyLength, sequence);
			return this.finish(lookup, blocks, mode);
		});
	}

	async getManyAsync(
		packed: Uint8Array,
		count: number,
		sequence: number,
		mode: ReadMode,
		fillCache: boolean,
	): Promise<ReadResult[]> {
		const keys = Buffer.from(packed);
		return this.withView(fillCache, async (view, lookup, blocks) => {
			const results: ReadResult[] = [];
			let at = 0;
			for (let i = 0; i < count; i++) {
				const length = readUint32(keys, at);
				const key = Buffer.allocUnsafe(length + TRAILER_SIZE);
				at = copyKey(keys, at, length, key);
				lookup.start(view, key, length, sequence);
				results.push(await this.finish(lookup, blocks, mode));
				blocks.unpin();
			}
			return results;
		});
	}

	/** A read of the moment that was begun. */
	private find(keyLength: number, sequence: number, mode: ReadMode, io: IoPolicy): ReadResult | Pending {
		const found = this.locate(keyLength, sequence, mode !== READ_PRESENCE, io);
		return found === true ? this.take(this.lookup, mode) : found;
	}

	/** Runs the lookup of the calling thread; true when it has found the key. The value is read from its blob file when it is wanted. */
	private locate(keyLength: number, sequence: number, wanted: boolean, io: IoPolicy): true | undefined | Pending {
		const { lookup, blocks } = this;
		blocks.allowIo = io === IO_CACHE || io === IO_PASS;
		blocks.fillCache = io === IO_CACHE;
		lookup.start(this.host.registry.view, this.scratch, keyLength, sequence);
		let found: true | undefined | Pending;
		try {
			if (lookup.run()) {
				found = true;
				if (lookup.pointer !== undefined && wanted) {
					if (!blocks.allowIo) found = PENDING;
					else this.readSeparated(lookup);
				}
			}
		} catch (error) {
			lookup.clear();
			if (error !== blocks.miss) throw error;
			return PENDING;
		}
		if (found !== true) lookup.clear();
		return found;
	}

	/** What a lookup returns that has found its key; it lets go of everything. */
	private take(lookup: PointLookup, mode: ReadMode): ReadResult {
		const { valueBytes, valueStart, valueEnd, pointer } = lookup;
		lookup.clear();
		if (mode === READ_PRESENCE) return true;
		if (mode === READ_UTF8) return valueBytes.toString('utf8', valueStart, valueEnd);
		// A value out of a blob file has memory of its own.
		return pointer === undefined ? this.slab.copy(valueBytes, valueStart, valueEnd) : valueBytes;
	}

	/** Runs a lookup to its end, loading what it misses. */
	private async finish(lookup: PointLookup, blocks: CachedBlocks, mode: ReadMode): Promise<ReadResult> {
		blocks.allowIo = false;
		for (;;) {
			try {
				if (!lookup.run()) return undefined;
				break;
			} catch (error) {
				if (error !== blocks.miss) throw error;
			}
			await blocks.load();
			this.host.checkOpen();
		}
		if (lookup.pointer !== undefined && mode !== READ_PRESENCE) await this.readSeparatedAsync(lookup);
		return this.take(lookup, mode);
	}

	/** Reads the value of a lookup that has found a pointer. */
	private readSeparated(lookup: PointLookup): void {
		this.host.counters.blobReads++;
		try {
			lookup.separated(this.host.blobs.read(lookup.pointer as ValuePointer, lookup.owner));
		} catch (error) {
			throw located(error, lookup);
		}
	}

	/** As {@link readSeparated}, off the calling thread. */
	private async readSeparatedAsync(lookup: PointLookup): Promise<void> {
		this.host.counters.blobReads++;
		try {
			lookup.separated(await this.host.blobs.readAsync(lookup.pointer as ValuePointer, lookup.owner));
		} catch (error) {
			throw located(error, lookup);
		}
	}

	/** Holds the present view while `work` runs, which gets a lookup and a source of blocks of its own. */
	private withView<T>(
		fillCache: boolean,
		work: (view: View, lookup: PointLookup, blocks: CachedBlocks) => Promise<T>,
	): Promise<T> {
		const { cache, counters, registry, time } = this.host;
		const view = registry.view.retain();
		const blocks = new CachedBlocks(cache, counters);
		blocks.fillCache = fillCache;
		return this.host.track(async () => {
			try {
				return await work(view, new PointLookup(blocks, this.filterCounters, new Moment(time)), blocks);
			} finally {
				view.release();
			}
		});
	}
}

/** Damage that is the pointer's own gets the place of the entry. */
function located(error: unknown, { entryPath: path, entryOffset: offset }: PointLookup): unknown {
	return error instanceof CorruptionError && error.path === undefined
		? new CorruptionError(error.message, { path, offset })
		: error;
}

/** Copies the packed key behind the length at `at` and answers the position after it. */
function copyKey(packed: Uint8Array, at: number, length: number, target: Buffer): number {
	const start = at + 4;
	copyBytes(packed, start, start + length, target, 0);
	return start + length;
}
