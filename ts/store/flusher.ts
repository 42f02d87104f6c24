/**
 * The flusher: writes immutable memtables to level 0, oldest first, one at a time.
 *
 * Invariants:
 *  1. One table for each frozen memtable, and a blob file if it has large values. They are in the manifest before the memtable and its log are let go.
 *  2. A failed flush is reported, leaves no file, and is tried again after a while; the data stays in memory and in the log.
 */
import { Deferred } from '../commit/deferred';
import type { BlobReference, FlushJob, TableSummary } from '../kernel/kernel';
import { writtenBlobFiles } from '../manifest/blob-files';
import { BackgroundLoop, type BackgroundWork } from './background-loop';
import { flushedBlobs } from './blob-jobs';
import { JobSlot, openOutputs, type StoreContext } from './context';
import type { Memtable } from './memtables';

export class Flusher implements BackgroundWork {
	readonly #store: StoreContext;
	readonly #onProgress: () => void;
	readonly #slot = new JobSlot();
	readonly #waiters = new Map<number, Deferred<void>>();
	readonly #loop: BackgroundLoop;

	/** @param onProgress called after each flush: level 0 has grown, the queue is shorter. */
	constructor(store: StoreContext, onProgress: () => void) {
		this.#store = store;
		this.#onProgress = onProgress;
		this.#loop = new BackgroundLoop('flush', this, store.environment.clock, store.health);
	}

	/** Starts on the queue of immutable memtables unless it is being worked on. */
	schedule(): void {
		this.#loop.schedule();
	}

	/** Resolves when a memtable is in a table; rejects when the next attempt at it fails. */
	flushed(memtable: Memtable): Promise<void> {
		const { refusal } = this.#loop;
		if (refusal !== undefined) return Promise.reject(refusal);
		let waiter = this.#waiters.get(memtable.id);
		if (waiter === undefined) {
			waiter = new Deferred();
			this.#waiters.set(memtable.id, waiter);
		}
		this.#loop.hurry();
		return waiter.promise;
	}

	/** Cancels the flush in flight and waits for it. */
	stop(): Promise<void> {
		return this.#loop.stop();
	}

	isDue(): boolean {
		return this.#store.memtables.immutables.length > 0;
	}

	async step(): Promise<void> {
		try {
			await this.#flushOldest(this.#store.memtables.immutables[0]);
		} catch (error) {
			this.giveUp(this.#loop.refusal ?? (error as Error));
			throw error;
		}
	}

	cancel(): void {
		this.#slot.cancel();
	}

	isAwaited(): boolean {
		return this.#waiters.size > 0;
	}

	giveUp(reason: Error): void {
		const waiters = [...this.#waiters.values()];
		this.#waiters.clear();
		for (const waiter of waiters) waiter.reject(reason);
	}

	async #flushOldest(memtable: Memtable): Promise<void> {
		const { events, counters, jobs } = this.#store;
		const { entries, usage } = memtable;
		const plan = { level: 0, outputLevel: 0, inputTables: 0, inputBytes: usage, parts: 1 };
		const job = jobs.begin({ kind: 'flush', reason: 'memtable', ...plan });
		events.emit('flush', { state: 'begin', job: job.number, entries, bytes: usage, milliseconds: 0 });
		try {
			const flush = this.#jobOf(memtable);
			const tables = await this.#slot.run(this.#store.engine.flush(flush, job.progress));
			const blobs = writtenBlobFiles(tables, flush.output.blobs);
			await openOutputs(this.#store, tables, blobs);
			await this.#install(memtable, tables, blobs);
			const blobBytes = blobs.reduce((sum, [, size]) => sum + size, 0);
			const bytes = tables.reduce((sum, table) => sum + table.size, blobBytes);
			const milliseconds = job.milliseconds();
			job.succeeded(tables, blobBytes);
			counters.flushed(usage, bytes, milliseconds);
			events.emit('flush', { state: 'end', job: job.number, entries, bytes, milliseconds });
		} catch (error) {
			job.failed(error as Error);
			throw error;
		}
		this.#waiters.get(memtable.id)?.resolve();
		this.#waiters.delete(memtable.id);
		this.#onProgress();
	}

	#jobOf(memtable: Memtable): FlushJob {
		const { environment, versions, files, snapshots } = this.#store;
		return {
			memtable: memtable.id,
			snapshots: snapshots.sequences(),
			output: {
				directory: files.tableDirectory,
				level: 0,
				firstNumber: versions.allocate(1),
				numberCount: 1,
				createdAt: environment.clock.nanoseconds(),
				table: this.#store.tableOptions(0),
				blobs: flushedBlobs(this.#store),
			},
		};
	}

	/** Puts the table in the place of the memtable and its log. */
	async #install(memtable: Memtable, tables: readonly TableSummary[], addedBlobs: BlobReference[]): Promise<void> {
		const { memtables, versions, files } = this.#store;
		const logNumber = memtables.walNumberAfterOldest();
		const addedTables = tables.map((table): [number, TableSummary] => [0, table]);
		await versions.apply({ logNumber, lastSequence: memtable.lastSequence, addedTables, addedBlobs }, () => {
			memtables.removeOldest();
			this.#store.installView();
		});
		files.removeLogsBelow(logNumber);
	}
}
