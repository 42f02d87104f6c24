/**
 * Walks one level (or any sorted run): tables that follow each other in key order and do not overlap.
 *
 * Invariants:
 *  1. One table is open for walking at a time; a seek that lands in it keeps its block.
 *  2. `index` holds the largest internal key of each table but the last, so a seek touches one table, `seekForPrev` one or two. What lies
 *     behind the others is looked for in the last: it may have no end.
 */
import { CorruptionError } from '../../errors';
import type { BlockSource } from './block-source';
import { EMPTY } from './bytes';
import type { SourceCursor } from './cursor';
import { firstKey } from './internal-key';
import type { PackedChunk } from './packed-chunk';
import { compareEnds, compareKeys, type RangeDelete } from './range-delete';
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
		for (const table of tables.slice(0, -1)) {
			const { largestKey } = table.span;
			if (this.index.append(largestKey, 0, largestKey.length)) continue;
			throw new CorruptionError(`${table.path} overlaps the table before it in its level`, { path: table.path });
		}
		this.index.finish();
	}
}

export class LevelCursor implements SourceCursor {
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
		if (this.level.tables.length === 0) return;
		const table = this.enter(this.level.index.lowerBound(bytes, start, end));
		table.seek(bytes, start, end);
		this.skipForward(table);
	}

	seekForPrev(bytes: Uint8Array, start: number, end: number): void {
		this.valid = false;
		if (this.level.tables.length === 0) return;
		const table = this.enter(this.level.index.lowerBound(bytes, start, end));
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

	/** A table with something as new as the range delete is not passed over; one that lies wholly within it is passed without being read. */
	pass(over: RangeDelete, reverse: boolean): void {
		if (!this.level.tables[this.position].isOlder(over)) {
			if (reverse) this.prev();
			else this.next();
		} else if (reverse) this.passBackward(over);
		else this.passForward(over);
	}

	packRun(into: PackedChunk, sequence: number, upper: Uint8Array | undefined): void {
		this.current?.packRun(into, sequence, upper);
	}

	packRunBackward(into: PackedChunk, sequence: number, lower: Uint8Array | undefined): void {
		this.current?.packRunBackward(into, sequence, lower);
	}

	private passForward(over: RangeDelete): void {
		const { tables } = this.level;
		let { position } = this;
		this.valid = false;
		while (tables[position].isOlder(over) && compareEnds(tables[position].end, over.end) <= 0) {
			if (++position === tables.length) return;
		}
		const table = this.enter(position);
		if (tables[position].isOlder(over)) {
			const target = firstKey(over.end);
			table.seek(target, 0, target.length);
		} else {
			table.seekToFirst();
		}
		this.skipForward(table);
	}

	private passBackward(over: RangeDelete): void {
		const { tables } = this.level;
		let { position } = this;
		this.valid = false;
		while (tables[position].isOlder(over) && compareKeys(over.start, tables[position].smallestUserKey) <= 0) {
			if (position-- === 0) return;
		}
		const table = this.enter(position);
		if (tables[position].isOlder(over)) {
			const target = firstKey(over.start);
			table.seekForPrev(target, 0, target.length);
		} else {
			table.seekToLast();
		}
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
