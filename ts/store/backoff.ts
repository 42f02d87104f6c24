/** Waits between the attempts of a background job that failed: 100 ms, then twice as long each time, at most 10 s. */
import type { Clock } from '../environment';

const FIRST_MS = 100;
const LONGEST_MS = 10_000;

export class Backoff {
	readonly #clock: Clock;
	#failures = 0;
	#wake: (() => void) | undefined;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** The job went through: the next failure starts again at the shortest wait. */
	succeeded(): void {
		this.#failures = 0;
	}

	/**
	 * Resolves when it is time for the next attempt, or when woken.
	 * @param keepAlive somebody waits for the job: the process must not end meanwhile.
	 */
	wait(keepAlive: boolean): Promise<void> {
		const delay = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++);
		return new Promise((resolve) => {
			const cancel = this.#clock.schedule(resolve, delay, keepAlive);
			this.#wake = () => {
				cancel();
				resolve();
			};
		});
	}

	/** Ends a wait at once. */
	wake(): void {
		this.#wake?.();
	}
}
