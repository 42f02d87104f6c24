/** CURRENT: the name of the live manifest and a newline, replaced by rename. */
import { join } from 'node:path';
import { CorruptionError, IOError } from '../errors';
import { type FileSystem, writeFully } from '../fs/file-system';
import { numberedName, parseNumberedName } from '../numbered-name';

const CURRENT = 'CURRENT';
const MANIFEST = 'MANIFEST-';

export function manifestFileName(number: number): string {
	return numberedName(number, MANIFEST, '');
}

/** The number in a name, or `undefined` when it is no name of a manifest. */
export function parseManifestFileName(name: string): number | undefined {
	return parseNumberedName(name, MANIFEST, '');
}

/**
 * The number of the live manifest, or `undefined` in a directory that holds no store.
 * @throws CorruptionError when CURRENT is missing beside files of a store, or does not name a manifest.
 */
export function readCurrent(fileSystem: FileSystem, directory: string): number | undefined {
	const path = join(directory, CURRENT);
	if (!fileSystem.existsSync(path)) {
		const orphan = firstFileOfStore(fileSystem, directory);
		if (orphan === undefined) return undefined;
		throw new CorruptionError(
			`${path} is missing, but ${orphan} is there: the directory held a store. Restore it from a backup, or repair it with Database.repair.`,
			{ path },
		);
	}
	const text = fileSystem.readFileSync(path).toString('latin1');
	const number = text.endsWith('\n') ? parseManifestFileName(text.slice(0, -1)) : undefined;
	if (number !== undefined && fileSystem.existsSync(join(directory, manifestFileName(number)))) return number;
	throw new CorruptionError(
		`${path} should hold the name of a manifest of this directory and a newline; it holds ${JSON.stringify(text.slice(0, 60))}. ` +
			'Restore the store from a backup, or repair it with Database.repair.',
		{ path, offset: 0 },
	);
}

/** Does a directory hold a store, or what is left of one? */
export function holdsStore(fileSystem: FileSystem, directory: string): boolean {
	const names = fileSystem.listSync(directory);
	const named = names.some((name) => name === CURRENT || parseManifestFileName(name) !== undefined);
	return named || firstFileOfStore(fileSystem, directory) !== undefined;
}

/** Makes a manifest, which is complete and synced, the live one. */
export function writeCurrent(fileSystem: FileSystem, directory: string, number: number): void {
	const path = join(directory, CURRENT);
	const temporary = `${path}.tmp`;
	try {
		if (fileSystem.existsSync(temporary)) fileSystem.removeSync(temporary);
		const file = fileSystem.create(temporary);
		try {
			writeFully(file, Buffer.from(`${manifestFileName(number)}\n`));
			file.syncSync();
		} finally {
			file.closeSync();
		}
		fileSystem.renameSync(temporary, path);
		fileSystem.syncDirectorySync(directory);
	} catch (cause) {
		throw new IOError(`${path} could not be replaced: ${(cause as Error).message}.`, { cause, path });
	}
}

/**
 * A table, a log or a blob file: only a store has them, and it makes them after its first CURRENT. A manifest alone is what a crash at the very first
 * open leaves, and holds nothing.
 */
export function firstFileOfStore(fileSystem: FileSystem, directory: string): string | undefined {
	const names = fileSystem.listSync(directory);
	for (const inner of ['sst', 'wal', 'blob'].filter((name) => names.includes(name))) {
		const [first] = fileSystem.listSync(join(directory, inner));
		if (first !== undefined) return join(inner, first);
	}
	return undefined;
}
