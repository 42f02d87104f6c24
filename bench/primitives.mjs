/** What a kernel does one by one: checksums, blocks, filters, merging. */
import { defaultStoreOptions } from '../dist/options/schema.js';
import { internalEntries, keyText, missingKeyText, shuffled, valueBytes } from './dataset.mjs';

/** @typedef {import('../dist/kernel/kernel.js').Kernel} Kernel */
/** @typedef {import('./measure.mjs').Case} Case */

const { blockSize: BLOCK_SIZE, restartInterval: RESTART_INTERVAL } = defaultStoreOptions;
/** More entries than a block of the default size takes: each has more than 100 bytes. */
const MOST_ENTRIES = Math.ceil(BLOCK_SIZE / 100);
const ENCODE = 'encode a block';
const DECODE = 'decode a block';
const FILTER_KEYS = 10_000;
const PROBES_PER_SAMPLE = 1_000;

/** Takes results, so that no work is optimised away. @type {unknown} */
export let sink;

/**
 * @param {Kernel} kernel
 * @returns {Case[]}
 */
export function primitiveCases(kernel) {
	return [...checksumCases(kernel), ...blockCases(kernel), ...filterCases(kernel), mergeCase(kernel)];
}

/**
 * @param {Kernel} kernel
 * @returns {Case[]}
 */
function checksumCases(kernel) {
	const large = Buffer.concat(Array.from({ length: 164 }, (_, i) => valueBytes(i))).subarray(0, 16 * 1024);
	const small = large.subarray(0, 64);
	return [
		repeated('crc32, 64 B', 1_000, () => kernel.crc32(small)),
		repeated('crc32, 16 KiB', 10, () => kernel.crc32(large)),
		repeated('xxHash64, 64 B', 1_000, () => kernel.xxHash64(small)),
		repeated('xxHash64, 16 KiB', 10, () => kernel.xxHash64(large)),
	];
}

/**
 * @param {Kernel} kernel
 * @returns {Case[]}
 */
function blockCases(kernel) {
	const { entries, block } = defaultBlock(kernel);
	const targets = entries.map((_, i) => entries[shuffled(i, entries.length)][0]);
	/** @param {string} name @param {(target: Uint8Array) => unknown} operation */
	const searching = (name, operation) => ({
		name,
		operations: targets.length,
		run: () => {
			for (const target of targets) sink = operation(target);
		},
	});
	return [
		repeated(ENCODE, 10, () => kernel.encodeDataBlock(entries, RESTART_INTERVAL)),
		repeated(DECODE, 10, () => kernel.decodeBlock(block)),
		searching('seek in a block', (target) => kernel.seekBlock(block, target)),
		searching('find in a block', (target) => kernel.findInBlock(block, target)),
	];
}

/**
 * A data block of the default size, cut as a table cuts it: entries of 16 + 8 and 100 bytes.
 * @param {Kernel} kernel
 */
function defaultBlock(kernel) {
	const all = internalEntries(0, MOST_ENTRIES, 1);
	for (let count = 1; ; count++) {
		const entries = all.slice(0, count);
		const block = kernel.encodeDataBlock(entries, RESTART_INTERVAL);
		if (block.length >= BLOCK_SIZE || count === MOST_ENTRIES) return { entries, block };
	}
}

/**
 * What a block holds and how fast it is made and read, through the wrappers of the `Kernel` interface, which make an object of each entry.
 * @param {Kernel} kernel
 * @param {import('./measure.mjs').Result[]} results of the primitives
 */
export function describeBlocks(kernel, results) {
	const { entries, block } = defaultBlock(kernel);
	const rate = (/** @type {string} */ name) => {
		const figures = results.find((result) => result.name === name)?.figures[kernel.name];
		return figures === undefined ? '-' : ((block.length * 1000) / figures.nanoseconds).toFixed(0);
	};
	return `blocks, ${kernel.name}: ${entries.length} entries a block of ${block.length} bytes, encode ${rate(ENCODE)} MB/s, decode ${rate(DECODE)} MB/s`;
}

/**
 * @param {Kernel} kernel
 * @returns {Case[]}
 */
function filterCases(kernel) {
	const keys = Array.from({ length: FILTER_KEYS }, (_, i) => Buffer.from(keyText(i)));
	const filter = kernel.buildFilter('blocked-bloom', keys, 10_000, 7);
	const present = keys.slice(0, PROBES_PER_SAMPLE);
	const absent = Array.from({ length: PROBES_PER_SAMPLE }, (_, i) => Buffer.from(missingKeyText(i)));
	/** @param {Buffer[]} probes */
	const probe = (probes) => () => {
		for (const key of probes) sink = kernel.filterMayContain('blocked-bloom', filter, key);
	};
	return [
		{
			name: 'build a filter, a key',
			operations: FILTER_KEYS,
			run: () => void kernel.buildFilter('blocked-bloom', keys, 10_000, 7),
		},
		{ name: 'filter probe, key there', operations: PROBES_PER_SAMPLE, run: probe(present) },
		{ name: 'filter probe, key missing', operations: PROBES_PER_SAMPLE, run: probe(absent) },
	];
}

/**
 * @param {Kernel} kernel
 * @returns {Case}
 */
function mergeCase(kernel) {
	const runs = [0, 1, 2, 3].map((first) => kernel.encodeBlock(internalEntries(first, MOST_ENTRIES, 4), RESTART_INTERVAL));
	return {
		name: 'merge 4 blocks, an entry',
		operations: 4 * MOST_ENTRIES,
		run: () => void kernel.mergeBlocks(runs, RESTART_INTERVAL),
	};
}

/**
 * @param {string} name
 * @param {number} operations
 * @param {() => unknown} operation
 * @returns {Case}
 */
function repeated(name, operations, operation) {
	return {
		name,
		operations,
		run: () => {
			for (let i = 0; i < operations; i++) sink = operation();
		},
	};
}
