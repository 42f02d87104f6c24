/** One write-ahead log that is being written. */
import { join } from 'node:path';
import { IOError } from '../errors';
import type { FileSystem } from '../fs/file-system';
import type { Crc32 } from '../log/format';
import { LogWriter } from '../log/log-writer';
import { walFileName } from './wal-file-name';

export class WalWriter extends LogWriter {
	/** File number of the log. */
	readonly number: number;

	private constructor(file: ConstructorParameters<typeof LogWriter>[0], number: number, crc32: Crc32) {
		super(file, number, crc32);
		this.number = number;
	}

	/** Makes the log with a number and syncs its directory, so that what is synced later can be found after a crash. */
	static create(fileSystem: FileSystem, directory: string, number: number, crc32: Crc32): WalWriter {
		const path = join(directory, walFileName(number));
		try {
			const file = fileSystem.create(path);
			fileSystem.syncDirectorySync(directory);
			return new WalWriter(file, number, crc32);
		} catch (cause) {
			throw new IOError(`The log ${path} could not be made: ${(cause as Error).message}.`, { cause, path });
		}
	}
}
