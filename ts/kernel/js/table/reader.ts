/**
 * An open table: its file, index, filter and properties; the blocks come one by one.
 *
 * Invariants:
 *  1. Opening checks everything but the data blocks: size, footer, metaindex, properties, filter, index. Handles ascend and lie
 *     inside the file, so no read allocates more than the file holds.
 *  2. The file is closed, and `onClosed` called, when the last reference is released.
 *  3. A block leaves this module only after its checksum was verified.
 */
import { CorruptionError, IOError, VarveError } from '../../../errors';
import type { FileSystem, ReadableFile } from '../../../fs/file-system';
import type { TableSpec } from '../../kernel';
import { BlockCursor, INTERNAL_KEYS, PLAIN_KEYS } from '../block/cursor';
import { compareBytes } from '../bytes';
import { policyOf } from '../filter/policies';
import { BLOCK_PREFIX, type Filter, type FilterPolicy } from '../filter/policy';
import { endOf, TRAILER_SIZE } from '../internal-key';
import { isBefore, type RangeDelete } from '../range-delete';
import { decodeFooter, FOOTER_SIZE } from './footer';
import {
	BLOCK_TRAILER_SIZE,
	type BlockHandle,
	decodeHandle,
	openDataBlock,
	openMetaBlock,
	PROPERTIES_NAME,
	RANGE_DELETES_NAME,
} from './format';
import { KeyIndex } from './key-index';
import { decodeProperties, type TableProperties } from './properties';
import { decodeRangeDeletes, RangeDeletes } from './range-deletes';

interface MetaBlocks {
	filter: { policy: FilterPolicy; handle: BlockHandle } | undefined;
	unknownFilter: boolean;
	properties: BlockHandle;
	rangeDeletes: BlockHandle | undefined;
}

export class Table {
	readonly number: number;
	readonly path: string;
	readonly size: number;
	readonly index = new KeyIndex();
	readonly filter: Filter | undefined;
	/** The table has a filter that this version does not know, and is read without it. */
	readonly unknownFilter: boolean;
	readonly properties: TableProperties;
	readonly rangeDeletes: RangeDeletes;
	/** Where the span of entries and range deletes ends; see ../range-delete.ts. */
	readonly end: Uint8Array;
	/** Called once, after the file was closed. */
	onClosed: ((table: Table) => void) | undefined;
	private offsets = new Float64Array(0);
	private sizes = new Uint32Array(0);
	private references = 1;

	/** Opens and verifies a table; the caller holds the first reference. */
	static open(fileSystem: FileSystem, spec: TableSpec): Table {
		const file = openFile(fileSystem, spec.path);
		try {
			return new Table(file, spec);
		} catch (error) {
			file.closeSync();
			throw error;
		}
	}

	private constructor(
		private readonly file: ReadableFile,
		spec: TableSpec,
	) {
		this.number = spec.number;
		this.path = spec.path;
		this.size = spec.size;
		this.checkSize();
		const footerAt = this.size - FOOTER_SIZE;
		const footer = decodeFooter(this.readRange(footerAt, FOOTER_SIZE), this.path, footerAt);
		const meta = this.decodeMetaindex(footer.metaindex, footerAt);
		if ((meta.rangeDeletes !== undefined) !== footer.rangeDeletes) {
			const message = `flags and metaindex of ${this.path} do not agree on whether it has range deletes`;
			throw new CorruptionError(message, { path: this.path, offset: footer.metaindex.offset });
		}
		this.properties = decodeProperties(this.readHandle(meta.properties), this.path, meta.properties.offset);
		this.unknownFilter = meta.unknownFilter;
		if (meta.filter !== undefined) {
			const { policy, handle } = meta.filter;
			this.filter = policy.open(this.readHandle(handle), { path: this.path, offset: handle.offset });
		}
		this.rangeDeletes =
			meta.rangeDeletes === undefined
				? RangeDeletes.none
				: decodeRangeDeletes(this.readHandle(meta.rangeDeletes), this.path, meta.rangeDeletes.offset);
		this.end = endOf(this.properties.largestKey);
		this.decodeIndex(footer.index, footerAt);
	}

