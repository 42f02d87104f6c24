/**
 * A tree whose tables are lists of versions in memory, on which compactions run without files: what a store guarantees is checked after
 * every job, against all that was ever written. A byte is an entry.
 */
import { expect } from 'vitest';
import { successor } from '../../ts/bytes';
import { type Compaction, inputTables, rangesBelow, reachOf } from '../../ts/compaction/compaction';
import { type KeyRange, overlaps } from '../../ts/compaction/key-range';
import { splitCompaction } from '../../ts/compaction/split';
import type { RunningSpan, TableShape, TreeView } from '../../ts/compaction/tree';
import { LEVELS } from '../../ts/limits';
import { isBefore } from '../../ts/manifest/table-metadata';

interface Version {
	key: number;
	sequence: number;
	deletes: boolean;
}

interface ModelTable extends TableShape {
	versions: Version[];
}

/** A job between its begin and its end. */
interface Job extends RunningSpan {
	compaction: Compaction;
	keep: [Uint8Array, Uint8Array][];
	oldestSnapshot: number;
}

const bytesOfKey = (key: number) => Buffer.from(String(key).padStart(6, '0'));
const contains = ([start, end]: [Uint8Array, Uint8Array], key: Uint8Array) =>
	Buffer.compare(start, key) <= 0 && isBefore(key, end);

export class TreeModel {
	now = 0;
	oldestSnapshot = Number.POSITIVE_INFINITY;
	sequence = 0;
	readonly jobs: Job[] = [];
	readonly #tableSize: number;
	readonly #levels: ModelTable[][] = Array.from({ length: LEVELS }, () => []);
	readonly #pointers = new Map<number, Uint8Array>();
	readonly #history = new Map<number, Version[]>();
	/** Highest sequence number that a drop took, by key. */
	readonly #dropped = new Map<number, number>();
	#lastNumber = 0;

	constructor(tableSize: number) {
		this.#tableSize = tableSize;
	}

	view(): TreeView {
		return {
			levels: this.#levels.map((tables) => [...tables]),
			busy: new Set(this.jobs.flatMap(({ compaction }) => inputTables(compaction).map((table) => table.number))),
			running: this.jobs.map(({ outputLevel, range }) => ({ outputLevel, range })),
			pointers: this.#pointers,
			oldestSnapshot: this.oldestSnapshot,
			now: this.now,
		};
	}

	/** A new table of level 0. */
	flush(writes: Map<number, boolean>): void {
		const versions = [...writes].map(([key, deletes]) => ({ key, sequence: ++this.sequence, deletes }));
		for (const version of versions) this.#history.set(version.key, [version, ...(this.#history.get(version.key) ?? [])]);
		this.#levels[0].unshift(this.#makeTable(versions.sort(byKey)));
	}

