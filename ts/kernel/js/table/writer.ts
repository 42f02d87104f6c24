/**
 * Writes one table file, part of the file format: do not change where blocks are cut.
 *
 *     | data block … | filter block | properties block | range deletes | metaindex block | index block | footer (48) |
 *
 * Invariants:
 *  1. Entries come in strictly ascending internal key order; anything else means that an input is damaged.
 *  2. A data block is finished when, after an entry was added, its encoded size is at least `blockSize`.
 *  3. Where blocks and tables are cut does not depend on the compression.
 *  4. Bytes leave in pieces of {@link PIECE_SIZE} or more; memory does not grow with the table but for filter and index.
 */
import { CorruptionError } from '../../../errors';
import { type WritableFile, writeFully } from '../../../fs/file-system';
import {
	COMPRESSION_NONE,
	KIND_DELETE,
	KIND_PUT_WITH_EXPIRY,
	KIND_RANGE_DELETE,
	KIND_VALUE_POINTER,
	type TableOptions,
} from '../../kernel';
import { BlockBuilder, fingerprintOf } from '../block/builder';
import { compareBytes, copyBytes, EMPTY, grow, readUint64 } from '../bytes';
import { BlockCompressor } from '../compression/block-compressor';
import { writtenPolicy } from '../filter/policies';
import { FilterBuilder } from '../filter/policy';
import { compareInternalKeys, compareTrailers, endKey, readSequence, TRAILER_SIZE, withTrailer } from '../internal-key';
import { isBefore, type RangeDelete } from '../range-delete';
import { writeVarint } from '../varint';
import { hash, xxHash64 } from '../xxhash64';
import { encodeFooter, FOOTER_SIZE } from './footer';
import { BLOCK_TRAILER_SIZE, type BlockHandle, PROPERTIES_NAME, RANGE_DELETES_NAME, sealBlock } from './format';
import { encodeProperties, type TableProperties } from './properties';
import { encodeRangeDeletes } from './range-deletes';

const PIECE_SIZE = 256 * 1024;
const INDEX_RESTART_INTERVAL = 16;
const META_RESTART_INTERVAL = 1;
const HANDLE_SIZE = 16;

/** A table that was written. */
export interface WrittenTable {
	/** Bytes of the file. */
	size: number;
	properties: TableProperties;
	/** Bytes of data blocks without their trailers, before and after compression. */
	rawDataBytes: number;
	storedDataBytes: number;
}

export class TableWriter {
	/** Bytes of finished blocks with their trailers. */
	private written = 0;
	/** The same before compression. */
	private writtenRaw = 0;
	private rawDataBytes = 0;
	private storedDataBytes = 0;
	private readonly compressor: BlockCompressor;
	private compressed = false;
	private valuePointers = false;
	private readonly block: BlockBuilder;
	private readonly index = new BlockBuilder(INDEX_RESTART_INTERVAL);
	private readonly filter: FilterBuilder | undefined;
	private readonly properties: TableProperties;
	private lastKey: Buffer = EMPTY;
	private lastKeyLength = 0;
	/** Of the user key of `lastKey`. */
	private fingerprint = 0;
	private pending: Buffer = Buffer.allocUnsafeSlow(PIECE_SIZE);
	private pendingSize = 0;
	/** Called with each data block that is finished: its position, and its contents before compression, `contents[0, size)`. */
	onDataBlock: ((position: number, contents: Buffer, size: number) => void) | undefined;
	private readonly handle: Buffer = Buffer.allocUnsafeSlow(HANDLE_SIZE);

	constructor(
		private readonly file: WritableFile,
		private readonly options: TableOptions,
		createdAt: bigint,
	) {
		this.compressor = new BlockCompressor(options.compression, options.compressionLevel);
		this.block = new BlockBuilder(options.restartInterval, options.blockSize + 1024);
		const sizing = { milliBitsPerKey: options.filterMilliBitsPerKey, probes: options.filterProbes };
		if (sizing.milliBitsPerKey > 0) this.filter = new FilterBuilder(writtenPolicy(options.filterPolicy), sizing);
		this.properties = {
			createdAt,
			entries: 0,
			tombstones: 0,
			userKeys: 0,
			rawKeyBytes: 0,
			rawValueBytes: 0,
			smallestSequence: Number.MAX_SAFE_INTEGER,
			largestSequence: 0,
			rangeDeletes: 0,
			expiry: undefined,
			smallestKey: EMPTY,
			largestKey: EMPTY,
		};
	}

