/**
 * Fairness to the rest of the process. A promise that resolves from memory continues in a microtask, and microtasks go before timers,
 * sockets and the completion of background jobs: a loop that awaits nothing else would keep them all waiting. So one turn in many goes
 * through the event loop.
 */

/** Counts what is answered from memory. */
export class Fairness {
	readonly #interval: number;
	#count = 0;

	/** @param interval how much work is answered between two turns through the event loop */
	constructor(interval: number) {
		this.#interval = interval;
	}

	/** Counts work; when it answers true, what follows goes on after {@link throughEventLoop}. */
	due(work = 1): boolean {
		this.#count += work;
		if (this.#count < this.#interval) return false;
		this.#count = 0;
		return true;
	}
}

/** Resolves after everything that waits in the event loop has had its turn. */
export function throughEventLoop<T>(value: T): Promise<T> {
	return new Promise((resolve) => setImmediate(resolve, value));
}
