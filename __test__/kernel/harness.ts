/** An engine beside a model: every version of every key in a map. The model test drives it at random. */
import { unlinkSync } from 'node:fs';
import { expect } from 'vitest';
import type { CompactionJob, Kernel, KernelEngine, TableOptions, TableSummary } from '../../ts/kernel/kernel';
import { endOf, isBefore, userKeyOf } from '../../ts/manifest/table-metadata';
import { apply, jobOutput, type Operation, type Random, type TextEntry, tableSpec } from './support';

interface Version {
	sequence: number;
	value: string | undefined;
	expiresAt: number | undefined;
}

export class Harness {
	readonly engine: KernelEngine;
	readonly snapshots: number[] = [];
	lastSequence = 0;
	private readonly model = new Map<string, Version[]>();
	/** Oldest first. */
	private readonly rangeDeletes: { sequence: number; start: Buffer; end: Buffer }[] = [];
	private memtables = [1];
	private nextMemtable = 2;
	private nextFile = 1;
	/** Milliseconds since the epoch, of reads and of jobs. */
	private time = 1_700_000_000_000;
	/** Level 0 newest first, the others in key order. */
	levels: TableSummary[][] = [[], [], []];

	constructor(
		kernel: Kernel,
		private readonly directory: string,
		readonly random: Random,
		cacheBytes: number,
		private readonly table: Partial<TableOptions>,
	) {
		this.engine = kernel.createEngine({ cacheBytes });
		this.engine.setTime(this.time);
		this.engine.createMemtable(1, 1 << 20);
		this.install();
	}

	write(): void {
		const operations: Operation[] = [];
		for (let i = this.random.below(20); i >= 0; i--) {
			const key = this.random.key();
			if (this.random.chance(0.04)) {
				const end = this.random.key();
				operations.push({ key, end });
				this.rangeDeletes.push({ sequence: this.lastSequence + operations.length, start: key, end });
				continue;
			}
			const value = this.random.chance(0.3) ? undefined : this.random.bytes(this.random.below(60));
			const expiresAt = value !== undefined && this.random.chance(0.4) ? this.time + this.random.below(100) : undefined;
			operations.push({ key, value, expiresAt });
			const versions = this.model.get(key.toString('latin1')) ?? [];
			versions.push({ sequence: this.lastSequence + operations.length, value: value?.toString('latin1'), expiresAt });
			this.model.set(key.toString('latin1'), versions);
		}
		apply(this.engine, this.lastSequence + 1, operations);
		this.lastSequence += operations.length;
	}

	freeze(): void {
		const id = this.nextMemtable++;
		this.engine.createMemtable(id, 1 << 20);
		this.memtables.unshift(id);
		this.install();
	}

	async flush(): Promise<void> {
		if (this.memtables.length < 2) this.freeze();
		const id = this.memtables.at(-1) as number;
		const outputs = await this.engine.flush({ memtable: id, snapshots: this.liveSnapshots(), output: this.output(0) }).done;
		await this.open(outputs);
		this.memtables.pop();
		this.levels[0]?.unshift(...outputs);
		this.install();
		this.engine.dropMemtable(id);
	}

	/** Compacts a level into the next: all of level 0, or one table and what it overlaps. */
	async compact(): Promise<void> {
		const level = this.random.below(2);
		const from = this.levels[level] as TableSummary[];
		if (from.length === 0) return;
		const upper = level === 0 ? from : [this.random.pick(from)];
		const next = this.levels[level + 1] as TableSummary[];
		const lower = next.filter((table) => upper.some((other) => overlaps(table, other)));
		const runs = level === 0 ? upper.map((table) => [table.number]) : [upper.map((table) => table.number)];
		if (lower.length > 0) runs.push(lower.map((table) => table.number));
		const below = level === 0 ? (this.levels[2] as TableSummary[]) : [];
		const jobs = this.parts().map(
			(part) =>
				this.engine.compact({
					runs,
					snapshots: this.liveSnapshots(),
					keepTombstones: below.map((table) => [userKeyOf(table.smallestKey), endOf(table)]),
					...part,
					output: this.output(level + 1),
				}).done,
		);
		const outputs = (await Promise.all(jobs)).flat();
		await this.open(outputs);
		this.levels[level] = from.filter((table) => !upper.includes(table));
		const merged = [...next.filter((table) => !lower.includes(table)), ...outputs];
		this.levels[level + 1] = merged.sort((a, b) => Buffer.compare(userKeyOf(a.smallestKey), userKeyOf(b.smallestKey)));
		this.install();
		const dropped = [...upper, ...lower];
		this.engine.dropTables(dropped.map((table) => table.number));
		for (const table of dropped) unlinkSync(tableSpec(this.directory, table).path);
	}

