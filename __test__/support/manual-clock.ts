/** A clock for tests of what time does. */
import type { Clock } from '../../ts/environment';

/** Time that stands still until it is moved on. */
export class ManualClock implements Clock {
	now = 0;
	readonly #waiting: { at: number; callback: () => void }[] = [];

	nanoseconds(): bigint {
		return BigInt(this.now) * 1_000_000n;
	}

	milliseconds(): number {
		return this.now;
	}

	schedule(callback: () => void, delay: number): () => void {
		const entry = { at: this.now + delay, callback };
		this.#waiting.push(entry);
		return () => this.#waiting.splice(this.#waiting.indexOf(entry) >>> 0, 1);
	}

	advance(milliseconds: number): void {
		this.now += milliseconds;
		for (const entry of this.#waiting.filter(({ at }) => at <= this.now)) {
			this.#waiting.splice(this.#waiting.indexOf(entry), 1);
			entry.callback();
		}
	}
}
