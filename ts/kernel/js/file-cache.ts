/**
 * The open files of tables and blob files: at most so many; the file that was used least recently is closed first, and opened again by its path.
 *
 * Invariants:
 *  1. A file is not closed while a read of it is under way on another thread. No more than {@link MOST_READS} are at a time, so no
 *     more than `capacity + MOST_READS` files are open, however many reads wait.
 *  2. `files` is in no order: every read uses a file, and few close one.
 *
 * Opening by path again is safe: the store deletes a table's file only when no reader has a version that lists it.
 */
import type { FileSystem, ReadableFile } from '../../fs/file-system';

/** Reads on other threads at a time; Node.js has four threads for them unless told otherwise. */
const MOST_READS = 32;

interface OpenFile {
	file: ReadableFile;
	/** Reads under way on other threads. */
	reads: number;
	/** The last of those reads closes it. */
	evicted: boolean;
	/** The number of its last use. */
	lastUse: number;
}

/** What files are known by: a table's own object, not its number. */
export interface FileOwner {
	readonly path: string;
}

export class FileCache {
	hits = 0;
	/** Files opened, again or for the first time. */
	opens = 0;
	private readonly files = new Map<FileOwner, OpenFile>();
	/** Uses until now. */
	private uses = 0;
	private reads = 0;
	private readonly waiting: (() => void)[] = [];

	/** @param capacity most files that are kept open */
	constructor(
		private readonly fileSystem: FileSystem,
		private readonly capacity: number,
	) {}

	/** Files that are open, but for those that are closed as soon as a read ends. */
	get open(): number {
		return this.files.size;
	}

	/** The file of a table, opened if need be: for a call that ends before anything else runs. Throws what the file system throws. */
	file(owner: FileOwner): ReadableFile {
		return this.use(owner).file;
	}

	/** Reads off the calling thread. */
	async read(owner: FileOwner, target: Uint8Array, position: number): Promise<number> {
		if (this.reads >= MOST_READS) await new Promise<void>((resolve) => this.waiting.push(resolve));
		else this.reads++;
		try {
			const open = this.use(owner);
			open.reads++;
			try {
				return await open.file.read(target, position);
			} finally {
				open.reads--;
				if (open.evicted && open.reads === 0) open.file.closeSync();
			}
		} finally {
			// The next read takes the place of this one.
			const next = this.waiting.shift();
			if (next === undefined) this.reads--;
			else next();
		}
	}

	/** Closes the file of a table that is gone. */
	forget(owner: FileOwner): void {
		const open = this.files.get(owner);
		if (open !== undefined) this.evict(owner, open);
	}

	private use(owner: FileOwner): OpenFile {
		let open = this.files.get(owner);
		if (open === undefined) {
			this.opens++;
			open = { file: this.fileSystem.openRead(owner.path), reads: 0, evicted: false, lastUse: 0 };
			while (this.files.size > 0 && this.files.size >= this.capacity) this.evictOldest();
			this.files.set(owner, open);
		} else {
			this.hits++;
		}
		open.lastUse = ++this.uses;
		return open;
	}

	private evictOldest(): void {
		const [owner, open] = [...this.files].reduce((oldest, one) => (one[1].lastUse < oldest[1].lastUse ? one : oldest));
		this.evict(owner, open);
	}

	private evict(owner: FileOwner, open: OpenFile): void {
		this.files.delete(owner);
		open.evicted = true;
		if (open.reads === 0) open.file.closeSync();
	}
}
