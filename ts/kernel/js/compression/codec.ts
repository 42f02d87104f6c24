/**
 * Block compression. Part of the file format: do not change the ids, nor what is stored under them.
 *
 *     id 0  none:    the block
 *     id 1  LZ4:     | raw length (varint) | LZ4 block |
 *     id 2  Snappy:  | raw length (varint) | element … |      the raw Snappy format
 *     id 3  zstd:    one frame, which names its content size
 *
 * Invariants:
 *  1. No decoder sees bytes whose checksum was not verified, and it believes none of them all the same.
 *  2. The raw length is checked before memory is taken: at most {@link MOST_RAW_BYTES}, and no more than the codec can make of the
 *     bytes.
 *  3. A block decodes to exactly its raw length, out of all its stored bytes, or it is corrupt.
 *  4. Whether a block is kept compressed depends on nothing but its two lengths.
 */

import type { Memory } from './word-copy';

/** Room for a block of the largest block size that ends with the largest entry. */
export const MOST_RAW_BYTES = (1024 + 32) * 1024 * 1024;

/** Bytes that are left to the caller: it may write behind them, up to `bytes.length`. */
export interface Stored {
	bytes: Buffer;
	size: number;
}

/** Compresses the blocks of one table; keeps what it can use again. */
export interface Encoder {
	/**
	 * Compresses `raw[0, size)` into at most `most` bytes; undefined when they do not suffice. There are `reserve` more bytes behind
	 * what is stored. The answer holds until the next call.
	 */
	compress(raw: Buffer, size: number, most: number, reserve: number): Stored | undefined;
}

/** What stands under one id. */
export interface Codec {
	readonly decoder: Decoder;
	/** @param level that of zstd; the others have none */
	encoder(level: number): Encoder;
}

/** Decompresses single blocks. */
export interface Decoder {
	/** The most that so many stored bytes can decode to, for each of them. */
	readonly mostExpansion: number;
	/** The length that `stored[start, end)` claims to decode to; -1 when it is malformed. */
	rawLength(stored: Buffer, start: number, end: number): number;
	/** Fills `raw[0, length)`, whose length was claimed, and may write behind that; false when the stored bytes are not exactly that. */
	decompress(stored: Memory, start: number, end: number, raw: Memory, length: number): boolean;
}
