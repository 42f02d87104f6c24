/**
 * The file system as Varve sees it. Everything in TypeScript that touches a file goes through this interface, so that a test
 * can fail the n-th call, fill the disk, or forget what was not synced.
 *
 * Errors are those of `node:fs`; the callers wrap them in an `IOError` with path and advice.
 */

/** A file opened for reading at any position. */
export interface ReadableFile {
	readonly path: string;
	/** Reads up to `target.length` bytes from `position`; returns the count, which is short only at the end of the file. */
	readSync(target: Uint8Array, position: number): number;
	/** As {@link readSync}, off the calling thread. */
	read(target: Uint8Array, position: number): Promise<number>;
	/** Size of the file in bytes. */
	sizeSync(): number;
	closeSync(): void;
}

/** A file opened for appending. */
export interface WritableFile {
	readonly path: string;
	/**
	 * Writes one range at the current end. As `write(2)` does, it may write less than asked: use `writeFully`.
	 * @returns the number of bytes written.
	 */
	writeSync(data: Uint8Array, offset: number, length: number): number;
	/** Makes data and size durable (fdatasync), on the calling thread. */
	syncSync(): void;
	/** As {@link syncSync}, off the calling thread. */
	sync(): Promise<void>;
	closeSync(): void;
}

/** A file that was made new: it can be longer than what was written to it. */
export interface FillableFile extends WritableFile {
	/** Writes zeros to `[start, end)`. The next write goes where it would have gone without. */
	fillSync(start: number, end: number): void;
	/** Cuts the file to `size` bytes. Not durable before the next fsync. */
	truncateSync(size: number): void;
}

/** Operations on whole files and directories. */
export interface FileSystem {
	openRead(path: string): ReadableFile;
	/** Creates a file; fails with EEXIST when it exists. */
	create(path: string): FillableFile;
	/** Opens a file that exists, to append to it. */
	openAppend(path: string): WritableFile;
	readFileSync(path: string): Buffer;
	/** Names in a directory, in no particular order. */
	listSync(path: string): string[];
	existsSync(path: string): boolean;
	/** Creates a directory and its parents (mode 0755); no error when it exists. */
	makeDirectorySync(path: string): void;
	renameSync(from: string, to: string): void;
	removeSync(path: string): void;
	/** As {@link removeSync}, off the calling thread: giving back the space of a large file takes milliseconds. */
	remove(path: string): Promise<void>;
	/** Removes a directory; fails with ENOTEMPTY (or EEXIST) when something is in it. */
	removeDirectorySync(path: string): void;
	/** Cuts a file to `size` bytes and syncs it. */
	truncateSync(path: string, size: number): void;
	/** Makes creations, renames and removals in a directory durable. No-op where the platform has no such call (Windows). */
	syncDirectorySync(path: string): void;
}

/** Makes durable what was written to a file, by whomever. */
export function syncFile(fileSystem: FileSystem, path: string): void {
	const file = fileSystem.openAppend(path);
	try {
		file.syncSync();
	} finally {
		file.closeSync();
	}
}

/** Writes all of a range, whatever the short counts in between. */
export function writeFully(file: WritableFile, data: Uint8Array, offset = 0, length = data.length - offset): void {
	let done = 0;
	while (done < length) {
		const count = file.writeSync(data, offset + done, length - done);
		if (count <= 0) throw new Error(`write to ${file.path} made no progress after ${done} of ${length} bytes`);
		done += count;
	}
}
