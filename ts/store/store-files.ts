/**
 * The files of a store: where they are, and how those that are no longer needed go.
 *
 * Invariants:
 *  1. A file that cannot be deleted is counted and left to the next open; deletion never fails a write, read or job.
 *  2. What readers have let go of is deleted off the calling thread, one file at a time, and before {@link StoreFiles.idle} resolves.
 */
import { dirname, join } from 'node:path';
import type { FileSystem } from '../fs/file-system';
import { type BlobSpec, blobFileName, type TableSpec } from '../kernel/kernel';
import { parseBlobFileName } from '../manifest/blob-files';
import { parseManifestFileName } from '../manifest/current';
import { parseTableFileName, type TableMetadata, tableFileName } from '../manifest/table-metadata';
import { parseWalFileName, walFileName } from '../wal/wal-file-name';
import type { Counters } from './counters';

/** Ends the name of a table that was not renamed into place. */
const TEMPORARY = '.tmp';

/** The number in the name of a table, finished or not; `undefined` when the name is no table's. */
export function tableNumberOf(name: string): number | undefined {
	return parseTableFileName(name.endsWith(TEMPORARY) ? name.slice(0, -TEMPORARY.length) : name)?.number;
}

/** The number in the name of a blob file, finished or not; `undefined` when the name is no blob file's. */
export function blobNumberOf(name: string): number | undefined {
	return parseBlobFileName(name.endsWith(TEMPORARY) ? name.slice(0, -TEMPORARY.length) : name);
}

/** What was found in the directories of a store. */
export interface FoundFiles {
	/** Names in the directory of tables that are not those of live ones. */
	otherTables: string[];
	/** Numbers of the logs, ascending. */
	walNumbers: number[];
	/** The highest number in the name of a file, 0 when there are none: numbers of a crashed process are not used again. */
	highestNumber: number;
}

export class StoreFiles {
	readonly root: string;
	readonly tableDirectory: string;
	readonly walDirectory: string;
	/** Made when the first blob file is to be written. */
	readonly blobDirectory: string;
	readonly #fileSystem: FileSystem;
	readonly #counters: Counters;
	#discarding: Promise<void> = Promise.resolve();

	constructor(root: string, fileSystem: FileSystem, counters: Counters) {
		this.root = root;
		this.tableDirectory = join(root, 'sst');
		this.walDirectory = join(root, 'wal');
		this.blobDirectory = join(root, 'blob');
		this.#fileSystem = fileSystem;
		this.#counters = counters;
	}

