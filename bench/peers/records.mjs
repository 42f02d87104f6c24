/** The entries that all stores are given, and what must come back. */
import { halfCompressibleValues, keyText, missingKeyText, shuffled } from '../dataset.mjs';

/** @typedef {import('./stores/store.mjs').Bytes} Bytes */
/** @typedef {import('./stores/store.mjs').Form} Form */

/** Values differ from key to key and from version to version; this many (a prime) are made, or as many as fit into 16 MiB. */
const DISTINCT_VALUES = 10_007;
const POOL_BYTES = 16 * 1024 * 1024;
const VERSION_STEP = 31;
/** The byte of a value that enters sums. */
const PROBE = 9;

export class Records {
	count;
	valueBytes;
	#keyForm;
	/** @type {Bytes[]} */
	#values;

	/**
	 * @param {number} count
	 * @param {number} valueBytes
	 * @param {Form} keyForm
	 * @param {Form} valueForm
	 */
	constructor(count, valueBytes, keyForm, valueForm) {
		this.count = count;
		this.valueBytes = valueBytes;
		this.#keyForm = keyForm;
		const pool = halfCompressibleValues(Math.min(DISTINCT_VALUES, Math.floor(POOL_BYTES / valueBytes)), valueBytes);
		this.#values = valueForm === 'string' ? pool.map((value) => value.toString('latin1')) : pool;
	}

	/** @param {number} i */
	key(i) {
		return this.#inForm(keyText(i));
	}

	/** @param {number} i */
	missingKey(i) {
		return this.#inForm(missingKeyText(i));
	}

	/**
	 * @param {number} i number of the key
	 * @param {number} [version] how often it was overwritten
	 * @returns {Bytes}
	 */
	value(i, version = 0) {
		return this.#values[(i + version * VERSION_STEP) % this.#values.length];
	}

	/**
	 * The first numbers of keys in random order.
	 * @param {number} [most]
	 */
	shuffled(most = this.count) {
		return Array.from({ length: Math.min(most, this.count) }, (_, i) => shuffled(i, this.count));
	}

	/** @param {string} text */
	#inForm(text) {
		return this.#keyForm === 'string' ? text : Buffer.from(text);
	}
}

/** Counts values and sums something of each, whatever their order; made twice, of what is expected and of what came, it must be equal. */
export class Tally {
	found = 0;
	sum = 0;

	/** @param {unknown} value */
	add(value) {
		if (value === undefined || value === null) return;
		this.found++;
		this.sum += probe(/** @type {Bytes} */ (value));
	}

	/**
	 * @param {Tally} expected
	 * @param {string} what
	 */
	check(expected, what) {
		if (this.found !== expected.found) throw new Error(`${what}: found ${this.found} of ${expected.found}.`);
		if (this.sum !== expected.sum) throw new Error(`${what}: the values are not those that were written.`);
	}
}

/** A checksum of entries that depends on their order. */
export class Sequence {
	found = 0;
	sum = 0;

	/**
	 * @param {Bytes} key
	 * @param {Bytes} value
	 */
	add(key, value) {
		this.found++;
		const last = key.length - 1;
		this.sum = (Math.imul(this.sum, 31) + (typeof key === 'string' ? key.charCodeAt(last) : key[last]) + probe(value)) | 0;
	}

	/** @param {Sequence} expected */
	check(expected) {
		if (this.found !== expected.found) throw new Error(`scan: ${this.found} entries instead of ${expected.found}.`);
		if (this.sum !== expected.sum) throw new Error('scan: the entries are not those that were written, in order.');
	}
}

/** @param {Bytes} value */
function probe(value) {
	return value.length + (typeof value === 'string' ? value.charCodeAt(PROBE) : value[PROBE]);
}