	/** Drops the tables that newer range deletes have emptied. */
	dropCovered(): void {
		const numbers = this.engine.coveredTables(this.liveSnapshots());
		const covered = this.levels.flat().filter((table) => numbers.includes(table.number));
		expect(covered.length).toBe(numbers.length);
		this.levels = this.levels.map((level) => level.filter((table) => !covered.includes(table)));
		this.install();
		this.engine.dropTables(numbers);
		for (const table of covered) unlinkSync(tableSpec(this.directory, table).path);
	}

	/** Lets time pass. */
	wait(): void {
		this.time += this.random.below(60);
		this.engine.setTime(this.time);
	}

	takeSnapshot(): void {
		this.snapshots.push(this.lastSequence);
	}

	releaseSnapshot(): void {
		if (this.snapshots.length > 0) this.snapshots.splice(this.random.below(this.snapshots.length), 1);
	}

	/** Value that the model has for a key at a sequence number, now. */
	expected(key: string, sequence: number): string | undefined {
		const version = this.model.get(key)?.findLast((one) => one.sequence <= sequence);
		if (version === undefined || (version.expiresAt ?? Number.POSITIVE_INFINITY) <= this.time) return undefined;
		const bytes = Buffer.from(key, 'latin1');
		const hidden = this.rangeDeletes.some(
			(one) =>
				one.sequence > version.sequence &&
				one.sequence <= sequence &&
				Buffer.compare(one.start, bytes) <= 0 &&
				isBefore(bytes, one.end),
		);
		return hidden ? undefined : version.value;
	}

	/** All live entries of the model at a sequence number, ascending. */
	entries(sequence: number): TextEntry[] {
		const entries: TextEntry[] = [];
		for (const key of this.model.keys()) {
			const value = this.expected(key, sequence);
			if (value !== undefined) entries.push([key, value]);
		}
		return entries.sort(([a], [b]) => (a < b ? -1 : 1));
	}

	checkShape(): void {
		for (const level of this.levels.slice(1)) {
			for (let i = 1; i < level.length; i++) {
				const [before, after] = [level[i - 1] as TableSummary, level[i] as TableSummary];
				expect(isBefore(userKeyOf(after.smallestKey), endOf(before))).toBe(false);
			}
		}
	}

	private liveSnapshots(): number[] {
		return [...new Set(this.snapshots)].sort((a, b) => a - b);
	}

	/** The whole of a compaction, or parts of it with cuts. */
	private parts(): Pick<CompactionJob, 'lower' | 'upper' | 'cuts'>[] {
		if (this.random.chance(0.5)) return [{}];
		const cuts = [this.random.key(), this.random.key()].sort(Buffer.compare);
		const bound = this.random.key();
		return [{ upper: bound, cuts }, { lower: bound }];
	}

	private output(level: number) {
		this.nextFile += 1000;
		const createdAt = BigInt(this.time) * 1_000_000n + 999_999n;
		return { ...jobOutput(this.directory, this.nextFile, level, this.table), createdAt };
	}

	private open(outputs: TableSummary[]): Promise<void> {
		return this.engine.openTables(outputs.map((summary) => tableSpec(this.directory, summary)));
	}

	private install(): void {
		this.engine.installView(
			this.memtables,
			this.levels.map((level) => level.map((table) => table.number)),
		);
	}
}

function overlaps(a: TableSummary, b: TableSummary): boolean {
	return isBefore(userKeyOf(a.smallestKey), endOf(b)) && isBefore(userKeyOf(b.smallestKey), endOf(a));
}
