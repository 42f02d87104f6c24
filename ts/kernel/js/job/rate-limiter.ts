/**
 * The rate at which the compactions of one engine write, together. Flushes pass it uncounted: writers wait for them, and if they took
 * the whole rate, compactions would never come to their turn.
 *
 * A write of n bytes takes n / rate of time, one behind the other; what was not used within {@link BURST_MS} is lost. This is the
 * virtual scheduling form of a leaky bucket (ITU-T I.371, generic cell rate algorithm).
 */

/** Time without writes that a later write may make up for. */
const BURST_MS = 100;

export class RateLimiter {
	/** 0: no limit. */
	private bytesPerSecond = 0;
	/** When the writes so far have had their time, in milliseconds. */
	private freeAt = Number.NEGATIVE_INFINITY;

	/** Changes the rate from now on; 0 takes the limit off. */
	setRate(bytesPerSecond: number): void {
		this.bytesPerSecond = bytesPerSecond;
		this.freeAt = Number.NEGATIVE_INFINITY;
	}

	/** Counts a write and answers how many milliseconds it should have waited. */
	take(bytes: number, now: number): number {
		if (this.bytesPerSecond === 0) return 0;
		this.freeAt = Math.max(this.freeAt, now - BURST_MS) + (bytes * 1000) / this.bytesPerSecond;
		return Math.max(0, this.freeAt - now);
	}
}
