/**
 * A store without I/O: a memtable, a tree, and the compactions that a strategy of dist/ picks, each run to its end at once, after every
 * flush. It measures what `stats().amplification` of a store tells:
 *
 *  - write amplification: bytes that the log, flushes and compactions write, for each byte that comes in
 *  - read amplification: sorted runs that a get may have to look into: the memtable, the tables of level 0, and one for each deeper level
 *    with tables
 *  - space amplification: bytes of tables for each byte that is visible
 */
import { createRequire } from 'node:module';
import { Random } from './random.mjs';
import { cut, ENTRY_BYTES, makeTable, merge, withoutTombstones } from './tables.mjs';

/** @typedef {import('./tables.mjs').SimulatedTable} SimulatedTable */
/** @typedef {import('../../dist/compaction/compaction.js').Compaction} Compaction */
/** @typedef {import('../../dist/options/schema.js').ResolvedOptions} ResolvedOptions */
/** @typedef {{ operations: number, write: number, read: number, space: number }} Sample operations so far, and the amplifications then */
/**
 * @typedef {object} Result
 * @property {Sample[]} samples
 * @property {number} write of the whole run
 * @property {number} read mean of the second half
 * @property {number} space mean of the second half
 * @property {number} peakSpace of the second half
 * @property {number} merges
 * @property {number} drops
 * @property {number} moves
 */

const require = createRequire(import.meta.url);
/** @type {typeof import('../../dist/compaction/strategy.js')} */
const { makeStrategy } = require('../../dist/compaction/strategy.js');
/** @type {typeof import('../../dist/compaction/compaction.js')} */
const { rangesBelow } = require('../../dist/compaction/compaction.js');
/** @type {typeof import('../../dist/limits.js')} */
const { LEVELS } = require('../../dist/limits.js');

/** Samples of a run, at most. */
const SAMPLES = 72;

export class Simulation {
	#options;
	#strategy;
	/** @type {SimulatedTable[][]} */
	#levels = Array.from({ length: LEVELS }, () => []);
	/** @type {Map<number, Uint8Array>} */
	#pointers = new Map();
	/** By key: 1 when a read finds it. */
	#visible;
	/** By key: the number of the table that was flushed last with it. */
	#newest;
	#live = 0;
	#userBytes = 0;
	#tableBytes = 0;
	#jobs = { merge: 0, drop: 0, move: 0 };
	#number = 0;
	#sequence = 0;

	/**
	 * @param {ResolvedOptions} options
	 * @param {number} keys
	 */
	constructor(options, keys) {
		this.#options = options;
		this.#strategy = makeStrategy(options);
		this.#visible = new Uint8Array(keys);
		this.#newest = new Uint32Array(keys);
	}

	/**
	 * Plays a load.
	 * @param {import('./loads.mjs').Load} load
	 * @param {{ operations: number, seed: number, onProgress: (done: number) => void }} settings
	 * @returns {Result}
	 */
	run(load, { operations, seed, onProgress }) {
		const random = new Random(seed);
		const memtableEntries = Math.floor(this.#options.memtableSize / ENTRY_BYTES);
		const step = Math.ceil(operations / SAMPLES);
		/** @type {Map<number, number>} */
		const memtable = new Map();
		/** @type {Sample[]} */
		const samples = [];
		for (let done = 1; done <= operations; done++) {
			this.#write(load.write(done - 1, random), memtable);
			if (memtable.size === memtableEntries) this.#flush(memtable);
			if (done % step !== 0 && done !== operations) continue;
			samples.push({ operations: done, ...this.#amplifications() });
			onProgress(done);
		}
		return this.#resultOf(samples);
	}

	/**
	 * @param {Sample[]} samples
	 * @returns {Result}
	 */
	#resultOf(samples) {
		// The tree grows into its shape first.
		const settled = samples.slice(Math.floor(samples.length / 2));
		/** @param {'read' | 'space'} field */
		const mean = (field) => settled.reduce((sum, sample) => sum + sample[field], 0) / settled.length;
		return {
			samples,
			write: samples[samples.length - 1].write,
			read: mean('read'),
			space: mean('space'),
			peakSpace: Math.max(...settled.map((sample) => sample.space)),
			merges: this.#jobs.merge,
			drops: this.#jobs.drop,
			moves: this.#jobs.move,
		};
	}

	/**
	 * @param {number} operation
	 * @param {Map<number, number>} memtable
	 */
	#write(operation, memtable) {
		const deletes = operation < 0;
		const key = deletes ? -1 - operation : operation;
		memtable.set(key, deletes ? 1 : 0);
		this.#live += (deletes ? 0 : 1) - this.#visible[key];
		this.#visible[key] = deletes ? 0 : 1;
		this.#userBytes += ENTRY_BYTES;
		this.#sequence++;
	}

	/** @param {Map<number, number>} memtable */
	#flush(memtable) {
		const codes = Uint32Array.from(memtable, ([key, deletes]) => key * 2 + deletes).sort();
		memtable.clear();
		const [table] = this.#makeTables([codes], this.#sequence);
		this.#levels[0].unshift(table);
		for (const code of codes) this.#newest[code >>> 1] = table.number;
		for (let compaction = this.#pick(); compaction !== undefined; compaction = this.#pick()) this.#compact(compaction);
	}

	#view() {
		return {
			levels: this.#levels,
			busy: new Set(),
			running: [],
			pointers: this.#pointers,
			oldestSnapshot: Number.POSITIVE_INFINITY,
			now: this.#now(),
		};
	}

