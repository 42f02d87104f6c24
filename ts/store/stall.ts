/**
 * Backpressure: writes wait when flushes or compactions fall behind.
 *
 * - Too many immutable memtables, or level 0 at its stop trigger: writes stop until a job is through.
 * - Level 0 between its slowdown and its stop trigger: each group waits a little, longer the nearer it is to the stop.
 *
 * Synchronous writes cannot wait here: they would keep the event loop from installing the very job that they wait for.
 */
import { Deferred } from '../commit/deferred';
import type { Clock } from '../environment';
import type { TypedEmitter } from '../events';
import type { Counters } from './counters';

const LONGEST_SLOWDOWN_MS = 8;

/** How far background work is behind. */
export interface Debt {
	immutableMemtables: number;
	level0Tables: number;
}

export interface StallOptions {
	maxImmutableMemtables: number;
	level0SlowdownTrigger: number;
	level0StopTrigger: number;
}

type Reason = 'memtables' | 'level0';

/** Writes that are stopped. */
interface Stop {
	deferred: Deferred<void>;
	reason: Reason;
	began: number;
	/** Lets the process end again: while writes wait it must not, even if the job that they wait for is between two attempts. */
	letGo: () => void;
}

/** Longer than any wait, and what a timer takes. */
const FOREVER_MS = 2 ** 31 - 1;

export class Stall {
	readonly #debt: () => Debt;
	readonly #options: StallOptions;
	readonly #clock: Clock;
	readonly #events: TypedEmitter;
	readonly #counters: Counters;
	#stop: Stop | undefined;
	#slowdown: Promise<void> | undefined;
	/** The slowdown has been served; the next group goes through. */
	#served = false;

	constructor(debt: () => Debt, options: StallOptions, clock: Clock, events: TypedEmitter, counters: Counters) {
		this.#debt = debt;
		this.#options = options;
		this.#clock = clock;
		this.#events = events;
		this.#counters = counters;
	}

	/** Undefined when a group may be written now; else a promise after which to ask again. */
	room(): Promise<void> | undefined {
		if (this.#stop !== undefined) return this.#stop.deferred.promise;
		const reason = this.#reason();
		if (reason !== undefined) return this.#begin(reason);
		return this.#slow();
	}

	/** A job is through: writes may go on if the debt allows. */
	update(): void {
		if (this.#stop !== undefined && this.#reason() === undefined) this.#end();
	}

	/** Lets all writes go, to be taken or refused by others: the store closes or is read-only. */
	release(): void {
		if (this.#stop !== undefined) this.#end();
	}

	#reason(): Reason | undefined {
		const { immutableMemtables, level0Tables } = this.#debt();
		if (immutableMemtables >= this.#options.maxImmutableMemtables) return 'memtables';
		return level0Tables >= this.#options.level0StopTrigger ? 'level0' : undefined;
	}

	#begin(reason: Reason): Promise<void> {
		const letGo = this.#clock.schedule(() => undefined, FOREVER_MS, true);
		this.#stop = { deferred: new Deferred(), reason, began: this.#clock.milliseconds(), letGo };
		this.#counters.stalls++;
		this.#events.emit('stall', { state: 'begin', reason, milliseconds: 0 });
		return this.#stop.deferred.promise;
	}

	#end(): void {
		if (this.#stop === undefined) return;
		const { deferred, reason, began, letGo } = this.#stop;
		letGo();
		const milliseconds = this.#clock.milliseconds() - began;
		this.#stop = undefined;
		this.#counters.stallMilliseconds += milliseconds;
		this.#events.emit('stall', { state: 'end', reason, milliseconds });
		deferred.resolve();
	}

	#slow(): Promise<void> | undefined {
		if (this.#slowdown !== undefined) return this.#slowdown;
		if (this.#served) {
			this.#served = false;
			return undefined;
		}
		const { level0SlowdownTrigger: from, level0StopTrigger: to } = this.#options;
		const over = this.#debt().level0Tables - from;
		if (over < 0) return undefined;
		const delay = Math.max(1, (LONGEST_SLOWDOWN_MS * (over + 1)) / (to - from + 1));
		this.#counters.stallMilliseconds += delay;
		this.#slowdown = new Promise((resolve) => {
			this.#clock.schedule(
				() => {
					this.#slowdown = undefined;
					this.#served = true;
					resolve();
				},
				delay,
				true,
			);
		});
		return this.#slowdown;
	}
}
