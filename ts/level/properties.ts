/** `getProperty`: the properties of LevelDB that make sense here, in its words. */
import type { Database } from '../database/database';
import { LEVELS, userKeyOf } from '../internal';

const MIB = 1024 * 1024;

/** The text of a property, or `''` when there is no such property. */
export function property(database: Database, name: string): string {
	if (name === 'leveldb.stats') return statsTable(database);
	if (name === 'leveldb.sstables') return tableList(database);
	if (name === 'leveldb.approximate-memory-usage') return String(memoryUsage(database));
	const level = /^leveldb\.num-files-at-level([0-9])$/.exec(name)?.[1];
	return level !== undefined && Number(level) < LEVELS ? String(database.stats().levels[Number(level)].tables) : '';
}

function statsTable(database: Database): string {
	const lines = ['Level  Tables  Size(MB)  Entries  Tombstones'];
	for (const [level, { tables, bytes, entries, tombstones }] of database.stats().levels.entries()) {
		if (tables === 0) continue;
		lines.push(
			`${String(level).padStart(5)}  ${String(tables).padStart(6)}  ${(bytes / MIB).toFixed(1).padStart(8)}  ` +
				`${String(entries).padStart(7)}  ${String(tombstones).padStart(10)}`,
		);
	}
	return `${lines.join('\n')}\n`;
}

function tableList(database: Database): string {
	const lines: string[] = [];
	for (const [level, tables] of database.tables().entries()) {
		lines.push(`--- level ${level} ---`);
		for (const { number, size, smallestKey, largestKey } of tables) {
			lines.push(` ${number}:${size}['${printable(smallestKey)}' .. '${printable(largestKey)}']`);
		}
	}
	return `${lines.join('\n')}\n`;
}

function printable(internalKey: Uint8Array): string {
	return Buffer.from(userKeyOf(internalKey)).toString('latin1');
}

function memoryUsage(database: Database): number {
	const { memtable, reads } = database.stats();
	return memtable.bytes + memtable.immutableBytes + reads.cacheBytes + reads.tableMemory;
}