	get blockCount(): number {
		return this.index.count;
	}

	/** Bytes of index, filter and range deletes held in memory. */
	get memory(): number {
		return this.index.size + this.offsets.byteLength + this.sizes.byteLength + (this.filter?.size ?? 0) + this.rangeDeletes.size;
	}

	/** Bytes of keys and values as they were added. */
	get rawBytes(): number {
		return this.properties.rawKeyBytes + this.properties.rawValueBytes;
	}

	blockOffset(block: number): number {
		return this.offsets[block];
	}

	/** Stored bytes of a block, without its trailer. */
	blockSize(block: number): number {
		return this.sizes[block];
	}

	/** Where the first data block begins that may hold user keys at or after `key`; the end of the data blocks when none does. */
	approximateOffset(key: Uint8Array): number {
		// A trailer of all ones comes before every version of the key.
		const target = Buffer.alloc(key.length + TRAILER_SIZE, 0xff);
		target.set(key);
		const block = this.index.lowerBound(target, 0, target.length);
		if (block < this.blockCount) return this.offsets[block];
		if (this.blockCount === 0) return 0;
		const last = this.blockCount - 1;
		return this.offsets[last] + this.sizes[last] + BLOCK_TRAILER_SIZE;
	}

	get smallestUserKey(): Uint8Array {
		return this.properties.smallestKey.subarray(0, -TRAILER_SIZE);
	}

	/** Has it nothing as new as a range delete? */
	isOlder({ sequence }: RangeDelete): boolean {
		return this.properties.largestSequence < sequence;
	}

	/** Does the user key `key[0, length)` lie within the span of the table? */
	covers(key: Uint8Array, length: number): boolean {
		const { smallestKey } = this.properties;
		return (
			compareBytes(key, 0, length, smallestKey, 0, smallestKey.length - TRAILER_SIZE) >= 0 && isBefore(key, 0, length, this.end)
		);
	}

	/** For a seek that the index sent to a block, and that found nothing there. */
	indexMismatch(block: number): CorruptionError {
		const offset = this.offsets[block];
		return new CorruptionError(`block at ${offset} of ${this.path} ends before the key that the index names as its last`, {
			path: this.path,
			offset,
		});
	}

	retain(): void {
		this.references++;
	}

	release(): void {
		if (--this.references > 0) return;
		this.file.closeSync();
		this.onClosed?.(this);
	}

	/** Reads, verifies and decompresses a data block on the calling thread. */
	readBlock(block: number): Buffer {
		const offset = this.offsets[block];
		const size = this.sizes[block];
		return openDataBlock(this.readRange(offset, size + BLOCK_TRAILER_SIZE), 0, size, Buffer.allocUnsafeSlow, this.path, offset);
	}

	/** As {@link readBlock}, off the calling thread. */
	async readBlockAsync(block: number): Promise<Buffer> {
		const offset = this.offsets[block];
		const size = this.sizes[block];
		const bytes = Buffer.allocUnsafeSlow(size + BLOCK_TRAILER_SIZE);
		let count: number;
		try {
			count = await this.file.read(bytes, offset);
		} catch (error) {
			throw readFailed(this.path, offset, error);
		}
		this.checkCount(count, bytes.length, offset);
		return openDataBlock(bytes, 0, size, Buffer.allocUnsafeSlow, this.path, offset);
	}

	/** Fills `target` from a range that lies inside the file; the bytes are not checked. */
	readInto(target: Buffer, offset: number): void {
		let count: number;
		try {
			count = this.file.readSync(target, offset);
		} catch (error) {
			throw readFailed(this.path, offset, error);
		}
		this.checkCount(count, target.length, offset);
	}

	private readRange(offset: number, size: number): Buffer {
		const bytes = Buffer.allocUnsafeSlow(size);
		this.readInto(bytes, offset);
		return bytes;
	}

	private readHandle(handle: BlockHandle): Buffer {
		const bytes = this.readRange(handle.offset, handle.size + BLOCK_TRAILER_SIZE);
		return openMetaBlock(bytes, 0, handle.size, this.path, handle.offset);
	}

