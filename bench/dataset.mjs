/** Keys and values of the benchmarks: 16 and 100 bytes, the same in every run. */

const KEY_BYTES = 16;
const VALUE_BYTES = 100;
/** A prime: i × STRIDE mod count visits every number below count once. */
const STRIDE = 15_485_863;

/**
 * Key number i: the even numbers, so that the odd ones are missing and lie between keys that are there.
 * @param {number} i
 */
export function keyText(i) {
	return String(2 * i).padStart(KEY_BYTES, '0');
}

/**
 * A key that is not there, between key i and the next.
 * @param {number} i
 */
export function missingKeyText(i) {
	return String(2 * i + 1).padStart(KEY_BYTES, '0');
}

/**
 * The i-th number of a permutation of 0 … count − 1.
 * @param {number} i
 * @param {number} count
 */
export function shuffled(i, count) {
	return (i * STRIDE) % count;
}

/**
 * Value number i: ASCII letters that do not repeat, so that it can be read as bytes and as text.
 * @param {number} i
 */
export function valueBytes(i) {
	const value = Buffer.allocUnsafe(VALUE_BYTES);
	let state = (i * 2_654_435_761 + 1) >>> 0;
	for (let offset = 0; offset < VALUE_BYTES; offset++) {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		value[offset] = 0x40 + (state >>> 26);
	}
	return value;
}

/**
 * Values of ASCII letters that compress to half: the second half of each repeats the first.
 * @param {number} count
 * @param {number} size even
 * @returns {Buffer[]}
 */
export function halfCompressibleValues(count, size) {
	return Array.from({ length: count }, (_, i) => {
		const value = Buffer.allocUnsafe(size);
		let state = (i * 2_654_435_761 + 1) >>> 0;
		for (let offset = 0; offset < size / 2; offset++) {
			state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
			value[offset] = 0x40 + (state >>> 26);
		}
		value.copy(value, size / 2, 0, size / 2);
		return value;
	});
}

/**
 * Entries of a block of internal keys: ascending, each key followed by a trailer of sequence number and kind.
 * @param {number} first number of the first key
 * @param {number} count
 * @param {number} step distance between two keys
 * @returns {[key: Uint8Array, value: Uint8Array][]}
 */
export function internalEntries(first, count, step) {
	return Array.from({ length: count }, (_, i) => {
		const key = Buffer.alloc(KEY_BYTES + 8);
		key.write(keyText(first + i * step));
		key.writeBigUInt64LE((BigInt(first + i + 1) << 8n) | 1n, KEY_BYTES);
		return [key, valueBytes(first + i)];
	});
}
