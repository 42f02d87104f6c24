/** Random numbers that a seed repeats (mulberry32), and the distributions of the loads. */

export class Random {
	#state;

	/** @param {number} seed */
	constructor(seed) {
		this.#state = seed >>> 0;
	}

	/** 0 ≤ x < 1. */
	fraction() {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let t = this.#state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	/**
	 * 0 ≤ n < bound.
	 * @param {number} bound
	 */
	below(bound) {
		return Math.floor(this.fraction() * bound);
	}

	/**
	 * 0 ≤ n < bound, small ranks often: an approximation of Zipf's distribution with exponent 1, by the inverse of its integral.
	 * @param {number} bound
	 */
	rank(bound) {
		return Math.min(bound - 1, Math.floor((bound + 1) ** this.fraction()) - 1);
	}
}