	private checkCount(count: number, wanted: number, offset: number): void {
		if (count === wanted) return;
		throw new CorruptionError(`${this.path} ends early: read ${count} of ${wanted} bytes at ${offset}`, {
			path: this.path,
			offset: offset + count,
		});
	}

	private checkSize(): void {
		let size: number;
		try {
			size = this.file.sizeSync();
		} catch (error) {
			throw readFailed(this.path, 0, error);
		}
		if (size === this.size && size >= FOOTER_SIZE) return;
		throw new CorruptionError(`${this.path} has ${size} bytes, the manifest says ${this.size}: it was cut or replaced`, {
			path: this.path,
			offset: Math.min(size, this.size),
		});
	}

	private decodeMetaindex(handle: BlockHandle, limit: number): MetaBlocks {
		const cursor = new BlockCursor(PLAIN_KEYS);
		const block = this.readHandle(handle);
		cursor.reset(block, this.path, handle.offset);
		let filter: MetaBlocks['filter'];
		let unknownFilter = false;
		let properties: BlockHandle | undefined;
		let rangeDeletes: BlockHandle | undefined;
		for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
			const name = cursor.keyBytes.toString('latin1', 0, cursor.keyEnd);
			const isFilter = name.startsWith(BLOCK_PREFIX);
			const policy = isFilter ? policyOf(name.slice(BLOCK_PREFIX.length)) : undefined;
			if (isFilter && policy === undefined) unknownFilter = true;
			// An unknown name is a part that a reader can do without.
			if (policy === undefined && name !== PROPERTIES_NAME && name !== RANGE_DELETES_NAME) continue;
			const part = decodeHandle(block, cursor.valueStart, cursor.valueEnd, limit, this.path, handle.offset);
			if (policy !== undefined) filter = { policy, handle: part };
			else if (name === PROPERTIES_NAME) properties = part;
			else rangeDeletes = part;
		}
		if (properties === undefined) {
			throw new CorruptionError(`${this.path} has no properties block`, { path: this.path, offset: handle.offset });
		}
		return { filter, unknownFilter, properties, rangeDeletes };
	}

	private decodeIndex(handle: BlockHandle, limit: number): void {
		const refuse = (what: string) =>
			new CorruptionError(`index of ${this.path}: ${what}`, { path: this.path, offset: handle.offset });
		const cursor = new BlockCursor(INTERNAL_KEYS);
		const block = this.readHandle(handle);
		cursor.reset(block, this.path, handle.offset);
		const offsets: number[] = [];
		const sizes: number[] = [];
		let end = 0;
		for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
			const data = decodeHandle(block, cursor.valueStart, cursor.valueEnd, limit, this.path, handle.offset);
			if (data.offset < end) throw refuse(`the block at ${data.offset} starts before ${end}, the end of the one before`);
			if (!this.index.append(cursor.keyBytes, 0, cursor.keyEnd)) throw refuse(`keys do not ascend at entry ${sizes.length}`);
			end = data.offset + data.size + BLOCK_TRAILER_SIZE;
			offsets.push(data.offset);
			sizes.push(data.size);
		}
		if (sizes.length === 0 && this.rangeDeletes.isEmpty) throw refuse('it is empty');
		this.index.finish();
		this.offsets = Float64Array.from(offsets);
		this.sizes = Uint32Array.from(sizes);
	}
}

function openFile(fileSystem: FileSystem, path: string): ReadableFile {
	try {
		return fileSystem.openRead(path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
			throw new CorruptionError(
				`${path} is listed by the manifest but missing: restore it from a backup, or repair the store with Database.repair`,
				{
					path,
					cause: error,
				},
			);
		}
		throw readFailed(path, 0, error);
	}
}

function readFailed(path: string, offset: number, error: unknown): VarveError {
	if (error instanceof VarveError) return error;
	return new IOError(`failed to read ${path} at ${offset}: ${(error as Error).message}`, { path, offset, cause: error });
}
