/**
 * Directories of LevelDB. They have a CURRENT, MANIFEST files and a LOCK too, so they are told apart before anything of a store is made.
 *
 * Invariant: looking changes nothing.
 */
import { ConfigError } from '../errors';
import type { FileSystem } from '../fs/file-system';
import { parseNumberedName } from '../numbered-name';
import { firstFileOfStore, parseManifestFileName } from './current';

/** LevelDB keeps its tables and its log, `<number>.<end>`, and its text log LOG in the directory itself; a store of Varve never does. */
const LEVELDB_NUMBERED = ['.ldb', '.sst', '.log'];

/**
 * Refuses a directory that holds a LevelDB database; one that does not exist is fine.
 * @throws ConfigError
 */
export function refuseLevelDb(fileSystem: FileSystem, directory: string): void {
	if (!fileSystem.existsSync(directory)) return;
	const names = fileSystem.listSync(directory);
	const foreign = names.find(
		(name) => name === 'LOG' || LEVELDB_NUMBERED.some((end) => parseNumberedName(name, '', end) !== undefined),
	);
	if (foreign === undefined) return;
	const manifest = names.find((name) => name === 'CURRENT' || parseManifestFileName(name) !== undefined);
	if (manifest === undefined || firstFileOfStore(fileSystem, directory) !== undefined) return;
	throw new ConfigError(
		`${directory} holds a LevelDB database (there is ${foreign} beside ${manifest}), and no store of Varve. Nothing was changed. ` +
			'Copy it into a directory of its own with the program in examples/migrate-from-classic-level.',
		{ path: directory },
	);
}
