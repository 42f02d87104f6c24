/**
 * Backpressure: writes are slowed in proportion to what background work is behind with, and stopped before it is too much.
 *
 * The debt has three parts: immutable memtables that wait for their flush, tables in level 0, and bytes that compactions still have to
 * rewrite. Each has a point where slowing begins and one where writes stop; the *pressure* is how far the worst part is on its way
 * from one to the other, 0 to 1. Under pressure p writes go at 2 × (1 − p) of the rate at which memtables are flushed: at half the
 * way they come in as fast as they go out, and the rate has no step on the way to the stop.
 *
 * Synchronous writes do not wait here: they would keep the event loop from installing the very job that they wait for. When one needs
 * a new memtable and `maxImmutableMemtables` wait already, it waits for the flush of the oldest where it is (`Flusher.flushOldestSync`):
 * memory is bounded. Level 0 is not: compactions are installed by the event loop, so a loop of synchronous writes that never returns to
 * it adds tables there, one for each memtable.
 */
import { Deferred } from '../commit/deferred';
import type { Clock } from '../environment';
import type { TypedEmitter } from '../events';
import type { Counters } from './counters';

/** Waits shorter than a timer can be are saved up. */
const SHORTEST_DELAY_MS = 1;
const LONGEST_DELAY_MS = 1000;
/** Longer than any wait, and what a timer takes. */
const FOREVER_MS = 2 ** 31 - 1;

/** How far background work is behind. */
export interface Debt {
	immutableMemtables: number;
	/** Without those that the strategy keeps there. */
	level0Tables: number;
	/** Bytes that must be rewritten before every level is in shape. */
	compactionBytes: number;
}

export interface StallOptions {
	maxImmutableMemtables: number;
	level0SlowdownTrigger: number;
	level0StopTrigger: number;
	compactionDebtSlowdown: number;
	compactionDebtStop: number;
}

/** Which part of the debt stops or slows writes. */
export type StallReason = 'memtables' | 'level0' | 'compaction';

/** Writes that are stopped. */
interface Stop {
	deferred: Deferred<void>;
	reason: StallReason;
	began: number;
	/** Lets the process end again: while writes wait it must not, even if the job that they wait for is between two attempts. */
	letGo: () => void;
}

export class Stall {
	readonly #debt: () => Debt;
	readonly #options: StallOptions;
	readonly #clock: Clock;
	readonly #events: TypedEmitter;
	readonly #counters: Counters;
	#stop: Stop | undefined;
	#slowdown: Promise<void> | undefined;
	/** Milliseconds that writes should still wait, too few for a timer. */
	#owed = 0;
	/** The group that waits has paid for these bytes. */
	#paidBytes = 0;

	constructor(debt: () => Debt, options: StallOptions, clock: Clock, events: TypedEmitter, counters: Counters) {
		this.#debt = debt;
		this.#options = options;
		this.#clock = clock;
		this.#events = events;
		this.#counters = counters;
	}

	/** How hard background work presses on writes: 0 not at all, 1 they are stopped. */
	get pressure(): number {
		return Math.min(1, Math.max(0, this.#worst().pressure));
	}

	/** Undefined when a group of so many bytes may be written now; else a promise after which to ask again. */
	room(bytes: number): Promise<void> | undefined {
		if (this.#stop !== undefined) return this.#stop.deferred.promise;
		if (this.#slowdown !== undefined) return this.#slowdown;
		const { reason, pressure } = this.#worst();
		if (pressure >= 1) return this.#begin(reason);
		const unpaid = Math.max(0, bytes - this.#paidBytes);
		this.#paidBytes = 0;
		if (pressure <= 0) return undefined;
		this.#owed += (unpaid * 1000) / (2 * (1 - pressure) * this.#counters.flushBytesPerSecond);
		return this.#owed < SHORTEST_DELAY_MS ? undefined : this.#slow(bytes);
	}

	/** A job is through: writes may go on if the debt allows. */
	update(): void {
		if (this.#stop !== undefined && this.#worst().pressure < 1) this.#end();
	}

	/** Lets all writes go, to be taken or refused by others: the store closes or is read-only. */
	release(): void {
		if (this.#stop !== undefined) this.#end();
	}

	#worst(): { reason: StallReason; pressure: number } {
		const { immutableMemtables, level0Tables, compactionBytes } = this.#debt();
		const { maxImmutableMemtables, level0SlowdownTrigger, level0StopTrigger } = this.#options;
		const { compactionDebtSlowdown, compactionDebtStop } = this.#options;
		const parts: [StallReason, number][] = [
			// One memtable that waits is no debt: it is being flushed.
			['memtables', progress(immutableMemtables, 1, maxImmutableMemtables)],
			['level0', progress(level0Tables, level0SlowdownTrigger - 1, level0StopTrigger)],
			['compaction', progress(compactionBytes, compactionDebtSlowdown, compactionDebtStop)],
		];
		const [reason, pressure] = parts.reduce((worst, part) => (part[1] > worst[1] ? part : worst));
		return { reason, pressure };
	}

	#begin(reason: StallReason): Promise<void> {
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

	#slow(bytes: number): Promise<void> {
		const delay = Math.min(LONGEST_DELAY_MS, this.#owed);
		this.#owed = 0;
		this.#counters.slowdowns++;
		this.#counters.stallMilliseconds += delay;
		this.#slowdown = new Promise((resolve) => {
			const goOn = () => {
				this.#slowdown = undefined;
				this.#paidBytes = bytes;
				resolve();
			};
			this.#clock.schedule(goOn, delay, true);
		});
		return this.#slowdown;
	}
}

/** How far a value has come from one point to another: 0 or less before it, 1 and more behind the other. */
function progress(value: number, from: number, to: number): number {
	return to > from ? (value - from) / (to - from) : Number(value >= to);
}
