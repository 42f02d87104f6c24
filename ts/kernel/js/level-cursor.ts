/**
 * Walks one level (or any sorted run): tables that follow each other in key order and do not overlap.
 *
 * Invariants:
 *  1. One table is open for walking at a time; a seek that lands in it keeps its block.
 *  2. `index` holds the largest internal key of each table, so a seek touches one table, `seekForPrev` one or two.
 */
import { CorruptionError } from '../../errors';
import type { BlockSource } from './block-source';
import { EMPTY } from './bytes';
import type { Cursor } from './cursor';
import { TableCursor } from './table/cursor';
import { KeyIndex } from './table/key-index';
import type { Table } from './table/reader';

/** A level and the index of its tables. */
export class Level {
	readonly index = new KeyIndex();

	/**
	 * @param tables in key order
	 * @param number which level of the tree it is; a job's run needs none
	 */
	constructor(
		readonly tables: readonly Table[],
		readonly number = 0,
	) {
		for (const table of tables) {
			const { largestKey } = table.properties;
			if (this.index.append(largestKey, 0, largestKey.length)) continue;
			throw new CorruptionError(`${table.path} overlaps the table before it in its level`, { path: table.path });
		}
		this.index.finish();
	}
}

export class LevelCursor implements Cursor {
	private position = -1;
	private current: TableCursor | undefined;
	valid = false;
	readonly keyStart = 0;

	constructor(
		private readonly level: Level,
		private readonly source: BlockSource,
	) {}

	get keyBytes(): Buffer {
		return this.current?.keyBytes ?? EMPTY;
	}

	get keyEnd(): number {
		return this.current?.keyEnd ?? 0;
	}

	get valueBytes(): Buffer {
		return this.current?.valueBytes ?? EMPTY;
	}

	get valueStart(): number {
		return this.current?.valueStart ?? 0;
	}

	get valueEnd(): number {
		return this.current?.valueEnd ?? 0;
	}

	seekToFirst(): void {
		this.valid = false;
		if (this.level.tables.length === 0) return;
		const table = this.enter(0);
		table.seekToFirst();
		this.skipForward(table);
	}

	seekToLast(): void {
		this.valid = false;
		if (this.level.tables.length === 0) return;
		const table = this.enter(this.level.tables.length - 1);
		table.seekToLast();
		this.skipBackward(table);
	}

	seek(bytes: Uint8Array, start: number, end: number): void {
		this.valid = false;
		const position = this.level.index.lowerBound(bytes, start, end);
		if (position === this.level.tables.length) return;
		const table = this.enter(position);
		table.seek(bytes, start, end);
		this.skipForward(table);
	}

	seekForPrev(bytes: Uint8Array, start: number, end: number): void {
		this.valid = false;
		const position = this.level.index.lowerBound(bytes, start, end);
		if (position === this.level.tables.length) {
			this.seekToLast();
			return;
		}
		const table = this.enter(position);
		table.seekForPrev(bytes, start, end);
		this.skipBackward(table);
	}

	next(): void {
		const table = this.current as TableCursor;
		this.valid = false;
		table.next();
		this.skipForward(table);
	}

	prev(): void {
		const table = this.current as TableCursor;
		this.valid = false;
		table.prev();
		this.skipBackward(table);
	}

	private enter(position: number): TableCursor {
		if (this.current === undefined || position !== this.position) {
			this.position = position;
			this.current = new TableCursor(this.level.tables[position], this.source);
		}
		return this.current;
	}

	private skipForward(table: TableCursor): void {
		while (!table.valid) {
			if (this.position + 1 >= this.level.tables.length) return;
			table = this.enter(this.position + 1);
			table.seekToFirst();
		}
		this.valid = true;
	}

	private skipBackward(table: TableCursor): void {
		while (!table.valid) {
			if (this.position === 0) return;
			table = this.enter(this.position - 1);
			table.seekToLast();
		}
		this.valid = true;
	}
}