	/** Merges level 0 into a level, as a store that was filled from level 1 on may have it. */
	place(outputLevel: number): void {
		const base = { kind: 'merge', reason: 'level0', level: 0, pointer: undefined, priority: 1 } as const;
		this.begin({ ...base, cuts: [], outputLevel, inputs: [{ level: 0, tables: [...this.#levels[0]] }] });
		this.end(0);
	}

	/** Checks that a compaction may run, and begins it. */
	begin(compaction: Compaction): void {
		const tree = this.view();
		const tables = inputTables(compaction);
		expect(tables.length).toBeGreaterThan(0);
		for (const { level, tables: some } of compaction.inputs)
			for (const table of some) {
				expect(this.#levels[level]).toContain(table);
				expect(tree.busy.has(table.number), 'an input is busy').toBe(false);
			}
		if (compaction.kind !== 'drop') this.#checkNothingOlderStays(compaction, tables);
		const range = reachOf(compaction);
		const { outputLevel } = compaction;
		const keep = rangesBelow(tree, compaction);
		this.jobs.push({ compaction, outputLevel, range, keep, oldestSnapshot: this.oldestSnapshot });
	}

	/** Ends one of the jobs, and checks the tree. */
	end(index: number): void {
		const [job] = this.jobs.splice(index, 1);
		const { compaction } = job;
		const inputs = inputTables(compaction) as ModelTable[];
		for (const tables of this.#levels) {
			const left = tables.filter((table) => !inputs.includes(table));
			tables.splice(0, tables.length, ...left);
		}
		const output = this.#levels[compaction.outputLevel];
		if (compaction.kind === 'move') output.push(...inputs);
		if (compaction.kind === 'merge') output.push(...this.#merge(job, inputs));
		if (compaction.kind === 'drop') for (const { versions } of inputs) for (const version of versions) this.#drop(version);
		if (compaction.outputLevel === 0) output.sort((a, b) => b.largestSequence - a.largestSequence);
		else output.sort((a, b) => Buffer.compare(a.smallest, b.smallest));
		if (compaction.pointer !== undefined) this.#pointers.set(compaction.level, compaction.pointer);
		this.check();
	}

	check(): void {
		for (const tables of this.#levels.slice(1))
			for (const [i, table] of tables.entries())
				if (i > 0) expect(isBefore(table.smallest, tables[i - 1].end), 'tables of a level overlap').toBe(false);
		const found = new Map<number, Version[]>([...this.#history.keys()].map((key) => [key, []]));
		for (const table of this.#levels.flat()) for (const version of table.versions) found.get(version.key)?.push(version);
		for (const [key, history] of this.#history) this.#checkKey(key, history, found.get(key) ?? []);
	}

	/** Versions come newest first, and the newest, and that of the snapshot, are what was written. */
	#checkKey(key: number, history: Version[], found: Version[]): void {
		const isSorted = found.every((version, i) => i === 0 || version.sequence < found[i - 1].sequence);
		expect(isSorted, `an older version of ${key} stands above a newer one`).toBe(true);
		for (const sequence of [Number.POSITIVE_INFINITY, this.oldestSnapshot]) {
			const sees = (versions: Version[]) => {
				const version = versions.find((one) => one.sequence <= sequence);
				return version === undefined || version.deletes ? undefined : version.sequence;
			};
			const expected = sees(history);
			const isDropped = expected !== undefined && expected <= (this.#dropped.get(key) ?? 0);
			if (sees(found) !== (isDropped ? undefined : expected)) expect(sees(found), `what is read of ${key}`).toBe(expected);
		}
	}

	/** No table stays, above the output or in front of it, that is older than an input which it overlaps. */
	#checkNothingOlderStays({ level, outputLevel }: Compaction, tables: TableShape[]): void {
		const stays = (from: number) => this.#levels[from].filter((table) => !tables.includes(table));
		const newest = (table: ModelTable, key: number) => table.versions.find((version) => version.key === key)?.sequence ?? 0;
		for (let from = level; from < outputLevel; from++)
			for (const one of stays(from))
				for (const table of tables as ModelTable[])
					if (overlaps(one, table))
						for (const { key, sequence } of table.versions) {
							const other = newest(one, key);
							if (other !== 0 && other < sequence) expect.fail(`a newer version of ${key} passes an older one`);
						}
	}

	#merge({ compaction, keep, oldestSnapshot }: Job, inputs: ModelTable[]): ModelTable[] {
		const stripe = ({ sequence }: Version) => (sequence > oldestSnapshot ? 1 : 0);
		const all = inputs.flatMap(({ versions }) => versions).sort(byKey);
		expect(splitVersions(compaction), 'the parts of a split merge').toEqual(all);
		const kept = all.filter((version, i) => {
			const newer = all[i - 1];
			if (newer?.key === version.key && stripe(newer) === stripe(version)) return false;
			const isNeeded = stripe(version) > 0 || keep.some((range) => contains(range, bytesOfKey(version.key)));
			return !version.deletes || isNeeded;
		});
		return this.#cut(kept, compaction).map((versions) => this.#makeTable(versions));
	}

	#cut(versions: Version[], { outputLevel, cuts }: Compaction): Version[][] {
		const tables: Version[][] = [];
		for (const version of versions) {
			const last = tables.at(-1);
			const previous = last?.at(-1);
			const crosses = (cut: Uint8Array) =>
				previous !== undefined &&
				Buffer.compare(bytesOfKey(previous.key), cut) < 0 &&
				Buffer.compare(cut, bytesOfKey(version.key)) <= 0;
			const isFull = outputLevel > 0 && (last?.length ?? 0) >= this.#tableSize && previous?.key !== version.key;
			if (last === undefined || isFull || cuts.some(crosses)) tables.push([version]);
			else last.push(version);
		}
		return tables;
	}

	#makeTable(versions: Version[]): ModelTable {
		const end = successor(bytesOfKey((versions.at(-1) as Version).key));
		const range: KeyRange = { smallest: bytesOfKey(versions[0].key), end };
		return {
			...range,
			number: ++this.#lastNumber,
			size: versions.length,
			// As if each were many: so small a table would never have enough entries.
			entries: 100 * versions.length,
			tombstones: 100 * versions.filter((version) => version.deletes).length,
			largestSequence: Math.max(...versions.map((version) => version.sequence)),
			createdAt: this.now,
			versions,
		};
	}

	#drop({ key, sequence }: Version): void {
		this.#dropped.set(key, Math.max(sequence, this.#dropped.get(key) ?? 0));
	}
}

/** What the parts of a split merge read, one part after the other. */
function splitVersions(compaction: Compaction): Version[] {
	return splitCompaction(compaction, 3).flatMap(({ lower, upper, inputs }) => {
		const isWithin = ({ key }: Version) =>
			(lower === undefined || Buffer.compare(bytesOfKey(key), lower) >= 0) &&
			(upper === undefined || Buffer.compare(bytesOfKey(key), upper) < 0);
		const tables = inputTables({ inputs }) as ModelTable[];
		return tables.flatMap(({ versions }) => versions.filter(isWithin)).sort(byKey);
	});
}

function byKey(a: Version, b: Version): number {
	return a.key - b.key || b.sequence - a.sequence;
}
