/**
 * What all parts of a table file share: handles, the trailer of a block, and the names of meta blocks. Part of the file format:
 * do not change.
 *
 *     handle:  | offset (varint) | size (varint) |
 *     trailer: | codec (1): CRC-32 << 7, compression | checksum over stored bytes and codec (8) |
 *
 * The checksum is a CRC-32, and four bytes of zeros, where the codec has its highest bit; without it, as in older tables, it is xxHash64.
 *
 * Invariants:
 *  1. A block is checked right after it was read, and before it is decompressed; nobody sees bytes that failed.
 *  2. Only data blocks are compressed.
 */
import { CorruptionError } from '../../../errors';
import { COMPRESSION_NONE } from '../../kernel';
import { readUint32, writeUint32 } from '../bytes';
import { decompress } from '../compression/decompress';
import { crc32 } from '../crc32';
import { readVarint32, readVarint53, varint } from '../varint';
import { hash, xxHash64 } from '../xxhash64';

export const BLOCK_TRAILER_SIZE = 9;
/** In the codec of a block: its checksum is a CRC-32. */
const CRC32_CHECKSUM = 0x80;
export const PROPERTIES_NAME = 'properties';
export const RANGE_DELETES_NAME = 'range-deletes';

/** A block's place in its file; the size leaves the trailer out. */
export interface BlockHandle {
	offset: number;
	size: number;
}

/** Puts the trailer behind the stored bytes of a block, the first `size` of a buffer that has room for it. */
export function sealBlock(bytes: Buffer, size: number, compression: number): void {
	bytes[size] = compression | CRC32_CHECKSUM;
	writeUint32(bytes, size + 1, crc32(bytes.subarray(0, size + 1)));
	writeUint32(bytes, size + 5, 0);
}

/**
 * Checks the block of `size` stored bytes and its trailer at `at` of `bytes`, read from `offset` of the file.
 * @returns the id of its compression
 */
function verifyBlock(bytes: Buffer, at: number, size: number, path: string, offset: number): number {
	const end = at + size + 1;
	const codec = bytes[end - 1];
	if (!isIntact(bytes, at, end, (codec & CRC32_CHECKSUM) !== 0)) {
		throw new CorruptionError(
			`checksum of the block at ${offset} (${size} bytes) of ${path} does not match: restore the file from a backup, or repair the store with Database.repair`,
			{ path, offset },
		);
	}
	return codec & ~CRC32_CHECKSUM;
}

/** Does the checksum behind `bytes[start, end)` fit? */
function isIntact(bytes: Buffer, start: number, end: number, isCrc32: boolean): boolean {
	const low = readUint32(bytes, end);
	const high = readUint32(bytes, end + 4);
	if (isCrc32) return low === crc32(bytes.subarray(start, end)) && high === 0;
	xxHash64(bytes, start, end);
	return low === hash.low && high === hash.high;
}

/** Checks a block that is never compressed; answers its contents, where they lie. */
export function openMetaBlock(bytes: Buffer, at: number, size: number, path: string, offset: number): Buffer {
	const compression = verifyBlock(bytes, at, size, path, offset);
	if (compression !== COMPRESSION_NONE) {
		throw new CorruptionError(`block at ${offset} of ${path} has compression ${compression}, expected 0`, { path, offset });
	}
	return bytes.subarray(at, at + size);
}

/**
 * Checks a data block; answers its contents, where they lie or decompressed.
 * @param take gives memory for decompressed contents
 */
export function openDataBlock(
	bytes: Buffer,
	at: number,
	size: number,
	take: (length: number) => Buffer,
	path: string,
	offset: number,
): Buffer {
	const compression = verifyBlock(bytes, at, size, path, offset);
	if (compression === COMPRESSION_NONE) return bytes.subarray(at, at + size);
	return decompress(compression, bytes, at, at + size, take, path, offset);
}

/** Decodes the handle `bytes[start, end)` of a block that must end, with its trailer, at or before `limit`. */
export function decodeHandle(
	bytes: Buffer,
	start: number,
	end: number,
	limit: number,
	path: string,
	origin: number,
): BlockHandle {
	const offset = readVarint53(bytes, start, end);
	const size = offset < 0 ? -1 : readVarint32(bytes, varint.end, end);
	if (size < 0 || varint.end !== end) {
		throw new CorruptionError(`block handle in the block at ${origin} of ${path} is malformed`, { path, offset: origin });
	}
	return checkHandle({ offset, size }, limit, path, origin);
}

/** A handle whose block lies before `limit`. `origin` says where the handle stood. */
export function checkHandle(handle: BlockHandle, limit: number, path: string, origin: number): BlockHandle {
	if (handle.offset + handle.size + BLOCK_TRAILER_SIZE > limit) {
		throw new CorruptionError(
			`block handle at ${origin} of ${path} names ${handle.size} bytes at ${handle.offset}, past the limit of ${limit}`,
			{ path, offset: origin },
		);
	}
	return handle;
}