	/** Makes the directories that are missing, also the way to the root; answers those in which something was made, to be synced. */
	makeDirectories(): string[] {
		const parents: string[] = [];
		for (const directory of [this.tableDirectory, this.walDirectory]) {
			for (let path = directory; !this.#fileSystem.existsSync(path) && dirname(path) !== path; path = dirname(path)) {
				parents.push(dirname(path));
			}
			if (!this.#fileSystem.existsSync(directory)) this.#fileSystem.makeDirectorySync(directory);
		}
		return parents;
	}

	/** Makes what was made in directories durable. */
	syncDirectories(directories: readonly string[]): void {
		for (const directory of new Set(directories)) this.#fileSystem.syncDirectorySync(directory);
	}

	/** Makes the directory of blob files, durably, if it is not there. */
	makeBlobDirectory(): void {
		if (this.#fileSystem.existsSync(this.blobDirectory)) return;
		this.#fileSystem.makeDirectorySync(this.blobDirectory);
		this.#fileSystem.syncDirectorySync(this.root);
	}

	blobSpec(number: number, size: number): BlobSpec {
		return { number, path: join(this.blobDirectory, blobFileName(number)), size };
	}

	/** Names of the blob files that are there, also of those that were not renamed into place. */
	#blobNames(): string[] {
		if (!this.#fileSystem.existsSync(this.blobDirectory)) return [];
		return this.#fileSystem.listSync(this.blobDirectory).filter((name) => blobNumberOf(name) !== undefined);
	}

	/** Numbers of the blob files that are there, ascending. */
	blobNumbers(): number[] {
		const numbers = this.#blobNames().map(parseBlobFileName);
		return numbers.filter((number) => number !== undefined).sort((a, b) => a - b);
	}

	removeBlobs(numbers: readonly number[]): void {
		for (const number of numbers) this.#remove(join(this.blobDirectory, blobFileName(number)));
	}

	/** As {@link removeUnlistedTables}, of blob files. */
	removeUnlistedBlobs(listed: ReadonlyMap<number, unknown>): void {
		for (const name of this.#blobNames()) {
			const number = blobNumberOf(name) as number;
			if (name.endsWith(TEMPORARY) || !listed.has(number)) this.#remove(join(this.blobDirectory, name));
		}
	}

	/** @param lazy leave it to the first read to load the table, unless it has range deletes: these concern reads that find nothing in it */
	tableSpec(table: TableMetadata, lazy = false): TableSpec {
		return {
			number: table.number,
			path: join(this.tableDirectory, tableFileName(table)),
			size: table.size,
			lazy: lazy && table.rangeDeletes === 0 ? table : undefined,
		};
	}

	walPath(number: number): string {
		return join(this.walDirectory, walFileName(number));
	}

	/** Numbers of the logs that are there, ascending. */
	walNumbers(): number[] {
		const numbers = this.#fileSystem.listSync(this.walDirectory).map(parseWalFileName);
		return numbers.filter((number) => number !== undefined).sort((a, b) => a - b);
	}

	/** Names of the tables that are there; files that were not renamed into place are not among them. */
	tableNames(): string[] {
		return this.#fileSystem.listSync(this.tableDirectory).filter((name) => parseTableFileName(name) !== undefined);
	}

	removeLogsBelow(number: number): void {
		for (const candidate of this.#logsBelow(number)) this.#remove(this.walPath(candidate));
	}

	#logsBelow(number: number): number[] {
		try {
			return this.walNumbers().filter((candidate) => candidate < number);
		} catch {
			// The next flush lists them again.
			return [];
		}
	}

	/** As {@link removeLogsBelow}, off the calling thread. */
	discardLogsBelow(number: number): void {
		for (const candidate of this.#logsBelow(number)) this.#discard(this.walPath(candidate));
	}

	/** Removes logs, durably; fails where one cannot be removed. */
	removeLogs(numbers: readonly number[]): void {
		if (numbers.length === 0) return;
		for (const number of numbers) this.#fileSystem.removeSync(this.walPath(number));
		this.#fileSystem.syncDirectorySync(this.walDirectory);
	}

	removeLog(number: number): void {
		this.#remove(this.walPath(number));
	}

	removeTables(tables: readonly TableMetadata[]): void {
		for (const table of tables) this.#remove(join(this.tableDirectory, tableFileName(table)));
	}

	/**
	 * Removes what a crashed job left: tables that the manifest does not list, and files that were not renamed into place.
	 * Files with other names are not ours and stay.
	 */
	removeUnlistedTables({ otherTables }: FoundFiles, listed: ReadonlySet<number>): void {
		for (const name of otherTables) {
			const number = tableNumberOf(name);
			if (number !== undefined && (name.endsWith(TEMPORARY) || !listed.has(number)))
				this.#remove(join(this.tableDirectory, name));
		}
	}

	/** Reads the directories. Names of tables that are known to be live are not looked into: an orderly store has no others. */
	find(live: readonly TableMetadata[]): FoundFiles {
		const liveNames = new Set(live.map(tableFileName));
		const otherTables = this.#fileSystem.listSync(this.tableDirectory).filter((name) => !liveNames.has(name));
		const manifests = this.#fileSystem.listSync(this.root).map((name) => parseManifestFileName(name) ?? 0);
		const blobs = this.#blobNames().map((name) => blobNumberOf(name) ?? 0);
		const walNumbers = this.walNumbers();
		const tables = [...live.map(({ number }) => number), ...otherTables.map((name) => tableNumberOf(name) ?? 0)];
		return { otherTables, walNumbers, highestNumber: Math.max(0, ...tables, ...blobs, ...manifests, ...walNumbers) };
	}

	/** Removes tables and blob files that no reader needs any more. */
	discard(tables: readonly TableMetadata[], blobs: readonly number[]): void {
		for (const table of tables) this.#discard(join(this.tableDirectory, tableFileName(table)));
		for (const number of blobs) this.#discard(join(this.blobDirectory, blobFileName(number)));
	}

	/** Resolves when everything that was discarded is gone. */
	idle(): Promise<void> {
		return this.#discarding;
	}

	#discard(path: string): void {
		this.#discarding = this.#discarding
			.then(() => this.#fileSystem.remove(path))
			.catch((error: NodeJS.ErrnoException) => {
				// Gone already: two flushes may both have listed a log.
				if (error.code !== 'ENOENT') this.#counters.undeletedFiles++;
			});
	}

	#remove(path: string): void {
		try {
			this.#fileSystem.removeSync(path);
		} catch (error) {
			// Counted, shown by stats(), and tried again by the next open.
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#counters.undeletedFiles++;
		}
	}
}
