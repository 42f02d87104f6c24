/**
 * Removes a store from the disk: its own files, and nothing else.
 *
 * Invariants:
 *  1. Nothing is removed from a store that is open, or from a directory of LevelDB.
 *  2. CURRENT goes first, durably. A directory that still has tables, logs or blob files but no CURRENT is refused by every open, whatever is missing
 *     from it by then. The other way round, a store whose logs are gone and whose tables are there would open with writes missing.
 *  3. Manifests go after tables and logs: a repair in between says which tables are missing, instead of making do with the rest.
 *  4. LOCK goes last of the files, so that nobody opens a store that is half removed; then the directories, if they are empty. What a crash
 *     leaves is removed by calling again.
 */
import { join, resolve } from 'node:path';
import { type Environment, systemEnvironment } from '../environment';
import { ConfigError, IOError, VarveError } from '../errors';
import type { FileSystem } from '../fs/file-system';
import { parseManifestFileName } from '../manifest/current';
import { refuseLevelDb } from '../manifest/level-db';
import { blobNumberOf, tableNumberOf } from '../store/store-files';
import { parseWalFileName } from '../wal/wal-file-name';
import { isLostFile } from './lost-files';

/** Directories of a store, and which files in them are its own. */
const CONTENTS: readonly [directory: string, isOurs: (name: string) => boolean][] = [
	['sst', (name) => tableNumberOf(name) !== undefined],
	['wal', (name) => parseWalFileName(name) !== undefined],
	['blob', (name) => blobNumberOf(name) !== undefined],
	['lost', isLostFile],
];

/**
 * Removes the store in a directory: tables, logs, manifests, CURRENT, LOCK, what a repair has set aside, and the directories that are
 * empty then, the root among them. Files with other names stay. A path that does not exist is no error.
 * @throws LockedError when the store is open, ConfigError for a directory of LevelDB: nothing was removed. IOError when a file cannot be
 * removed: call again.
 */
export async function destroyStore(path: string, environment: Environment = systemEnvironment): Promise<void> {
	if (typeof path !== 'string' || path === '') throw new ConfigError('The path of a store must be a string that is not empty.');
	const root = resolve(path);
	const { fileSystem } = environment;
	try {
		if (!fileSystem.existsSync(root)) return;
		refuseLevelDb(fileSystem, root);
		if (holdsFiles(fileSystem, root)) removeLocked(root, environment);
	} catch (cause) {
		if (cause instanceof VarveError) throw cause;
		const error = cause as NodeJS.ErrnoException;
		throw new IOError(
			`The store at ${root} could not be removed: ${error.message}. What is left of it is removed by another call.`,
			{
				cause,
				path: error.path ?? root,
			},
		);
	}
	removeIfEmpty(fileSystem, root);
}

function holdsFiles(fileSystem: FileSystem, root: string): boolean {
	const own = fileSystem.listSync(root).some((name) => isCurrent(name) || isManifest(name) || name === 'LOCK');
	return own || CONTENTS.some(([directory, isOurs]) => list(fileSystem, join(root, directory)).some(isOurs));
}

function removeLocked(root: string, environment: Environment): void {
	const { fileSystem } = environment;
	const lock = environment.lock(root);
	try {
		removeFiles(fileSystem, root, isCurrent);
		for (const [directory, isOurs] of CONTENTS) {
			removeFiles(fileSystem, join(root, directory), isOurs);
			removeIfEmpty(fileSystem, join(root, directory));
		}
		removeFiles(fileSystem, root, isManifest);
		removeFiles(fileSystem, root, (name) => name === 'LOCK');
	} finally {
		lock.release(false);
	}
}

function isCurrent(name: string): boolean {
	return name === 'CURRENT' || name === 'CURRENT.tmp';
}

function isManifest(name: string): boolean {
	return parseManifestFileName(name) !== undefined;
}

/** Durable when it returns: what is removed next must not be gone before. */
function removeFiles(fileSystem: FileSystem, directory: string, isOurs: (name: string) => boolean): void {
	const names = list(fileSystem, directory).filter(isOurs);
	for (const name of names) fileSystem.removeSync(join(directory, name));
	if (names.length > 0) fileSystem.syncDirectorySync(directory);
}

function list(fileSystem: FileSystem, directory: string): string[] {
	return fileSystem.existsSync(directory) ? fileSystem.listSync(directory) : [];
}

/** Directories are made and removed empty, and hold nothing of value. */
function removeIfEmpty(fileSystem: FileSystem, directory: string): void {
	try {
		fileSystem.removeDirectorySync(directory);
	} catch {
		// It is not there, or somebody else's files are in it.
	}
}
