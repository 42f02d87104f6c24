/**
 * xxHash64 with seed 0, part of the file format: do not change.
 *
 * Invariants:
 *  1. 64-bit words are pairs of 32-bit integers; BigInt would be an order of magnitude slower.
 *  2. The hash of the last input is in {@link hash}; nothing is allocated.
 *  3. Helpers leave 64-bit results in {@link word}, because a function can return one half only.
 */

const P1L = 0x85ebca87 | 0;
const P1H = 0x9e3779b1 | 0;
const P2L = 0x27d4eb4f | 0;
const P2H = 0xc2b2ae3d | 0;
const P3L = 0x9e3779f9 | 0;
const P3H = 0x165667b1 | 0;
const P4L = 0xc2b2ae63 | 0;
const P4H = 0x85ebca77 | 0;
const P5L = 0x165667c5 | 0;
const P5H = 0x27d4eb2f | 0;

/** The halves of the last hash, each 0 … 2^32 − 1. */
export const hash = { low: 0, high: 0 };

/** A 64-bit result on its way between two functions of this module. */
const word = { low: 0, high: 0 };
/** Halves of the four accumulators: low, high, low, high, … */
const lanes = new Int32Array(8);

/** Upper 32 bits of the product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
	const a0 = a & 0xffff;
	const a1 = a >>> 16;
	const b0 = b & 0xffff;
	const b1 = b >>> 16;
	const middle = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
	const carry = (Math.imul(a0, b1) + (middle & 0xffff)) | 0;
	return (Math.imul(a1, b1) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** Upper half of high:low × factorHigh:factorLow (mod 2^64); the lower one is that of the product of the lower halves. */
function productHighOf(low: number, high: number, factorLow: number, factorHigh: number): number {
	return (multiplyHigh(low, factorLow) + Math.imul(low, factorHigh) + Math.imul(high, factorLow)) | 0;
}

function multiply(low: number, high: number, factorLow: number, factorHigh: number): void {
	word.high = productHighOf(low, high, factorLow, factorHigh);
	word.low = Math.imul(low, factorLow);
}

/** What the lower halves carry into the upper ones when `sum` is theirs, `addend` having been added. */
function carryOf(sum: number, addend: number): number {
	return sum >>> 0 < addend >>> 0 ? 1 : 0;
}