	/** A write takes a millisecond. */
	#now() {
		return this.#sequence;
	}

	#pick() {
		return this.#strategy.pick(this.#view());
	}

	/** @param {Compaction} compaction */
	#compact(compaction) {
		const keep = rangesBelow(this.#view(), compaction);
		const inputs = /** @type {SimulatedTable[]} */ (compaction.inputs.flatMap(({ tables }) => tables));
		const gone = new Set(inputs);
		for (const level of this.#levels) level.splice(0, level.length, ...level.filter((table) => !gone.has(table)));
		const output = this.#levels[compaction.outputLevel];
		if (compaction.kind === 'merge') output.push(...this.#merge(compaction, keep));
		if (compaction.kind === 'move') output.push(...inputs);
		if (compaction.kind === 'drop') this.#forget(inputs);
		if (compaction.outputLevel === 0) output.sort((a, b) => b.largestSequence - a.largestSequence);
		else output.sort((a, b) => Buffer.compare(a.smallest, b.smallest));
		if (compaction.pointer !== undefined) this.#pointers.set(compaction.level, compaction.pointer);
		this.#jobs[compaction.kind]++;
	}

	/**
	 * @param {Compaction} compaction
	 * @param {[Uint8Array, Uint8Array][]} keep
	 */
	#merge({ inputs, outputLevel, cuts }, keep) {
		let run = new Uint32Array();
		for (const { level, tables } of inputs) {
			const simulated = /** @type {SimulatedTable[]} */ (tables);
			if (level === 0) for (const table of simulated) run = merge(run, table.codes);
			else run = merge(run, concatenate(simulated));
		}
		const number = (/** @type {Uint8Array} */ key) => Buffer.from(key).readUInt32BE();
		const kept = withoutTombstones(
			run,
			keep.map(([smallest, end]) => ({ smallest: number(smallest), end: number(end) })),
		);
		const entries = outputLevel === 0 ? Number.POSITIVE_INFINITY : this.#options.tableSize / ENTRY_BYTES;
		const newest = Math.max(...inputs.flatMap(({ tables }) => tables.map((table) => table.largestSequence)));
		return this.#makeTables(cut(kept, entries, cuts.map(number)), newest);
	}

	/**
	 * @param {Uint32Array[]} runs
	 * @param {number} largestSequence
	 */
	#makeTables(runs, largestSequence) {
		const tables = runs.map((codes) => makeTable(codes, { number: ++this.#number, largestSequence, createdAt: this.#now() }));
		for (const { size } of tables) this.#tableBytes += size;
		return tables;
	}

	/**
	 * Dropped tables take their keys with them, where they held the newest entry. Of fifo, which never merges.
	 * @param {SimulatedTable[]} tables
	 */
	#forget(tables) {
		for (const { codes, number } of tables)
			for (const code of codes) {
				const key = code >>> 1;
				if (this.#newest[key] !== number) continue;
				this.#live -= this.#visible[key];
				this.#visible[key] = 0;
			}
	}

	#amplifications() {
		const tableBytes = this.#levels.flat().reduce((sum, table) => sum + table.size, 0);
		return {
			// The log has every byte once.
			write: 1 + this.#tableBytes / this.#userBytes,
			read: 1 + this.#levels[0].length + this.#levels.slice(1).filter((tables) => tables.length > 0).length,
			space: tableBytes / Math.max(1, this.#live * ENTRY_BYTES),
		};
	}
}

/** @param {SimulatedTable[]} tables */
function concatenate(tables) {
	const codes = new Uint32Array(tables.reduce((sum, table) => sum + table.entries, 0));
	let end = 0;
	for (const table of tables) {
		codes.set(table.codes, end);
		end += table.entries;
	}
	return codes;
}
