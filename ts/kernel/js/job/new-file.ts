/**
 * A file that a job writes.
 *
 * Invariant: it is written as `<name>.tmp`, synced, renamed into place, and its directory synced, in that order: a name without `.tmp` is a
 * whole file.
 */
import { join } from 'node:path';
import type { FileSystem, WritableFile } from '../../../fs/file-system';

const TEMPORARY = '.tmp';

export class NewFile {
	/** Where it will be. */
	readonly path: string;
	readonly file: WritableFile;

	constructor(
		private readonly fileSystem: FileSystem,
		private readonly directory: string,
		name: string,
	) {
		this.path = join(directory, name);
		this.file = fileSystem.create(this.path + TEMPORARY);
	}

	/** Puts what was written in its place, durably. */
	finish(): void {
		this.file.syncSync();
		this.file.closeSync();
		this.fileSystem.renameSync(this.path + TEMPORARY, this.path);
		this.fileSystem.syncDirectorySync(this.directory);
	}

	/** Closes what will not be finished. */
	abandon(): void {
		try {
			this.file.closeSync();
		} catch {
			// The file goes away; what failed the job is reported.
		}
	}
}

/** Removes a file, finished or not. What is not removable now is not in the manifest: the next open removes it. */
export function removeNewFile(fileSystem: FileSystem, directory: string, name: string): void {
	for (const path of [join(directory, name + TEMPORARY), join(directory, name)]) {
		try {
			fileSystem.removeSync(path);
		} catch {
			// Not there, or left to the next open.
		}
	}
}
