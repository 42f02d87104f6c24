/**
 * What reads see: memtables and tables, newest first.
 *
 * Invariants:
 *  1. A view never changes. It holds a reference on each of its tables until its own last reference is released.
 *  2. Sources are numbered newest first: memtables, tables of level 0, levels from 1 down. The first that knows a key decides.
 */
import type { BlockSource } from './block-source';
import type { Cursor } from './cursor';
import { Level, LevelCursor } from './level-cursor';
import type { Memtable } from './memtable/memtable';
import { TableCursor } from './table/cursor';
import type { Table } from './table/reader';

export class View {
	/** Levels 1 and below that hold tables. */
	readonly levels: readonly Level[];
	private references = 1;

	/** @param deeper tables of levels 1 and below, each in key order */
	constructor(
		readonly memtables: readonly Memtable[],
		readonly level0: readonly Table[],
		deeper: readonly (readonly Table[])[],
	) {
		this.levels = deeper.flatMap((tables, i) => (tables.length > 0 ? [new Level(tables, i + 1)] : []));
		this.forEachTable((table) => table.retain());
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
	cursors(blocks: BlockSource): Cursor[] {
		return [
			...this.memtables.map((memtable) => memtable.cursor()),
			...this.level0.map((table) => new TableCursor(table, blocks)),
			...this.levels.map((level) => new LevelCursor(level, blocks)),
		];
	}

	private forEachTable(visit: (table: Table) => void): void {
		for (const table of this.level0) visit(table);
		for (const level of this.levels) for (const table of level.tables) visit(table);
	}
}
