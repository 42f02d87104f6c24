/**
 * The file of a table, or a blob file: positioned reads of a file that may be closed between two of them.
 *
 * Invariant: a block leaves this module only after its checksum was verified.
 */
import { CorruptionError, IOError, VarveError } from '../../../errors';
import { copyBlock, takeBlock } from '../block-memory';
import type { FileCache } from '../file-cache';
import { FOOTER_SIZE } from './footer';
import { BLOCK_TRAILER_SIZE, type BlockHandle, openDataBlock } from './format';

/** Stored bytes of a block between its read and its decompression, in a call that ends before anything else runs. Larger ones get their own. */
const stored = Buffer.allocUnsafeSlow(64 * 1024);
const storedMemory = stored.buffer;

export class TableFile {
	constructor(
		readonly path: string,
		private readonly files: FileCache,
	) {}

	/** Fails unless the file is there and has the size that the manifest says. */
	checkSize(expected: number): void {
		let size: number;
		try {
			size = this.files.file(this).sizeSync();
		} catch (error) {
			throw this.failed(0, error);
		}
		if (size === expected && size >= FOOTER_SIZE) return;
		throw new CorruptionError(`${this.path} has ${size} bytes, the manifest says ${expected}: it was cut or replaced`, {
			path: this.path,
			offset: Math.min(size, expected),
		});
	}

	/** Fills `target` from a range that lies inside the file; the bytes are not checked. */
	readInto(target: Buffer, offset: number): void {
		let count: number;
		try {
			count = this.files.file(this).readSync(target, offset);
		} catch (error) {
			throw this.failed(offset, error);
		}
		this.checkCount(count, target.length, offset);
	}

	/** As {@link readInto}, off the calling thread. */
	async readIntoAsync(target: Buffer, offset: number): Promise<void> {
		let count: number;
		try {
			count = await this.files.read(this, target, offset);
		} catch (error) {
			throw this.failed(offset, error);
		}
		this.checkCount(count, target.length, offset);
	}

	/** Reads, verifies and decompresses a data block on the calling thread. */
	readBlock(handle: BlockHandle): Buffer {
		const length = handle.size + BLOCK_TRAILER_SIZE;
		const isLarge = length > stored.length;
		const bytes = isLarge ? Buffer.allocUnsafeSlow(length) : stored;
		this.readInto(isLarge ? bytes : stored.subarray(0, length), handle.offset);
		// The same object for each block: what decompresses it keeps a view of that.
		const block = this.opened(bytes, handle);
		// What is not compressed is still where it was read.
		return block.buffer === storedMemory ? copyBlock(block) : block;
	}

	/** As {@link readBlock}, off the calling thread. */
	async readBlockAsync(handle: BlockHandle): Promise<Buffer> {
		const bytes = Buffer.allocUnsafeSlow(handle.size + BLOCK_TRAILER_SIZE);
		await this.readIntoAsync(bytes, handle.offset);
		return this.opened(bytes, handle);
	}

	close(): void {
		this.files.forget(this);
	}

	private opened(bytes: Buffer, { size, offset }: BlockHandle): Buffer {
		return openDataBlock(bytes, 0, size, takeBlock, this.path, offset);
	}

	private checkCount(count: number, wanted: number, offset: number): void {
		if (count === wanted) return;
		throw new CorruptionError(`${this.path} ends early: read ${count} of ${wanted} bytes at ${offset}`, {
			path: this.path,
			offset: offset + count,
		});
	}

	private failed(offset: number, cause: unknown): VarveError {
		const { path } = this;
		if (cause instanceof VarveError) return cause;
		if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
			const advice = 'restore it from a backup, or repair the store with Database.repair';
			return new CorruptionError(`${path} is listed by the manifest but missing: ${advice}`, { path, cause });
		}
		return new IOError(`failed to read ${path} at ${offset}: ${(cause as Error).message}`, { path, offset, cause });
	}
}
