/**
 * Decodes one zstd frame (RFC 8878) that names its content size and needs no dictionary.
 *
 *     | magic (4) 28 b5 2f fd | descriptor (1) | window (0 or 1) | content size (1, 2, 4 or 8) | block … | checksum (0 or 4) |
 *     block: | last (1 bit), type (2 bits), size (21 bits) | contents |
 *
 * Of the decoders for JavaScript none refuses a frame that ends early, or whose offsets lead out of it, so this one is our own; it is
 * the same on every Node.js.
 *
 * Invariants:
 *  1. Every size is checked before it is used; a malformed frame takes no longer than a right one.
 *  2. Nothing is allocated for a frame. Decoding is synchronous, so all frames of a thread share tables and literals.
 */
import { readUint32, readUint64 } from '../../bytes';
import { hash, xxHash64 } from '../../xxhash64';
import type { Memory } from '../word-copy';
import { Literals, MOST_BLOCK_BYTES } from './literals';
import { Sequences } from './sequences';

const MAGIC = 0xfd2fb528;
const RAW = 0;
const RLE = 1;
const COMPRESSED = 2;

const literals = new Literals();
const sequences = new Sequences();

/** What the header of a frame says. */
const header = { contentSize: 0, blocksAt: 0, hasChecksum: false };

/** The content size of the frame `stored[start, end)`; -1 when it has none or its header is malformed. */
export function frameContentSize(stored: Buffer, start: number, end: number): number {
	return readHeader(stored, start, end) ? header.contentSize : -1;
}

/** Decodes the frame `stored[start, end)` into `raw[0, length)`; false unless it is exactly that. */
export function decodeFrame(stored: Buffer, start: number, end: number, raw: Memory, length: number): boolean {
	if (!readHeader(stored, start, end) || header.contentSize !== length) return false;
	const blocksEnd = header.hasChecksum ? end - 4 : end;
	if (!decodeBlocks(stored, header.blocksAt, blocksEnd, raw, length)) return false;
	if (!header.hasChecksum) return true;
	xxHash64(raw.bytes, 0, length);
	return readUint32(stored, blocksEnd) === hash.low;
}

function readHeader(stored: Buffer, start: number, end: number): boolean {
	if (end - start < 6 || readUint32(stored, start) !== MAGIC) return false;
	const descriptor = stored[start + 4];
	const single = (descriptor & 0x20) !== 0;
	const sizeBytes = descriptor < 0x40 ? Number(single) : 1 << (descriptor >>> 6);
	const sizeAt = start + (single ? 5 : 6);
	// A reserved bit, or a dictionary.
	if ((descriptor & 0x0b) !== 0 || sizeBytes === 0 || sizeAt + sizeBytes > end) return false;
	header.contentSize =
		sizeBytes === 8 ? readUint64(stored, sizeAt) : stored.readUIntLE(sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
	header.blocksAt = sizeAt + sizeBytes;
	header.hasChecksum = (descriptor & 4) !== 0;
	return true;
}

function decodeBlocks(stored: Buffer, at: number, end: number, raw: Memory, length: number): boolean {
	literals.reset();
	sequences.reset();
	let written = 0;
	for (let last = false; !last; ) {
		if (end - at < 3) return false;
		const head = stored[at] | (stored[at + 1] << 8) | (stored[at + 2] << 16);
		at += 3;
		last = (head & 1) !== 0;
		const type = (head >>> 1) & 3;
		const size = head >>> 3;
		const storedSize = type === RLE ? 1 : size;
		if (size > MOST_BLOCK_BYTES || storedSize > end - at) return false;
		const limit = Math.min(length, written + MOST_BLOCK_BYTES);
		if (type === COMPRESSED) {
			written = decodeBlock(stored, at, at + size, raw, written, limit);
			if (written < 0) return false;
		} else if ((type === RAW || type === RLE) && size <= limit - written) {
			if (type === RAW) stored.copy(raw.bytes, written, at, at + size);
			else raw.bytes.fill(stored[at], written, written + size);
			written += size;
		} else return false;
		at += storedSize;
	}
	return at === end && written === length;
}

function decodeBlock(stored: Buffer, at: number, end: number, raw: Memory, written: number, limit: number): number {
	const behind = literals.read(stored, at, end);
	return behind < 0 ? -1 : sequences.run(stored, behind, end, literals, raw, written, limit);
}
