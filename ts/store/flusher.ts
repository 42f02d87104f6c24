/**
 * The flusher: writes immutable memtables to level 0, oldest first, one at a time.
 *
 * Invariants:
 *  1. One table for each frozen memtable. It is in the manifest before the memtable and its log are let go.
 *  2. A failed flush is reported, leaves no file, and is tried again after a while; the data stays in memory and in the log.
 */
import { Deferred } from '../commit/deferred';
import { AbortError, ClosedError } from '../errors';
import { Backoff } from './backoff';
import { type JobNumbers, JobSlot, openOutputs, type StoreContext } from './context';
import type { Memtable } from './memtables';

export class Flusher {
	readonly #store: StoreContext;
	readonly #jobs: JobNumbers;
	readonly #onProgress: () => void;
	readonly #slot = new JobSlot();
	readonly #backoff: Backoff;
	readonly #waiters = new Map<number, Deferred<void>>();
	#loop: Promise<void> | undefined;
	#stopped = false;

	/** @param onProgress called after each flush: level 0 has grown, the queue is shorter. */
	constructor(store: StoreContext, jobs: JobNumbers, onProgress: () => void) {
		this.#store = store;
		this.#jobs = jobs;
		this.#onProgress = onProgress;
		this.#backoff = new Backoff(store.environment.clock);
	}

	/** Starts on the queue of immutable memtables unless it is being worked on. */
	schedule(): void {
		const { memtables, health } = this.#store;
		if (this.#loop !== undefined || this.#stopped) return;
		if (memtables.immutables.length === 0 || health.readOnlyCause !== undefined) return;
		this.#loop = this.#run().finally(() => {
			this.#loop = undefined;
			this.schedule();
		});
	}

	/** Resolves when a memtable is in a table; rejects when the next attempt at it fails. */
	flushed(memtable: Memtable): Promise<void> {
		if (this.#stopped) return Promise.reject(closedBefore());
		const { readOnlyCause } = this.#store.health;
		if (readOnlyCause !== undefined) return Promise.reject(readOnlyCause);
		let waiter = this.#waiters.get(memtable.id);
		if (waiter === undefined) {
			waiter = new Deferred();
			this.#waiters.set(memtable.id, waiter);
		}
		this.schedule();
		this.#backoff.wake();
		return waiter.promise;
	}

	/** Cancels the flush in flight and waits for it. */
	async stop(): Promise<void> {
		this.#stopped = true;
		this.#slot.cancel();
		this.#backoff.wake();
		await this.#loop;
		this.#rejectWaiters(closedBefore());
	}

	async #run(): Promise<void> {
		const { memtables, health } = this.#store;
		while (!this.#stopped && memtables.immutables.length > 0 && health.readOnlyCause === undefined) {
			try {
				await this.#flushOldest(memtables.immutables[0]);
				this.#backoff.succeeded();
			} catch (error) {
				if (this.#stopped && (error instanceof AbortError || error instanceof ClosedError)) return;
				health.report(error as Error);
				this.#rejectWaiters(error as Error);
				if (!this.#stopped) await this.#backoff.wait(this.#waiters.size > 0);
			}
		}
		if (health.readOnlyCause !== undefined) this.#rejectWaiters(health.readOnlyCause);
	}

	async #flushOldest(memtable: Memtable): Promise<void> {
		const { engine, environment, memtables, versions, events, counters, files } = this.#store;
		const job = this.#jobs.next();
		const begin = environment.clock.milliseconds();
		events.emit('flush', { state: 'begin', job, entries: memtable.entries, bytes: memtable.usage, milliseconds: 0 });
		const tables = await this.#slot.run(
			engine.flush({
				memtable: memtable.id,
				snapshots: this.#store.snapshots.sequences(),
				output: {
					directory: files.tableDirectory,
					level: 0,
					firstNumber: versions.allocate(1),
					numberCount: 1,
					createdAt: environment.clock.nanoseconds(),
					table: this.#store.tableOptions,
				},
			}),
		);
		await openOutputs(this.#store, tables);
		const logNumber = memtables.walNumberAfterOldest();
		await versions.apply(
			{ logNumber, lastSequence: memtable.lastSequence, addedTables: tables.map((table) => [0, table]) },
			() => {
				memtables.removeOldest();
				this.#store.installView();
			},
		);
		files.removeLogsBelow(logNumber);
		const bytes = tables.reduce((sum, table) => sum + table.size, 0);
		counters.flushes++;
		counters.flushedBytes += bytes;
		const milliseconds = environment.clock.milliseconds() - begin;
		events.emit('flush', { state: 'end', job, entries: memtable.entries, bytes, milliseconds });
		this.#waiters.get(memtable.id)?.resolve();
		this.#waiters.delete(memtable.id);
		this.#onProgress();
	}

	#rejectWaiters(error: Error): void {
		const waiters = [...this.#waiters.values()];
		this.#waiters.clear();
		for (const waiter of waiters) waiter.reject(error);
	}
}

function closedBefore(): ClosedError {
	return new ClosedError('The database was closed before the flush was done. The data is safe in the log.');
}
