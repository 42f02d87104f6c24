/**
 * The directory `lost`: what a repair could not use, kept for whoever knows more.
 *
 * Invariant: no file in it is ever written over; a second one of the same name gets a number.
 */
import { basename, join } from 'node:path';
import { type FileSystem, writeFully } from '../fs/file-system';
import { parseBlobFileName } from '../manifest/blob-files';
import { parseTableFileName } from '../manifest/table-metadata';
import { parseWalFileName } from '../wal/wal-file-name';

/** Is it the name of a file that a repair has set aside? */
export function isLostFile(name: string): boolean {
	const original = name.replace(/(\.(?:sst|wal|blob))\.\d+$/, '$1');
	return [parseTableFileName, parseWalFileName, parseBlobFileName].some((parse) => parse(original) !== undefined);
}

export class LostFiles {
	readonly #fileSystem: FileSystem;
	readonly #root: string;
	readonly #directory: string;

	constructor(fileSystem: FileSystem, root: string) {
		this.#fileSystem = fileSystem;
		this.#root = root;
		this.#directory = join(root, 'lost');
	}

	/** Was a file of this name set aside, by an earlier repair perhaps? */
	has(name: string): boolean {
		return this.#fileSystem.existsSync(join(this.#directory, name));
	}

	/** Moves files of one directory here, durably. */
	move(directory: string, names: readonly string[]): void {
		if (names.length === 0) return;
		this.#make();
		for (const name of names) this.#fileSystem.renameSync(join(directory, name), this.#freePath(name));
		this.#fileSystem.syncDirectorySync(this.#directory);
		this.#fileSystem.syncDirectorySync(directory);
	}

	/** Copies a file here, durably. */
	copy(path: string): void {
		this.#make();
		const bytes = this.#fileSystem.readFileSync(path);
		const file = this.#fileSystem.create(this.#freePath(basename(path)));
		try {
			writeFully(file, bytes);
			file.syncSync();
		} finally {
			file.closeSync();
		}
		this.#fileSystem.syncDirectorySync(this.#directory);
	}

	#make(): void {
		if (this.#fileSystem.existsSync(this.#directory)) return;
		this.#fileSystem.makeDirectorySync(this.#directory);
		this.#fileSystem.syncDirectorySync(this.#root);
	}

	#freePath(name: string): string {
		let free = name;
		for (let i = 1; this.has(free); i++) free = `${name}.${i}`;
		return join(this.#directory, free);
	}
}
