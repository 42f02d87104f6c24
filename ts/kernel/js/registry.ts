/**
 * Memtables and tables that an engine knows by number, and the view that reads go against.
 *
 * Invariants:
 *  1. A table is open as long as the registry, a view or a cursor refers to it; its cached blocks go when it leaves the registry,
 *     and again when nobody refers to it any more.
 *  2. Tables are opened all or none.
 */
import { setImmediate } from 'node:timers/promises';
import { NotFoundError } from '../../errors';
import type { TableSpec } from '../kernel';
import type { BlockCache } from './cache';
import type { FileCache } from './file-cache';
import { Memtable } from './memtable/memtable';
import { Table } from './table/reader';
import { View } from './view';

/** Tables that are opened before other work gets its turn. */
const OPEN_SLICE = 4;

export class Registry {
	readonly memtables = new Map<number, Memtable>();
	private readonly tables = new Map<number, Table>();
	private newest: Memtable | undefined;
	/** Tables that the registry, a view or a cursor refers to. */
	private readonly open = new Set<Table>();
	view = new View([], [], []);

	constructor(
		private readonly files: FileCache,
		private readonly cache: BlockCache,
	) {}

	createMemtable(id: number, capacity: number): void {
		this.newest = Memtable.create(capacity);
		this.memtables.set(id, this.newest);
	}

	dropMemtable(id: number): void {
		if (this.memtables.get(id) === this.newest) this.newest = undefined;
		this.memtables.delete(id);
	}

	/** The memtable that is written to. */
	get active(): Memtable {
		if (this.newest === undefined) throw new NotFoundError('No memtable was created to apply the batch to.');
		return this.newest;
	}

	memtable(id: number): Memtable {
		const memtable = this.memtables.get(id);
		if (memtable === undefined) throw new NotFoundError(`Memtable ${id} is not known to the kernel.`);
		return memtable;
	}

	table(number: number): Table {
		const table = this.tables.get(number);
		if (table === undefined) throw new NotFoundError(`Table ${number} was not opened.`);
		return table;
	}

	/** Opens tables a few at a time; `checkOpen` throws when the engine was closed in between. */
	async openTables(specs: readonly TableSpec[], checkOpen: () => void): Promise<void> {
		const opened: Table[] = [];
		try {
			for (const spec of specs) {
				if (opened.length > 0 && opened.length % OPEN_SLICE === 0) {
					await setImmediate();
					checkOpen();
				}
				opened.push(Table.open(this.files, spec));
			}
		} catch (error) {
			for (const table of opened) table.release();
			throw error;
		}
		for (const table of opened) this.addTable(table);
	}

	/** As {@link openTables}, without a pause. */
	openTablesSync(specs: readonly TableSpec[]): void {
		const opened: Table[] = [];
		try {
			for (const spec of specs) opened.push(Table.open(this.files, spec));
		} catch (error) {
			for (const table of opened) table.release();
			throw error;
		}
		for (const table of opened) this.addTable(table);
	}

	dropTables(numbers: readonly number[]): void {
		for (const number of numbers) {
			const table = this.tables.get(number);
			if (table === undefined) continue;
			this.tables.delete(number);
			this.cache.dropTable(number);
			table.release();
		}
	}

	installView(memtables: readonly number[], levels: readonly (readonly number[])[]): void {
		const [level0, ...deeper] = levels.map((numbers) => numbers.map((number) => this.table(number)));
		const view = new View(
			memtables.map((id) => this.memtable(id)),
			level0 ?? [],
			deeper,
		);
		this.view.release();
		this.view = view;
	}

	/** Numbers for the statistics of the engine. */
	memtableStats(): { memtables: number; memtableMemory: number } {
		let memtableMemory = 0;
		for (const memtable of this.memtables.values()) memtableMemory += memtable.memory;
		return { memtables: this.memtables.size, memtableMemory };
	}

	/** Numbers for the statistics of the engine. */
	tableStats(): { openTables: number; loadedTables: number; tableMemory: number } {
		const stats = { openTables: this.open.size, loadedTables: 0, tableMemory: 0 };
		for (const table of this.open) {
			if (table.resident !== undefined) stats.loadedTables++;
			stats.tableMemory += table.memory;
		}
		return stats;
	}

	/** Forgets everything. */
	clear(): void {
		this.view.release();
		this.view = new View([], [], []);
		this.dropTables([...this.tables.keys()]);
		this.memtables.clear();
		this.newest = undefined;
	}

	private addTable(table: Table): void {
		this.tables.set(table.number, table);
		this.open.add(table);
		table.onClosed = () => {
			this.open.delete(table);
			this.cache.dropTable(table.number);
		};
	}
}