	/** What decides where a compaction cuts tables: finished blocks, before compression, and the encoded size of the current one. */
	get cutSize(): number {
		return this.writtenRaw + this.block.encodedSize;
	}

	/** Bytes of finished blocks as they are stored, and the encoded size of the current one. */
	get storedSize(): number {
		return this.written + this.block.encodedSize;
	}

	/** Order of the last entry's user key and `key[start, end)`, an internal key: negative, or 0 for another version. */
	compareUserKey(key: Uint8Array, start: number, end: number): number {
		if (this.properties.entries === 0) return -1;
		return compareBytes(this.lastKey, 0, this.lastKeyLength - TRAILER_SIZE, key, start, end - TRAILER_SIZE);
	}

	/** @param order what {@link compareUserKey} says of the key */
	add(
		order: number,
		key: Uint8Array,
		keyStart: number,
		keyEnd: number,
		value: Uint8Array,
		valueStart: number,
		valueEnd: number,
	): void {
		const trailer = keyEnd - TRAILER_SIZE;
		if (order > 0 || (order === 0 && compareTrailers(this.lastKey, this.lastKeyLength - TRAILER_SIZE, key, trailer) >= 0)) {
			throw new CorruptionError(`keys do not ascend in the input of ${this.file.path}: one of the input tables is damaged`);
		}
		if (order !== 0) {
			xxHash64(key, keyStart, trailer);
			this.filter?.add(hash.low, hash.high);
			this.fingerprint = fingerprintOf(hash.low);
			this.properties.userKeys++;
		}
		this.lastKeyLength = keyEnd - keyStart;
		this.lastKey = grow(this.lastKey, 0, this.lastKeyLength);
		copyBytes(key, keyStart, keyEnd, this.lastKey, 0);
		this.count(key, keyStart, trailer, valueEnd - valueStart);
		if (key[trailer] === KIND_PUT_WITH_EXPIRY) this.countExpiry(readUint64(value, valueStart));
		this.block.add(key, keyStart, keyEnd, value, valueStart, valueEnd);
		this.block.addFingerprint(this.fingerprint);
		if (this.block.encodedSize >= this.options.blockSize) this.finishDataBlock();
	}

	/** Writes what is left and these range deletes, which are fragments in order; does not sync. There is an entry or a range delete. */
	finish(rangeDeletes: readonly RangeDelete[]): WrittenTable {
		if (this.block.entries > 0) this.finishDataBlock();
		this.properties.largestKey = Buffer.from(this.lastKey.subarray(0, this.lastKeyLength));
		this.countRangeDeletes(rangeDeletes);
		const metaindex = new BlockBuilder(META_RESTART_INTERVAL, 128);
		if (this.filter !== undefined) this.addMeta(metaindex, this.filter.blockName, this.filter.finish());
		this.addMeta(metaindex, PROPERTIES_NAME, encodeProperties(this.properties));
		if (rangeDeletes.length > 0) this.addMeta(metaindex, RANGE_DELETES_NAME, encodeRangeDeletes(rangeDeletes));
		const metaindexHandle = this.writeBuilder(metaindex);
		const indexHandle = this.writeBuilder(this.index);
		const { compressed, valuePointers } = this;
		const flags = { compressed, rangeDeletes: rangeDeletes.length > 0, valuePointers, fingerprints: this.properties.entries > 0 };
		this.emit(encodeFooter({ metaindex: metaindexHandle, index: indexHandle, ...flags }), FOOTER_SIZE);
		this.flush();
		const { written: size, properties, rawDataBytes, storedDataBytes } = this;
		return { size, properties, rawDataBytes, storedDataBytes };
	}

	private count(key: Uint8Array, start: number, trailer: number, valueLength: number): void {
		const { properties } = this;
		const sequence = readSequence(key, trailer);
		if (properties.entries === 0) properties.smallestKey = Buffer.from(key.subarray(start, trailer + TRAILER_SIZE));
		properties.entries++;
		if (key[trailer] === KIND_DELETE) properties.tombstones++;
		if (key[trailer] === KIND_VALUE_POINTER) this.valuePointers = true;
		properties.rawKeyBytes += trailer + TRAILER_SIZE - start;
		properties.rawValueBytes += valueLength;
		if (sequence < properties.smallestSequence) properties.smallestSequence = sequence;
		if (sequence > properties.largestSequence) properties.largestSequence = sequence;
	}

