/**
 * Wakes the compactor when time alone makes something due, so that a store to which nobody writes gets its space back.
 *
 * Invariant: it keeps no process alive, and after `stop` it does not ring.
 */
import type { Clock } from '../environment';

/** Shortest delay: what is due at about the same time is done together. */
const LEAST_DELAY = 1000;
/** Longest delay; then it is looked again. Timers of the runtime end at 24 days, and clocks are set. */
const MOST_DELAY = 60 * 60 * 1000;

export class Alarm {
	readonly #clock: Clock;
	readonly #ring: () => void;
	#cancel: (() => void) | undefined;
	#stopped = false;

	constructor(clock: Clock, ring: () => void) {
		this.#clock = clock;
		this.#ring = ring;
	}

	/** Rings after so many milliseconds (Infinity: not at all), or an hour if that is sooner, and no more at a time set before. */
	set(delay: number): void {
		this.#cancel?.();
		this.#cancel = undefined;
		if (this.#stopped || delay === Number.POSITIVE_INFINITY) return;
		this.#cancel = this.#clock.schedule(
			() => {
				this.#cancel = undefined;
				this.#ring();
			},
			Math.min(MOST_DELAY, Math.max(LEAST_DELAY, delay)),
		);
	}

	stop(): void {
		this.#stopped = true;
		this.set(Number.POSITIVE_INFINITY);
	}
}
