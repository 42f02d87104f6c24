/**
 * What reads see: memtables and tables, newest first.
 *
 * Invariants:
 *  1. A view never changes. It holds a reference on each of its tables until its own last reference is released.
 *  2. Sources are numbered newest first: memtables, tables of level 0, levels from 1 down. The first that knows a key decides; one with
 *     a range delete over it does.
 */
import type { CachedBlocks } from './block-source';
import { Coverage } from './coverage';
import type { SourceCursor } from './cursor';
import { Level, LevelCursor } from './level-cursor';
import type { Memtable } from './memtable/memtable';
import { TableCursor } from './table/cursor';
import type { Table } from './table/reader';

export class View {
	/** Levels 1 and below that hold tables. */
	readonly levels: readonly Level[];
	/** Tables with range deletes, from all levels. */
	private readonly withRangeDeletes: Table[] = [];
	/** What all of their range deletes cover; made when it is first asked for. */
	private wholeTableCoverage: Coverage | undefined;
	private references = 1;

	/** @param deeper tables of levels 1 and below, each in key order */
	constructor(
		readonly memtables: readonly Memtable[],
		readonly level0: readonly Table[],
		deeper: readonly (readonly Table[])[],
	) {
		this.levels = deeper.flatMap((tables, i) => (tables.length > 0 ? [new Level(tables, i + 1)] : []));
		this.forEachTable((table) => {
			table.retain();
			if (!table.rangeDeletes.isEmpty) this.withRangeDeletes.push(table);
		});
	}

	retain(): this {
		this.references++;
		return this;
	}

	release(): void {
		if (--this.references === 0) this.forEachTable((table) => table.release());
	}

	/** Entries of all its memtables: changes when one is written to. */
	get memtableEntries(): number {
		let entries = 0;
		for (const memtable of this.memtables) entries += memtable.entries;
		return entries;
	}

	/** Tables of a level. */
	tables(level: number): readonly Table[] {
		if (level === 0) return this.level0;
		return this.levels.find(({ number }) => number === level)?.tables ?? [];
	}

	/** One cursor for each source, newest first. */
	cursors(blocks: CachedBlocks): SourceCursor[] {
		return [
			...this.memtables.map((memtable) => memtable.cursor()),
			...this.level0.map((table) => new TableCursor(table, blocks.forScan())),
			...this.levels.map((level) => new LevelCursor(level, blocks.forScan())),
		];
	}

	/** What range deletes cover that `sequence` can see: for each memtable that has some, and for all tables together. */
	coverages(sequence: number): Coverage[] {
		const withSome = this.memtables.filter(({ rangeDeletes }) => !rangeDeletes.isEmpty);
		const coverages = withSome.map(({ rangeDeletes }) => rangeDeletes.coverage(sequence));
		if (this.withRangeDeletes.length > 0) coverages.push(this.tableCoverage(sequence));
		return coverages;
	}

	private tableCoverage(sequence: number): Coverage {
		const tables = this.withRangeDeletes;
		const all = () => tables.flatMap((table) => table.rangeDeletes.all);
		if (tables.some((table) => table.rangeDeletes.newest > sequence)) {
			return Coverage.of(all().filter((one) => one.sequence <= sequence));
		}
		this.wholeTableCoverage ??= Coverage.of(all());
		return this.wholeTableCoverage;
	}

	/**
	 * Numbers of tables of which nobody can see anything any more: newer range deletes of other tables cover their whole span, and no
	 * snapshot is in between.
	 * @param snapshots ascending
	 */
	coveredTables(snapshots: readonly number[]): number[] {
		const covered: number[] = [];
		if (this.withRangeDeletes.length === 0) return covered;
		const coverage = this.tableCoverage(Number.POSITIVE_INFINITY);
		this.forEachTable(({ number, span, smallestUserKey, end }) => {
			const { smallestSequence, largestSequence } = span;
			const newest = coverage.spans(smallestUserKey, end, largestSequence);
			if (newest === undefined) return;
			if (!snapshots.some((snapshot) => snapshot >= smallestSequence && snapshot < newest)) covered.push(number);
		});
		return covered;
	}

	private forEachTable(visit: (table: Table) => void): void {
		for (const table of this.level0) visit(table);
		for (const level of this.levels) for (const table of level.tables) visit(table);
	}
}