	private countExpiry(expiresAt: number): void {
		const { entries, latest } = this.properties.expiry ?? { entries: 0, latest: 0 };
		const known = Math.min(expiresAt, Number.MAX_SAFE_INTEGER);
		this.properties.expiry = { entries: entries + 1, latest: Math.max(latest, known) };
	}

	/** Widens the span of the table to that of its range deletes. */
	private countRangeDeletes(rangeDeletes: readonly RangeDelete[]): void {
		const first = rangeDeletes[0];
		const last = rangeDeletes.at(-1);
		if (last === undefined) return;
		const { properties } = this;
		const { smallestKey, largestKey, entries } = properties;
		const smallest = withTrailer(first.start, first.sequence, KIND_RANGE_DELETE);
		if (entries === 0 || compareInternalKeys(smallest, 0, smallest.length, smallestKey, 0, smallestKey.length) < 0) {
			properties.smallestKey = smallest;
		}
		if (entries === 0 || isBefore(largestKey, 0, largestKey.length - TRAILER_SIZE, last.end))
			properties.largestKey = endKey(last.end);
		properties.rangeDeletes = rangeDeletes.length;
		for (const { sequence } of rangeDeletes) {
			properties.smallestSequence = Math.min(properties.smallestSequence, sequence);
			properties.largestSequence = Math.max(properties.largestSequence, sequence);
		}
	}

	private finishDataBlock(): void {
		const handle = this.writeDataBlock();
		this.block.reset();
		const length = this.encodeHandle(handle);
		this.index.add(this.lastKey, 0, this.lastKeyLength, this.handle, 0, length);
	}

	private writeDataBlock(): BlockHandle {
		const { encodedSize } = this.block;
		const raw = this.block.finish(BLOCK_TRAILER_SIZE);
		this.onDataBlock?.(this.index.entries, raw, encodedSize);
		const stored = this.compressor.compress(raw, encodedSize, BLOCK_TRAILER_SIZE);
		if (stored !== undefined) this.compressed = true;
		const handle =
			stored === undefined
				? this.writeBlock(raw, encodedSize, COMPRESSION_NONE)
				: this.writeBlock(stored.bytes, stored.size, this.compressor.id);
		this.writtenRaw += encodedSize + BLOCK_TRAILER_SIZE;
		this.rawDataBytes += encodedSize;
		this.storedDataBytes += handle.size;
		return handle;
	}

	private addMeta(metaindex: BlockBuilder, name: string, contents: Buffer): void {
		const bytes = Buffer.allocUnsafeSlow(contents.length + BLOCK_TRAILER_SIZE);
		contents.copy(bytes);
		const length = this.encodeHandle(this.writeBlock(bytes, contents.length, COMPRESSION_NONE));
		const key = Buffer.from(name, 'ascii');
		metaindex.add(key, 0, key.length, this.handle, 0, length);
	}

	private writeBuilder(builder: BlockBuilder): BlockHandle {
		return this.writeBlock(builder.finish(BLOCK_TRAILER_SIZE), builder.encodedSize, COMPRESSION_NONE);
	}

	/** Writes the stored bytes of a block, the first `size`; there is room for its trailer behind them. */
	private writeBlock(bytes: Buffer, size: number, compression: number): BlockHandle {
		const offset = this.written;
		sealBlock(bytes, size, compression);
		this.emit(bytes, size + BLOCK_TRAILER_SIZE);
		return { offset, size };
	}

	private encodeHandle(handle: BlockHandle): number {
		return writeVarint(this.handle, writeVarint(this.handle, 0, handle.offset), handle.size);
	}

	private emit(bytes: Buffer, length: number): void {
		if (this.pendingSize + length > PIECE_SIZE) this.flush();
		if (length > PIECE_SIZE) writeFully(this.file, bytes, 0, length);
		else this.pendingSize = copyBytes(bytes, 0, length, this.pending, this.pendingSize);
		this.written += length;
	}

	private flush(): void {
		if (this.pendingSize > 0) writeFully(this.file, this.pending, 0, this.pendingSize);
		this.pendingSize = 0;
	}
}