function read32(bytes: Uint8Array, at: number): number {
	return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

/** Feeds every fourth word, from `at` on, into one accumulator that starts as (low, high). */
function runLane(bytes: Uint8Array, at: number, end: number, low: number, high: number, lane: number): void {
	for (; at < end; at += 32) {
		const inputLow = read32(bytes, at);
		const inputHigh = read32(bytes, at + 4);
		const productLow = Math.imul(inputLow, P2L);
		const productHigh = (multiplyHigh(inputLow, P2L) + Math.imul(inputLow, P2H) + Math.imul(inputHigh, P2L)) | 0;
		const sumLow = (low + productLow) | 0;
		const sumHigh = (high + productHigh + (sumLow >>> 0 < low >>> 0 ? 1 : 0)) | 0;
		const turnedLow = (sumLow << 31) | (sumHigh >>> 1);
		const turnedHigh = (sumHigh << 31) | (sumLow >>> 1);
		low = Math.imul(turnedLow, P1L);
		high = (multiplyHigh(turnedLow, P1L) + Math.imul(turnedLow, P1H) + Math.imul(turnedHigh, P1L)) | 0;
	}
	lanes[2 * lane] = low;
	lanes[2 * lane + 1] = high;
}

/** round(0, low:high): what a lane does with one word of input. */
function round(low: number, high: number): void {
	multiply(low, high, P2L, P2H);
	multiply((word.low << 31) | (word.high >>> 1), (word.high << 31) | (word.low >>> 1), P1L, P1H);
}

function mergeLane(low: number, high: number, lane: number): void {
	round(lanes[2 * lane], lanes[2 * lane + 1]);
	multiply(low ^ word.low, high ^ word.high, P1L, P1H);
	addTo(P4L, P4H);
}

/** word += high:low */
function addTo(low: number, high: number): void {
	const sum = (word.low + low) | 0;
	word.high = (word.high + high + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0;
	word.low = sum;
}

/** Runs the four lanes over whole stripes of 32 bytes and leaves their sum in `word`. */
function runStripes(bytes: Uint8Array, start: number, end: number): void {
	runLane(bytes, start, end, 0xadc0b5d6 | 0, 0x60ea27ee | 0, 0);
	runLane(bytes, start + 8, end, P2L, P2H, 1);
	runLane(bytes, start + 16, end, 0, 0, 2);
	runLane(bytes, start + 24, end, 0x7a143579 | 0, 0x61c8864e | 0, 3);
	word.low = (lanes[0] << 1) | (lanes[1] >>> 31);
	word.high = (lanes[1] << 1) | (lanes[0] >>> 31);
	addTo((lanes[2] << 7) | (lanes[3] >>> 25), (lanes[3] << 7) | (lanes[2] >>> 25));
	addTo((lanes[4] << 12) | (lanes[5] >>> 20), (lanes[5] << 12) | (lanes[4] >>> 20));
	addTo((lanes[6] << 18) | (lanes[7] >>> 14), (lanes[7] << 18) | (lanes[6] >>> 14));
	for (let lane = 0; lane < 4; lane++) mergeLane(word.low, word.high, lane);
}

/**
 * Mixes the last 0 … 31 bytes into `word`, then all bits with each other into {@link hash}. All keys come this way, most of them only this
 * way: the halves stay in variables, as through `word` it takes twice as long.
 */
function mixTail(bytes: Uint8Array, at: number, end: number): void {
	let low = word.low;
	let high = word.high;
	for (; at + 8 <= end; at += 8) {
		const inputLow = read32(bytes, at);
		const inputHigh = read32(bytes, at + 4);
		const productLow = Math.imul(inputLow, P2L);
		const productHigh = productHighOf(inputLow, inputHigh, P2L, P2H);
		const turnedLow = (productLow << 31) | (productHigh >>> 1);
		const turnedHigh = (productHigh << 31) | (productLow >>> 1);
		const mixedLow = low ^ Math.imul(turnedLow, P1L);
		const mixedHigh = high ^ productHighOf(turnedLow, turnedHigh, P1L, P1H);
		const shiftedLow = (mixedLow << 27) | (mixedHigh >>> 5);
		const shiftedHigh = (mixedHigh << 27) | (mixedLow >>> 5);
		low = (Math.imul(shiftedLow, P1L) + P4L) | 0;
		high = (productHighOf(shiftedLow, shiftedHigh, P1L, P1H) + P4H + carryOf(low, P4L)) | 0;
	}
	if (at + 4 <= end) {
		const input = read32(bytes, at);
		const mixedLow = low ^ Math.imul(input, P1L);
		const mixedHigh = high ^ productHighOf(input, 0, P1L, P1H);
		const shiftedLow = (mixedLow << 23) | (mixedHigh >>> 9);
		const shiftedHigh = (mixedHigh << 23) | (mixedLow >>> 9);
		low = (Math.imul(shiftedLow, P2L) + P3L) | 0;
		high = (productHighOf(shiftedLow, shiftedHigh, P2L, P2H) + P3H + carryOf(low, P3L)) | 0;
		at += 4;
	}
	for (; at < end; at++) {
		const mixedLow = low ^ Math.imul(bytes[at], P5L);
		const mixedHigh = high ^ productHighOf(bytes[at], 0, P5L, P5H);
		const shiftedLow = (mixedLow << 11) | (mixedHigh >>> 21);
		const shiftedHigh = (mixedHigh << 11) | (mixedLow >>> 21);
		low = Math.imul(shiftedLow, P1L);
		high = productHighOf(shiftedLow, shiftedHigh, P1L, P1H);
	}
	avalanche(low, high);
}

function avalanche(low: number, high: number): void {
	const firstLow = low ^ (high >>> 1);
	const secondHigh = productHighOf(firstLow, high, P2L, P2H);
	const productLow = Math.imul(firstLow, P2L);
	const secondLow = productLow ^ ((productLow >>> 29) | (secondHigh << 3));
	const mixedHigh = secondHigh ^ (secondHigh >>> 29);
	const lastHigh = productHighOf(secondLow, mixedHigh, P3L, P3H);
	hash.low = (Math.imul(secondLow, P3L) ^ lastHigh) >>> 0;
	hash.high = lastHigh >>> 0;
}

/** Hashes `bytes[start, end)` into {@link hash}. */
export function xxHash64(bytes: Uint8Array, start: number, end: number): void {
	const length = end - start;
	const stripes = start + (length - (length % 32));
	if (length >= 32) {
		runStripes(bytes, start, stripes);
	} else {
		word.low = P5L;
		word.high = P5H;
	}
	addTo(length >>> 0, Math.floor(length / 0x100000000));
	mixTail(bytes, stripes, end);
}
