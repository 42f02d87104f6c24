/**
 * A file system in memory that loses power: `crash` returns what a disk would hold then.
 *
 * Invariants:
 *  1. The bytes of a file survive a crash as far as they were synced. Of what was written later any pages may survive, in any order; the
 *     others are as they were, or zeros where the file was shorter.
 *  2. A name survives as far as its directory was synced; later changes of a directory may survive in part, in their order.
 *  3. After `crash` the old file system is dead: whoever still holds it gets EIO, and changes nothing.
 */
import { basename, dirname } from 'node:path';
import type { FileSystem, FillableFile, ReadableFile, WritableFile } from '../../ts/fs/file-system';
import type { Random } from './stores';

/** An error as `node:fs` throws it. */
export function systemError(code: string, call: string, path: string): NodeJS.ErrnoException {
	return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}

/** Smaller than that of a disk, as the files of tests are. */
const PAGE_SIZE = 256;

class FileNode {
	#data: Buffer = Buffer.alloc(0);
	size = 0;
	#syncedSize = 0;
	/** Pages that were written since the last fsync, as they were before. */
	readonly #unsynced = new Map<number, Buffer>();

	append(bytes: Uint8Array): void {
		this.write(bytes, this.size);
	}

	write(bytes: Uint8Array, position: number): void {
		const end = position + bytes.length;
		if (end > this.#data.length) {
			const grown = Buffer.alloc(Math.max(Math.ceil(end / PAGE_SIZE) * PAGE_SIZE, 2 * this.#data.length));
			this.contents().copy(grown);
			this.#data = grown;
		}
		for (let page = Math.floor(position / PAGE_SIZE); page * PAGE_SIZE < end; page++) {
			if (!this.#unsynced.has(page)) this.#unsynced.set(page, Buffer.from(this.#page(page)));
		}
		this.#data.set(bytes, position);
		this.size = Math.max(this.size, end);
	}

	truncate(size: number): void {
		this.#data.fill(0, size);
		this.size = size;
	}

	sync(): void {
		this.#unsynced.clear();
		this.#syncedSize = this.size;
	}

	contents(): Buffer {
		return this.#data.subarray(0, this.size);
	}

	/** The contents after a loss of power. */
	afterCrash(survivors: Survivors): Buffer {
		const left = Buffer.from(this.contents());
		for (const [page, before] of this.#unsynced) {
			if (survivors === 'synced only' || survivors.below(2) === 0) before.copy(left, page * PAGE_SIZE);
		}
		const growth = survivors === 'synced only' ? 0 : survivors.below(Math.max(0, this.size - this.#syncedSize) + 1);
		return left.subarray(0, this.#syncedSize + growth);
	}

	#page(page: number): Buffer {
		return this.#data.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
	}
}

type Entries = Map<string, FileNode | DirectoryNode>;

class DirectoryNode {
	readonly entries: Entries = new Map();
	readonly synced: Entries = new Map();
	/** Changes of `entries` that are not in `synced`. */
	unsynced: ((entries: Entries) => void)[] = [];

	change(change: (entries: Entries) => void): void {
		change(this.entries);
		this.unsynced.push(change);
	}

	sync(): void {
		for (const change of this.unsynced) change(this.synced);
		this.unsynced = [];
	}
}

/** What becomes of unsynced changes: none survive, or a random part of each file and directory. */
export type Survivors = 'synced only' | Random;

export class MemoryFileSystem implements FileSystem {
	#root = new DirectoryNode();
	#alive = true;

	/** The file system after a loss of power. */
	crash(survivors: Survivors = 'synced only'): MemoryFileSystem {
		this.#alive = false;
		const next = new MemoryFileSystem();
		next.#root = afterCrash(this.#root, survivors);
		return next;
	}

	/** A copy of the whole content, as a tool that copies a directory would see it. */
	clone(): MemoryFileSystem {
		const next = new MemoryFileSystem();
		next.#root = cloned(this.#root);
		return next;
	}

	/** Puts a whole file in a place, durably. */
	writeFile(path: string, contents: Uint8Array): void {
		const file = new FileNode();
		file.append(contents);
		file.sync();
		const parent = this.#directory(dirname(path), 'open');
		parent.change((entries) => entries.set(basename(path), file));
		parent.sync();
	}

	openRead(path: string): ReadableFile {
		const file = this.#file(path, 'open');
		const readSync = (target: Uint8Array, position: number) => {
			this.#checkAlive('read', path);
			return file.contents().copy(target, 0, Math.min(position, file.size), file.size);
		};
		return {
			path,
			readSync,
			read: async (target, position) => readSync(target, position),
			sizeSync: () => file.size,
			closeSync: () => undefined,
		};
	}

	create(path: string): FillableFile {
		const parent = this.#directory(dirname(path), 'open');
		if (parent.entries.has(basename(path))) throw systemError('EEXIST', 'open', path);
		const file = new FileNode();
		parent.change((entries) => entries.set(basename(path), file));
		let position = 0;
		return {
			...this.#writable(path, file),
			writeSync: (data, offset, length) => {
				this.#checkAlive('write', path);
				file.write(data.subarray(offset, offset + length), position);
				position += length;
				return length;
			},
			fillSync: (start, end) => {
				this.#checkAlive('write', path);
				file.write(Buffer.alloc(end - start), start);
			},
			truncateSync: (size) => {
				this.#checkAlive('ftruncate', path);
				file.truncate(size);
			},
		};
	}

	openAppend(path: string): WritableFile {
		return this.#writable(path, this.#file(path, 'open'));
	}

	#writable(path: string, file: FileNode): WritableFile {
		const syncSync = () => {
			this.#checkAlive('fdatasync', path);
			file.sync();
		};
		return {
			path,
			writeSync: (data, offset, length) => {
				this.#checkAlive('write', path);
				file.append(data.subarray(offset, offset + length));
				return length;
			},
			syncSync,
			sync: async () => syncSync(),
			closeSync: () => undefined,
		};
	}

	readFileSync(path: string): Buffer {
		return Buffer.from(this.#file(path, 'open').contents());
	}

	listSync(path: string): string[] {
		return [...this.#directory(path, 'scandir').entries.keys()];
	}

	existsSync(path: string): boolean {
		return this.#find(path) !== undefined;
	}

	makeDirectorySync(path: string): void {
		this.#checkAlive('mkdir', path);
		if (this.#find(path) !== undefined) {
			this.#directory(path, 'mkdir');
			return;
		}
		this.makeDirectorySync(dirname(path));
		const made = new DirectoryNode();
		this.#directory(dirname(path), 'mkdir').change((entries) => entries.set(basename(path), made));
	}

	renameSync(from: string, to: string): void {
		if (dirname(from) !== dirname(to)) throw systemError('EXDEV', 'rename', from);
		const moved = this.#file(from, 'rename');
		this.#directory(dirname(from), 'rename').change((entries) => {
			entries.delete(basename(from));
			entries.set(basename(to), moved);
		});
	}

	removeDirectorySync(path: string): void {
		if (this.#directory(path, 'rmdir').entries.size > 0) throw systemError('ENOTEMPTY', 'rmdir', path);
		this.#directory(dirname(path), 'rmdir').change((entries) => entries.delete(basename(path)));
	}

	removeSync(path: string): void {
		this.#file(path, 'unlink');
		this.#directory(dirname(path), 'unlink').change((entries) => entries.delete(basename(path)));
	}

	async remove(path: string): Promise<void> {
		this.removeSync(path);
	}

	truncateSync(path: string, size: number): void {
		const file = this.#file(path, 'ftruncate');
		file.append(Buffer.alloc(Math.max(0, size - file.size)));
		file.truncate(size);
		file.sync();
	}

	syncDirectorySync(path: string): void {
		this.#directory(path, 'fsync').sync();
	}

	#find(path: string): FileNode | DirectoryNode | undefined {
		this.#checkAlive('open', path);
		let node: FileNode | DirectoryNode | undefined = this.#root;
		for (const name of path.split('/').filter((part) => part !== '')) {
			node = node instanceof DirectoryNode ? node.entries.get(name) : undefined;
		}
		return node;
	}

	#file(path: string, call: string): FileNode {
		const node = this.#find(path);
		if (node === undefined) throw systemError('ENOENT', call, path);
		if (node instanceof DirectoryNode) throw systemError('EISDIR', call, path);
		return node;
	}

	#directory(path: string, call: string): DirectoryNode {
		const node = this.#find(path);
		if (node === undefined) throw systemError('ENOENT', call, path);
		if (node instanceof FileNode) throw systemError('ENOTDIR', call, path);
		return node;
	}

	#checkAlive(call: string, path: string): void {
		if (!this.#alive) throw systemError('EIO', call, path);
	}
}

function afterCrash(directory: DirectoryNode, survivors: Survivors): DirectoryNode {
	const entries: Entries = new Map(directory.synced);
	if (survivors !== 'synced only') {
		for (const change of directory.unsynced.slice(0, survivors.below(directory.unsynced.length + 1))) change(entries);
	}
	return madeOf(entries, (node) => {
		if (node instanceof DirectoryNode) return afterCrash(node, survivors);
		return fileOf(node.afterCrash(survivors));
	});
}

function cloned(directory: DirectoryNode): DirectoryNode {
	return madeOf(directory.entries, (node) => (node instanceof DirectoryNode ? cloned(node) : fileOf(node.contents())));
}

function madeOf(entries: Entries, copy: (node: FileNode | DirectoryNode) => FileNode | DirectoryNode): DirectoryNode {
	const made = new DirectoryNode();
	for (const [name, node] of entries) {
		const kept = copy(node);
		made.change((target) => target.set(name, kept));
	}
	made.sync();
	return made;
}

function fileOf(contents: Uint8Array): FileNode {
	const file = new FileNode();
	file.append(contents);
	file.sync();
	return file;
}
