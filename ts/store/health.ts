/**
 * The health of a store: whether writes are taken, and what went wrong in the background.
 *
 * Invariants:
 *  1. The first failed write, fsync or manifest record makes the store read-only for good; its cause is kept and named by every later write.
 *  2. Every background error is counted and emitted, and printed as a process warning when nobody listens.
 */
import { ClosedError, ReadOnlyError } from '../errors';
import type { TypedEmitter } from '../events';

export class Health {
	readonly #events: TypedEmitter;
	readonly #path: string;
	#cause: Error | undefined;
	#reported: Error | undefined;
	#closed = false;
	backgroundErrors = 0;
	/** Called once, when the store becomes read-only. */
	onFailure: () => void = () => {};

	constructor(path: string, events: TypedEmitter) {
		this.#path = path;
		this.#events = events;
	}

	/** Why the store is read-only; undefined while it takes writes. */
	get readOnlyCause(): Error | undefined {
		return this.#cause;
	}

	get isClosed(): boolean {
		return this.#closed;
	}

	checkWritable(): void {
		if (this.#closed) throw new ClosedError(`The database at ${this.#path} is closed.`, { path: this.#path });
		if (this.#cause === undefined) return;
		throw new ReadOnlyError(
			`The database at ${this.#path} takes no more writes, because an earlier one failed: ${this.#cause.message} ` +
				'Reads still work. Mend the cause, then close and open the database.',
			{ cause: this.#cause, path: this.#path },
		);
	}

	/** A write, fsync or manifest record failed: no more writes. */
	fail(cause: Error): void {
		if (this.#cause !== undefined) return;
		this.#cause = cause;
		this.report(cause);
		this.onFailure();
	}

	/** Something failed in the background; the store goes on. What has made it read-only was reported then. */
	report(error: Error): void {
		if (error === this.#reported) return;
		this.#reported = error;
		this.backgroundErrors++;
		if (this.#events.listenerCount('backgroundError') === 0) process.emitWarning(error);
		else this.#events.emit('backgroundError', error);
	}

	close(): void {
		this.#closed = true;
	}
}
