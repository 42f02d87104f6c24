/**
 * Tables without files: ascending keys, one entry for each, as 32-bit numbers `key << 1 | deletes`. Every entry takes `ENTRY_BYTES`.
 */

/** @typedef {import('../../dist/compaction/tree.js').TableShape & { codes: Uint32Array }} SimulatedTable */
/** @typedef {{ smallest: number, end: number }} NumberRange the end exclusive */

export const ENTRY_BYTES = 100;

/** @param {number} number */
export function keyBytes(number) {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(number);
	return bytes;
}

/**
 * The newer of two sorted runs over the older: of a key that both have, the entry of the newer stays.
 * @param {Uint32Array} newer
 * @param {Uint32Array} older
 */
export function merge(newer, older) {
	const merged = new Uint32Array(newer.length + older.length);
	let [i, j, length] = [0, 0, 0];
	while (i < newer.length && j < older.length) {
		const a = newer[i] >>> 1;
		const b = older[j] >>> 1;
		if (a <= b) {
			merged[length++] = newer[i++];
			if (a === b) j++;
		} else merged[length++] = older[j++];
	}
	while (i < newer.length) merged[length++] = newer[i++];
	while (j < older.length) merged[length++] = older[j++];
	return merged.subarray(0, length);
}

/**
 * Without the tombstones that lie in none of some ranges.
 * @param {Uint32Array} codes
 * @param {NumberRange[]} keep ascending and disjoint
 */
export function withoutTombstones(codes, keep) {
	let range = 0;
	return codes.filter((code) => {
		if ((code & 1) === 0) return true;
		const key = code >>> 1;
		while (range < keep.length && keep[range].end <= key) range++;
		return range < keep.length && keep[range].smallest <= key;
	});
}

/**
 * Cuts a run into tables.
 * @param {Uint32Array} codes
 * @param {number} entries of a table
 * @param {number[]} cuts keys in front of which a table ends, ascending
 */
export function cut(codes, entries, cuts) {
	const pieces = [];
	let begin = 0;
	let next = 0;
	for (let i = 0; i < codes.length; i++) {
		const key = codes[i] >>> 1;
		let crosses = false;
		for (; next < cuts.length && cuts[next] <= key; next++) crosses = true;
		if (i > begin && (crosses || i - begin >= entries)) {
			pieces.push(codes.subarray(begin, i));
			begin = i;
		}
	}
	if (codes.length > begin) pieces.push(codes.subarray(begin));
	return pieces;
}

/**
 * @param {Uint32Array} codes
 * @param {{ number: number, largestSequence: number, createdAt: number }} facts
 * @returns {SimulatedTable}
 */
export function makeTable(codes, facts) {
	let tombstones = 0;
	for (const code of codes) tombstones += code & 1;
	return {
		...facts,
		codes,
		entries: codes.length,
		tombstones,
		size: codes.length * ENTRY_BYTES,
		smallest: keyBytes(codes[0] >>> 1),
		end: keyBytes((codes[codes.length - 1] >>> 1) + 1),
	};
}
