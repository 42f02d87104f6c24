/**
 * A file system around another that counts calls and, where it is told to, fails them, writes less than asked, or stops for good.
 *
 * Invariant: a call that fails has not reached the file system underneath, but for a write that fails after a part (`partOf`).
 */
import type { FileSystem, FillableFile, ReadableFile, WritableFile } from '../../ts/fs/file-system';
import { systemError } from './memory-file-system';

/** A method of {@link FileSystem} or of one of its files. */
export type Method = keyof FileSystem | Exclude<keyof ReadableFile | keyof FillableFile, 'path'>;

/** Methods that change what is on the disk. */
const MUTATIONS: readonly Method[] = [
	'create',
	'makeDirectorySync',
	'renameSync',
	'removeSync',
	'remove',
	'removeDirectorySync',
	'truncateSync',
	'fillSync',
	'syncDirectorySync',
	'writeSync',
	'syncSync',
	'sync',
];

/** Which calls fail, and how. */
export interface Fault {
	methods: readonly Method[];
	path?: RegExp;
	/** Matching calls to let through first; default 0. */
	skip?: number;
	/** Matching calls to fail then; default 1. */
	times?: number;
	/** The errno, such as ENOSPC. */
	code: string;
	/** For a write that fails: bytes of it that reach the file. */
	partOf?: number;
}

export class FaultFileSystem implements FileSystem {
	readonly #inner: FileSystem;
	/** Every call so far. */
	readonly calls: { method: Method; path: string }[] = [];
	/** Calls so far that change what is on the disk. */
	mutations = 0;
	/** Most bytes that one write call takes, as a function of what it is asked for. */
	writeLimit: (length: number) => number = (length) => length;
	/** Turns of the event loop before an asynchronous fsync reaches the disk. */
	syncTurns = 0;
	#faults: (Required<Omit<Fault, 'path'>> & { path: RegExp })[] = [];
	#stopAfter = Number.POSITIVE_INFINITY;

	constructor(inner: FileSystem) {
		this.#inner = inner;
	}

	/** Adds a fault. */
	fail(fault: Fault): void {
		this.#faults.push({ path: /^/, skip: 0, times: 1, partOf: 0, ...fault });
	}

	/** Takes all faults back. */
	heal(): void {
		this.#faults = [];
	}

	/** After `mutations` changes every call fails with EIO: the power is off. */
	stopAfter(mutations: number): void {
		this.#stopAfter = mutations;
	}

	count(method: Method, path = /^/): number {
		return this.calls.filter((call) => call.method === method && path.test(call.path)).length;
	}

	openRead(path: string): ReadableFile {
		const file = this.#call('openRead', path, () => this.#inner.openRead(path));
		return {
			path,
			readSync: (target, position) => this.#call('readSync', path, () => file.readSync(target, position)),
			read: async (target, position) => this.#call('read', path, () => file.read(target, position)),
			sizeSync: () => this.#call('sizeSync', path, () => file.sizeSync()),
			closeSync: () => this.#call('closeSync', path, () => file.closeSync()),
		};
	}

	create(path: string): FillableFile {
		const file = this.#call('create', path, () => this.#inner.create(path));
		return {
			...this.#writable(file),
			fillSync: (start, end) =>
				this.#call(
					'fillSync',
					path,
					() => file.fillSync(start, end),
					(part) => file.fillSync(start, Math.min(start + part, end)),
				),
			truncateSync: (size) => this.#call('truncateSync', path, () => file.truncateSync(size)),
		};
	}

	openAppend(path: string): WritableFile {
		return this.#writable(this.#call('openAppend', path, () => this.#inner.openAppend(path)));
	}

	#writable(file: WritableFile): WritableFile {
		const { path } = file;
		return {
			path,
			writeSync: (data, offset, length) => this.#write(file, data, offset, length),
			syncSync: () => this.#call('syncSync', path, () => file.syncSync()),
			sync: async () => {
				for (let i = 0; i < this.syncTurns; i++) await new Promise(setImmediate);
				return this.#call('sync', path, () => file.sync());
			},
			closeSync: () => this.#call('closeSync', path, () => file.closeSync()),
		};
	}

	readFileSync(path: string): Buffer {
		return this.#call('readFileSync', path, () => this.#inner.readFileSync(path));
	}

	listSync(path: string): string[] {
		return this.#call('listSync', path, () => this.#inner.listSync(path));
	}

	existsSync(path: string): boolean {
		return this.#call('existsSync', path, () => this.#inner.existsSync(path));
	}

	makeDirectorySync(path: string): void {
		this.#call('makeDirectorySync', path, () => this.#inner.makeDirectorySync(path));
	}

	renameSync(from: string, to: string): void {
		this.#call('renameSync', from, () => this.#inner.renameSync(from, to));
	}

	removeDirectorySync(path: string): void {
		this.#call('removeDirectorySync', path, () => this.#inner.removeDirectorySync(path));
	}

	removeSync(path: string): void {
		this.#call('removeSync', path, () => this.#inner.removeSync(path));
	}

	async remove(path: string): Promise<void> {
		await this.#call('remove', path, () => this.#inner.remove(path));
	}

	truncateSync(path: string, size: number): void {
		this.#call('truncateSync', path, () => this.#inner.truncateSync(path, size));
	}

	syncDirectorySync(path: string): void {
		this.#call('syncDirectorySync', path, () => this.#inner.syncDirectorySync(path));
	}

	#write(file: WritableFile, data: Uint8Array, offset: number, length: number): number {
		const limited = Math.max(1, Math.min(length, this.writeLimit(length)));
		return this.#call(
			'writeSync',
			file.path,
			() => file.writeSync(data, offset, limited),
			(part) => file.writeSync(data, offset, Math.min(part, length)),
		);
	}

	#call<T>(method: Method, path: string, run: () => T, runPart?: (part: number) => void): T {
		this.calls.push({ method, path });
		const mutates = MUTATIONS.includes(method);
		if (this.mutations >= this.#stopAfter) throw systemError('EIO', method, path);
		if (mutates) this.mutations++;
		const fault = this.#faults.find((candidate) => candidate.methods.includes(method) && candidate.path.test(path));
		if (fault === undefined || fault.times === 0) return run();
		if (fault.skip-- > 0) return run();
		fault.skip = 0;
		fault.times--;
		if (fault.partOf > 0) runPart?.(fault.partOf);
		throw systemError(fault.code, method, path);
	}
}
