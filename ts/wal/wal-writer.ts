/** One write-ahead log that is being written. */
import { join } from 'node:path';
import type { FileSystem, WritableFile } from '../fs/file-system';
import { LazyFile } from '../fs/lazy-file';
import { PreallocatedFile } from '../fs/preallocated-file';
import type { Crc32 } from '../log/format';
import { LogWriter } from '../log/log-writer';
import { walFileName } from './wal-file-name';

export class WalWriter extends LogWriter {
	/** File number of the log. */
	readonly number: number;

	private constructor(file: WritableFile, number: number, crc32: Crc32) {
		super(file, number, crc32);
		this.number = number;
	}

	/**
	 * A new log. Its file is made by the first append, which syncs the directory, so that what is synced later can be found after a crash:
	 * a store that is only read writes no log.
	 */
	static create(fileSystem: FileSystem, directory: string, number: number, crc32: Crc32): WalWriter {
		const path = join(directory, walFileName(number));
		const create = () => {
			const file = fileSystem.create(path);
			try {
				fileSystem.syncDirectorySync(directory);
				return new PreallocatedFile(file);
			} catch (error) {
				file.closeSync();
				throw error;
			}
		};
		return new WalWriter(new LazyFile(path, create), number, crc32);
	}
}
