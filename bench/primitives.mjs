/** What a kernel does one by one: checksums, blocks, filters, merging. */
import { internalEntries, keyText, missingKeyText, shuffled, valueBytes } from './dataset.mjs';

/** @typedef {import('../dist/kernel/kernel.js').Kernel} Kernel */
/** @typedef {import('./measure.mjs').Case} Case */

const RESTART_INTERVAL = 16;
/** Entries of 16 + 8 and 100 bytes that make a block of about 16 KiB. */
const BLOCK_ENTRIES = 140;
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
	const entries = internalEntries(0, BLOCK_ENTRIES, 1);
	const block = kernel.encodeBlock(entries, RESTART_INTERVAL);
	const targets = entries.map((_, i) => entries[shuffled(i, BLOCK_ENTRIES)][0]);
	return [
		repeated(`encode a block, ${BLOCK_ENTRIES} entries`, 1, () => kernel.encodeBlock(entries, RESTART_INTERVAL)),
		repeated(`decode a block, ${BLOCK_ENTRIES} entries`, 1, () => kernel.decodeBlock(block)),
		{
			name: 'seek in a block',
			operations: targets.length,
			run: () => {
				for (const target of targets) sink = kernel.seekBlock(block, target);
			},
		},
	];
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
	const runs = [0, 1, 2, 3].map((first) => kernel.encodeBlock(internalEntries(first, BLOCK_ENTRIES, 4), RESTART_INTERVAL));
	return {
		name: 'merge 4 blocks, an entry',
		operations: 4 * BLOCK_ENTRIES,
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
