/**
 * The flusher: writes immutable memtables to level 0, oldest first, one at a time.
 *
 * A flush runs on a thread of its own while the event loop goes on. A synchronous write that cannot go on before it ends takes it
 * over: it waits for the thread, and installs the table itself. What the event loop finds done later, it leaves alone.
 *
 * Invariants:
 *  1. One table for each frozen memtable, and a blob file if it has large values. They are in the manifest before the memtable and its log are let go.
 *  2. A failed flush is reported, leaves no file, and is tried again after a while; the data stays in memory and in the log.
 *  3. Each flush ends once, whoever ends it: in the job log, in the counters, for those who wait.
 */
import { Deferred } from '../commit/deferred';
import { IOError, VarveError } from '../errors';
import type { BlobOutput, BlobReference, FlushJob, RunningJob, TableSummary } from '../kernel/kernel';
import { writtenBlobFiles } from '../manifest/blob-files';
import { BackgroundLoop, type BackgroundWork } from './background-loop';
import { flushedBlobs } from './blob-jobs';
import { openOutputsSync, type StoreContext } from './context';
import type { LoggedJob } from './job-log';
import type { Memtable } from './memtables';

/** One flush, from the begin of its job. */
interface Flush {
	readonly memtable: Memtable;
	readonly job: RunningJob;
	/** Where its large values go. */
	readonly blobs: BlobOutput | undefined;
	readonly log: LoggedJob;
	/** Settles when its table is in the manifest; undefined while the job runs. */
	installed: Promise<void> | undefined;
	/** Why it failed. */
	error: Error | undefined;
}

export class Flusher implements BackgroundWork {
	readonly #store: StoreContext;
	readonly #onProgress: () => void;
	readonly #waiters = new Map<number, Deferred<void>>();
	readonly #loop: BackgroundLoop;
	/** The flush of the oldest immutable memtable, while there is one. */
	#current: Flush | undefined;
	/** A synchronous write installs tables: logs must go at once, as the event loop may not turn for long. */
	#isSettling = false;

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

	/**
	 * Flushes the oldest immutable memtable before it returns, and begins on the next one: the caller goes on beside it.
	 * @throws IOError when that fails; the memtable stays, and the flush is tried again in the background.
	 */
	flushOldestSync(): void {
		const flush = this.#current ?? this.#begin();
		this.#isSettling = true;
		try {
			if (flush.installed === undefined) this.#install(flush, flush.job.waitSync());
			this.#store.versions.settleSync();
		} catch (error) {
			this.#failed(flush, error as Error);
			throw refused(error as Error);
		} finally {
			this.#isSettling = false;
		}
		if (this.#isDue) this.#begin();
	}

	/** Cancels the flush in flight and waits for it. */
	async stop(): Promise<void> {
		await this.#loop.stop();
		// One that a synchronous write has begun, and that the loop has not come to.
		if (this.#current !== undefined) await this.#end(this.#current).catch(() => undefined);
	}

	next(): (() => Promise<void>) | undefined {
		return this.#isDue ? () => this.#step() : undefined;
	}

	cancel(): void {
		this.#current?.job.cancel();
	}

	isAwaited(): boolean {
		return this.#waiters.size > 0;
	}

	giveUp(reason: Error): void {
		const waiters = [...this.#waiters.values()];
		this.#waiters.clear();
		for (const waiter of waiters) waiter.reject(reason);
	}

	get #isDue(): boolean {
		return this.#store.memtables.immutables.length > 0;
	}

	async #step(): Promise<void> {
		// Synchronous writes may have begun another meanwhile.
		do await this.#end(this.#current ?? this.#begin());
		while (this.#current !== undefined);
	}

	/** Starts on the oldest immutable memtable. */
	#begin(): Flush {
		const { events, jobs } = this.#store;
		const [memtable] = this.#store.memtables.immutables;
		const { entries, usage } = memtable;
		const plan = { level: 0, outputLevel: 0, inputTables: 0, inputBytes: usage, parts: 1 };
		const log = jobs.begin({ kind: 'flush', reason: 'memtable', ...plan });
		events.emit('flush', { state: 'begin', job: log.number, entries, bytes: usage, milliseconds: 0 });
		const { job, blobs } = this.#start(memtable, log);
		// Its failure is for whoever comes to it: the loop, or a synchronous write.
		job.done.catch(() => undefined);
		this.#current = { memtable, job, blobs, log, installed: undefined, error: undefined };
		return this.#current;
	}

	/** Waits for a flush, and installs its table unless somebody has. */
	async #end(flush: Flush): Promise<void> {
		try {
			const tables = await flush.job.done;
			if (flush.error !== undefined) throw flush.error;
			if (flush.installed === undefined) this.#install(flush, tables);
			await flush.installed;
		} catch (error) {
			this.#failed(flush, error as Error);
			throw error;
		}
	}

	/** A job that cannot be started has failed like any other. */
	#start(memtable: Memtable, log: LoggedJob): Pick<Flush, 'job' | 'blobs'> {
		try {
			const flush = this.#jobOf(memtable);
			return { job: this.#store.engine.flush(flush, log.progress), blobs: flush.output.blobs };
		} catch (error) {
			const waitSync = () => {
				throw error;
			};
			return { job: { done: Promise.reject(error), waitSync, cancel: () => undefined }, blobs: undefined };
		}
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
	#install(flush: Flush, tables: TableSummary[]): void {
		const { memtables, versions, files } = this.#store;
		const addedBlobs = writtenBlobFiles(tables, flush.blobs);
		openOutputsSync(this.#store, tables, addedBlobs);
		const logNumber = memtables.walNumberAfterOldest();
		const addedTables = tables.map((table): [number, TableSummary] => [0, table]);
		flush.installed = versions.apply({ logNumber, lastSequence: flush.memtable.lastSequence, addedTables, addedBlobs }, () => {
			memtables.removeOldest();
			this.#store.installView();
			if (this.#isSettling) files.removeLogsBelow(logNumber);
			else files.discardLogsBelow(logNumber);
			this.#succeeded(flush, tables, addedBlobs);
		});
		flush.installed.catch(() => undefined);
	}

	#succeeded({ memtable, log }: Flush, tables: readonly TableSummary[], blobs: readonly BlobReference[]): void {
		const { events, counters } = this.#store;
		const { id, entries, usage } = memtable;
		this.#current = undefined;
		const blobBytes = blobs.reduce((sum, [, size]) => sum + size, 0);
		const bytes = tables.reduce((sum, table) => sum + table.size, blobBytes);
		const milliseconds = log.milliseconds();
		log.succeeded(tables, blobBytes);
		counters.flushed(usage, bytes, milliseconds);
		events.emit('flush', { state: 'end', job: log.number, entries, bytes, milliseconds });
		this.#waiters.get(id)?.resolve();
		this.#waiters.delete(id);
		this.#onProgress();
	}

	#failed(flush: Flush, error: Error): void {
		if (flush.error !== undefined) return;
		flush.error = error;
		if (this.#current === flush) this.#current = undefined;
		flush.log.failed(error);
		this.giveUp(this.#loop.refusal ?? error);
	}
}

/** What a synchronous write is refused with when the flush has failed that it must wait for. */
function refused(cause: Error): IOError {
	const message = `The write was not made: every memtable is full, and the oldest could not be flushed: ${cause.message}`;
	return new IOError(message, cause instanceof VarveError && cause.path !== undefined ? { cause, path: cause.path } : { cause });
}
