/**
 * The commit queue: turns writes into groups.
 *
 * Invariants:
 *  1. A group is one WAL record, one append, one crossing into the memtable and at most one fsync.
 *  2. Writes take effect in the order of their calls. A synchronous write first commits the group that is waiting.
 *  3. A batch is inside one group: it is whole or not at all, also after a crash.
 *  4. A synchronous write that is refused leaves the group that is waiting as it is.
 *  5. A write without fsync never waits for the fsync of another; it resolves when its group is appended.
 *
 * Promise writes of one turn of the event loop are encoded into one group as they come, and committed in a microtask. A group that
 * grows past {@link GROUP_LIMIT} is committed at once. While writes are stalled the group waits, and goes on growing.
 */
import { Fairness } from '../fairness';
import type { Durability } from '../types';
import { BatchEncoder } from '../wal/batch-encoder';
import { Deferred } from './deferred';

/** Bytes at which a group is committed without waiting for the end of the turn. */
export const GROUP_LIMIT = 1024 * 1024;
/** Groups between two turns through the event loop: about a millisecond of single puts. */
const FAIR_GROUPS = 256;

/** What the queue needs of the store; narrow, so that it can be tested alone. */
export interface CommitTarget {
	/** Throws when writes are refused (closed, read-only). */
	checkWritable(): void;
	/** A promise when a group must wait, after which to ask again; else undefined. */
	room(encoder: BatchEncoder): Promise<void> | undefined;
	/** Sees to it, on the calling thread, that a group may be committed without memory growing without bound. */
	makeRoomSync(encoder: BatchEncoder): void;
	/** Appends a group to the WAL and applies it to the memtable. */
	commit(encoder: BatchEncoder): void;
	/** Resolves when everything committed so far is durable. */
	durable(): Promise<void>;
	/** As {@link durable}, on the calling thread. */
	makeDurableSync(): void;
	/** Sees to it that everything committed so far becomes durable within the sync interval. */
	durableSoon(): void;
}

interface Waiters {
	appended: Deferred<void> | undefined;
	durable: Deferred<void> | undefined;
}

/** Groups writes and commits them in order. */
export class CommitQueue {
	readonly #target: CommitTarget;
	readonly #encoder = new BatchEncoder();
	#waiters: Waiters = { appended: undefined, durable: undefined };
	#scheduled = false;
	/** The waiting group holds a write that wants its fsync within the interval. */
	#soon = false;
	readonly #fairness = new Fairness(FAIR_GROUPS);
	#inFlight = 0;
	#idle: Deferred<void> | undefined;

	constructor(target: CommitTarget) {
		this.#target = target;
	}

	/**
	 * Encodes operations into the waiting group and returns when they are acknowledged.
	 * @param encode adds the operations; when it throws, none of them counts.
	 */
	add(encode: (encoder: BatchEncoder) => void, durability: Durability): Promise<void> {
		this.#target.checkWritable();
		this.#encode(encode);
		if (durability === 'interval') this.#soon = true;
		const promise = this.#waiter(durability === 'always');
		if (this.#encoder.byteLength >= GROUP_LIMIT && this.#target.room(this.#encoder) === undefined) this.#commitGroup();
		else this.#schedule();
		return promise;
	}

	/** Encodes and commits operations on the calling thread. */
	addSync(encode: (encoder: BatchEncoder) => void, durability: Durability): void {
		this.#target.checkWritable();
		if (this.#encoder.count > 0) {
			this.#target.makeRoomSync(this.#encoder);
			this.#commitGroup();
		}
		this.#encode(encode);
		try {
			if (this.#encoder.count > 0) this.#target.makeRoomSync(this.#encoder);
			this.#commitEncoder();
		} finally {
			this.#encoder.reset();
		}
		if (durability === 'always') this.#target.makeDurableSync();
		else if (durability === 'interval') this.#target.durableSoon();
	}

	/** Commits the waiting group now, on the calling thread, even when writes are stalled. */
	flush(): void {
		if (this.#encoder.count > 0) this.#commitGroup();
	}

	/** Commits what waits and resolves when every write has been acknowledged or rejected. */
	async drain(): Promise<void> {
		this.flush();
		if (this.#inFlight === 0) return;
		this.#idle ??= new Deferred();
		await this.#idle.promise;
	}

	#encode(encode: (encoder: BatchEncoder) => void): void {
		const mark = this.#encoder.mark();
		try {
			encode(this.#encoder);
		} catch (error) {
			this.#encoder.rollback(mark);
			throw error;
		}
	}

	/** Writes of one group and one durability share a promise: it is cheaper, and they have one fate. */
	#waiter(sync: boolean): Promise<void> {
		const kind = sync ? 'durable' : 'appended';
		let waiter = this.#waiters[kind];
		if (waiter === undefined) {
			waiter = new Deferred();
			this.#waiters[kind] = waiter;
			this.#inFlight++;
			waiter.promise.then(this.#settled, this.#settled);
		}
		return waiter.promise;
	}

	readonly #settled = (): void => {
		this.#inFlight--;
		if (this.#inFlight > 0) return;
		this.#idle?.resolve();
		this.#idle = undefined;
	};

	#schedule(): void {
		if (this.#scheduled) return;
		this.#scheduled = true;
		if (this.#fairness.due()) setImmediate(this.#commitWhenRoom);
		else queueMicrotask(this.#commitWhenRoom);
	}

	readonly #commitWhenRoom = (): void => {
		const stalled = this.#target.room(this.#encoder);
		if (stalled !== undefined) {
			stalled.then(this.#commitWhenRoom, this.#commitWhenRoom);
			return;
		}
		this.#scheduled = false;
		this.#commitGroup();
	};

	#commitGroup(): void {
		const { appended, durable } = this.#waiters;
		const soon = this.#soon;
		this.#waiters = { appended: undefined, durable: undefined };
		this.#soon = false;
		try {
			this.#commitEncoder();
		} catch (error) {
			appended?.reject(error);
			durable?.reject(error);
			return;
		} finally {
			this.#encoder.reset();
		}
		appended?.resolve();
		if (soon) this.#target.durableSoon();
		if (durable !== undefined) this.#target.durable().then(durable.resolve, durable.reject);
	}

	#commitEncoder(): void {
		if (this.#encoder.count === 0) return;
		this.#target.checkWritable();
		this.#target.commit(this.#encoder);
	}
}
