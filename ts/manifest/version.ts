/**
 * A version: the live tables by level, and the blob files that they refer to. Immutable; an edit makes a new one.
 *
 * Invariants:
 *  1. Level 0 is ordered newest first; its tables may overlap.
 *  2. Tables of levels 1 to 6 are in key order and share no user key.
 *  3. A file number stands in one place only.
 *  4. It has the blob files to which its tables refer, and no others.
 */
import { compareBytes } from '../bytes';
import { CorruptionError } from '../errors';
import { BOTTOM_LEVEL, LEVELS } from '../limits';
import { referencedBytes } from './blob-files';
import { endOf, isBefore, type TableMetadata, userKeyOf } from './table-metadata';
import type { VersionEdit } from './version-edit';

export class Version {
	readonly levels: readonly (readonly TableMetadata[])[];

	/** Sizes of blob files by number. */
	readonly blobs: ReadonlyMap<number, number>;
	/** Bytes of records that tables refer to, by the number of the blob file, ascending. */
	readonly liveBlobBytes: ReadonlyMap<number, number>;

	/** @param known sizes of blob files, which may be more than the tables need */
	private constructor(levels: readonly (readonly TableMetadata[])[], known: ReadonlyMap<number, number>) {
		this.levels = levels;
		this.liveBlobBytes = referencedBytes(levels.flat());
		this.blobs = new Map([...this.liveBlobBytes.keys()].map((file) => [file, sizeOf(known, file)]));
	}

	/** No tables. */
	static readonly empty = new Version(
		Array.from({ length: LEVELS }, () => []),
		new Map(),
	);

	/**
	 * The version after an edit.
	 * @throws CorruptionError when the edit does not fit this version.
	 */
	apply(edit: Pick<VersionEdit, 'deletedTables' | 'addedTables' | 'addedBlobs'>): Version {
		const levels = this.levels.map((tables) => [...tables]);
		for (const [level, number] of edit.deletedTables) {
			const index = levels[level].findIndex((table) => table.number === number);
			if (index < 0)
				throw new CorruptionError(`A version edit deletes table ${number} from level ${level}, which does not have it.`);
			levels[level].splice(index, 1);
		}
		for (const [level, table] of edit.addedTables) levels[level].push(table);
		for (const level of new Set(edit.addedTables.map(([level]) => level))) levels[level].sort(level === 0 ? newestFirst : byKey);
		const version = new Version(levels, new Map([...this.blobs, ...(edit.addedBlobs ?? [])]));
		version.check();
		return version;
	}

	/** Throws a CorruptionError unless the invariants hold. */
	check(): void {
		const numbers = new Set<number>();
		for (const table of this.levels.flat()) {
			if (numbers.has(table.number)) throw new CorruptionError(`Table ${table.number} is listed twice.`);
			numbers.add(table.number);
			if (isBefore(userKeyOf(table.smallestKey), endOf(table))) continue;
			throw new CorruptionError(`The smallest key of table ${table.number} is greater than its largest.`);
		}
		for (let level = 1; level <= BOTTOM_LEVEL; level++) this.#checkDisjoint(level);
	}

	/** The tree in text: a line a level that has tables, each table as number, entries and key range. */
	describe(): string {
		const lines = this.levels.map((tables, level) => `L${level}: ${tables.map(describeTable).join(' ')}`);
		return lines.filter((_, level) => this.levels[level].length > 0).join('\n');
	}

	#checkDisjoint(level: number): void {
		const tables = this.levels[level];
		for (let i = 1; i < tables.length; i++) {
			if (!isBefore(userKeyOf(tables[i].smallestKey), endOf(tables[i - 1]))) continue;
			throw new CorruptionError(`Tables ${tables[i - 1].number} and ${tables[i].number} overlap in level ${level}.`);
		}
	}
}

function sizeOf(known: ReadonlyMap<number, number>, file: number): number {
	const size = known.get(file);
	if (size === undefined) throw new CorruptionError(`A table refers to blob file ${file}, which is not listed.`);
	return size;
}

function newestFirst(a: TableMetadata, b: TableMetadata): number {
	return b.largestSequence - a.largestSequence || b.number - a.number;
}

function byKey(a: TableMetadata, b: TableMetadata): number {
	return compareBytes(userKeyOf(a.smallestKey), userKeyOf(b.smallestKey));
}

function describeTable(table: TableMetadata): string {
	const text = (key: Uint8Array) => JSON.stringify(Buffer.from(userKeyOf(key)).toString('latin1'));
	return `${table.number}[${text(table.smallestKey)}–${text(table.largestKey)}, ${table.entries}]`;
}
