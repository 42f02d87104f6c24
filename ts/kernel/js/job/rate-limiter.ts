/**
 * The rate at which the compactions of one engine write, together. Flushes pass it uncounted: writers wait for them, and if they took
 * the whole rate, compactions would never come to their turn.
 *
 * A write of n bytes takes n / rate of time, one behind the other; what was not used within {@link BURST} is lost. This is the virtual
 * scheduling form of a leaky bucket (ITU-T I.371, generic cell rate algorithm).
 *
 * Invariant: the state is in shared memory and changes by one atomic step, so that jobs on several threads share the rate.
 */

/** Nanoseconds without writes that a later write may make up for. */
const BURST = 100_000_000n;
const LONG_AGO = -(1n << 62n);

const RATE = 0;
const FREE_AT = 1;

/**
 * Bytes a second (0: no limit), and when the writes so far have had their time, in nanoseconds of `process.hrtime`, a clock that is
 * the same on all threads.
 */
export type RateState = BigInt64Array<SharedArrayBuffer>;

export class RateLimiter {
	/** @param state shared with limiters on other threads */
	constructor(readonly state: RateState = new BigInt64Array(new SharedArrayBuffer(16))) {}

	/** Changes the rate from now on; 0 takes the limit off. */
	setRate(bytesPerSecond: number): void {
		Atomics.store(this.state, RATE, BigInt(bytesPerSecond));
		Atomics.store(this.state, FREE_AT, LONG_AGO);
	}

	/** Counts a write at a time in nanoseconds, and answers how many milliseconds it should have waited. */
	take(bytes: number, now: bigint): number {
		const rate = Atomics.load(this.state, RATE);
		if (rate === 0n) return 0;
		const duration = (BigInt(bytes) * 1_000_000_000n) / rate;
		for (;;) {
			const before = Atomics.load(this.state, FREE_AT);
			const earliest = now - BURST;
			const freeAt = (before > earliest ? before : earliest) + duration;
			if (Atomics.compareExchange(this.state, FREE_AT, before, freeAt) !== before) continue;
			return freeAt > now ? Number(freeAt - now) / 1_000_000 : 0;
		}
	}
}
