/** The real file system: `node:fs` behind {@link FileSystem}. */
import * as fs from 'node:fs';
import { promisify } from 'node:util';
import type { FileSystem, FillableFile, ReadableFile } from './file-system';

const readAsync = promisify(fs.read) as (
	fd: number,
	target: Uint8Array,
	offset: number,
	length: number,
	position: number,
) => Promise<{ bytesRead: number }>;
const fdatasyncAsync = promisify(fs.fdatasync);

/** Bytes of one write call: `node:fs` refuses 2 GiB and more. */
const LARGEST_WRITE = 1024 * 1024 * 1024;

const ZEROS = Buffer.alloc(64 * 1024);

class NodeReadableFile implements ReadableFile {
	constructor(
		readonly path: string,
		private readonly fd: number,
	) {}

	readSync(target: Uint8Array, position: number): number {
		let done = 0;
		while (done < target.length) {
			const count = fs.readSync(this.fd, target, done, target.length - done, position + done);
			if (count === 0) break;
			done += count;
		}
		return done;
	}

	async read(target: Uint8Array, position: number): Promise<number> {
		let done = 0;
		while (done < target.length) {
			const { bytesRead } = await readAsync(this.fd, target, done, target.length - done, position + done);
			if (bytesRead === 0) break;
			done += bytesRead;
		}
		return done;
	}

	sizeSync(): number {
		return fs.fstatSync(this.fd).size;
	}

	closeSync(): void {
		fs.closeSync(this.fd);
	}
}

/** Its descriptor was opened for appending or to write a new file; only the latter can be filled. */
class NodeWritableFile implements FillableFile {
	/**
	 * Descriptor of fsyncs off the calling thread. The operating system tells a failed write-back to each descriptor once: two fsyncs of one
	 * that run side by side would share it, and one of them would pass for a success.
	 */
	private background: number | undefined;

	constructor(
		readonly path: string,
		private readonly fd: number,
	) {}

	writeSync(data: Uint8Array, offset: number, length: number): number {
		return fs.writeSync(this.fd, data, offset, Math.min(length, LARGEST_WRITE));
	}

	fillSync(start: number, end: number): void {
		for (let at = start; at < end; ) at += fs.writeSync(this.fd, ZEROS, 0, Math.min(ZEROS.length, end - at), at);
	}

	truncateSync(size: number): void {
		fs.ftruncateSync(this.fd, size);
	}

	syncSync(): void {
		fs.fdatasyncSync(this.fd);
	}

	async sync(): Promise<void> {
		this.background ??= fs.openSync(this.path, 'r+');
		await fdatasyncAsync(this.background);
	}

	closeSync(): void {
		const { background } = this;
		this.background = undefined;
		if (background !== undefined) fs.closeSync(background);
		fs.closeSync(this.fd);
	}
}

/** The one instance; it has no state. */
export const nodeFileSystem: FileSystem = {
	openRead: (path) => new NodeReadableFile(path, fs.openSync(path, 'r')),
	create: (path) => new NodeWritableFile(path, fs.openSync(path, 'wx', 0o644)),
	openAppend: (path) => new NodeWritableFile(path, fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_APPEND)),
	readFileSync: (path) => fs.readFileSync(path),
	listSync: (path) => fs.readdirSync(path),
	existsSync: (path) => fs.existsSync(path),
	makeDirectorySync: (path) => {
		fs.mkdirSync(path, { recursive: true, mode: 0o755 });
	},
	renameSync: (from, to) => fs.renameSync(from, to),
	removeSync: (path) => fs.unlinkSync(path),
	remove: (path) => fs.promises.unlink(path),
	removeDirectorySync: (path) => fs.rmdirSync(path),
	truncateSync: (path, size) => {
		const fd = fs.openSync(path, 'r+');
		try {
			fs.ftruncateSync(fd, size);
			fs.fsyncSync(fd);
		} finally {
			fs.closeSync(fd);
		}
	},
	syncDirectorySync: (path) => {
		if (process.platform === 'win32') return;
		const fd = fs.openSync(path, 'r');
		try {
			fs.fsyncSync(fd);
		} finally {
			fs.closeSync(fd);
		}
	},
};
