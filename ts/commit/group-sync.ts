/**
 * Group fsync: everybody who waits for the disk at the same time shares one fdatasync.
 *
 * Invariants:
 *  1. A waiter is released by an fsync that *began* after the waiter's bytes were appended.
 *  2. At most one fsync is in flight; those who come meanwhile share the next one. It begins after those whom the last one has released have
 *     had their turn: writers that are always on their way again stay one group, instead of two that wait for each other.
 *  3. A failed fsync rejects its waiters and all later ones, and is never tried again: after a failure the operating system may
 *     report the next one as fine although the data is gone.
 *
 * Waiting for the running fsync and sharing the next one was chosen over one fsync a waiter: 64 writers in flight need two.
 */
import { Deferred } from './deferred';

/** What is synced: a log file. */
export interface Syncable {
	sync(): Promise<void>;
}

/** Shares the fsyncs of one file. */
export class GroupSync {
	readonly #file: Syncable;
	readonly #onFailure: (error: Error) => void;
	/** The fsync that is in flight, or about to begin. */
	#running: Promise<void> | undefined;
	#next: Deferred<void> | undefined;
	/** fsyncs that were begun. */
	count = 0;

	constructor(file: Syncable, onFailure: (error: Error) => void) {
		this.#file = file;
		this.#onFailure = onFailure;
	}

	/** Resolves once everything appended so far is durable. */
	wait(): Promise<void> {
		if (this.#running === undefined) return this.#begin();
		this.#next ??= new Deferred();
		return this.#next.promise;
	}

	/** Is no fsync in flight or asked for? */
	get isIdle(): boolean {
		return this.#running === undefined;
	}

	/** Resolves, whatever the outcome, when no fsync is in flight or asked for. */
	async idle(): Promise<void> {
		while (this.#running !== undefined) await this.#running.catch(() => undefined);
	}

	#begin(): Promise<void> {
		this.count++;
		const running = this.#file.sync();
		this.#running = running;
		running.then(
			() => this.#finish(),
			(error: Error) => {
				this.#onFailure(error);
				this.#finish();
			},
		);
		return running;
	}

	#finish(): void {
		this.#running = this.#next?.promise;
		if (this.#next !== undefined) setImmediate(this.#beginNext);
	}

	readonly #beginNext = (): void => {
		const next = this.#next as Deferred<void>;
		this.#next = undefined;
		this.#begin().then(next.resolve, next.reject);
	};
}
