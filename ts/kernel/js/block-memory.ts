/**
 * Memory for blocks that are read: many share one chunk. An allocation for each costs as much as to read it out of the page cache, and
 * the garbage collector looks after every one.
 *
 * Invariants:
 *  1. A range is handed out once.
 *  2. A chunk lives as long as one of its blocks. What is read together is mostly given up together, as the block cache drops what nobody
 *     asked for again in the order in which it came; a block that it keeps beyond that gets memory of its own.
 *  3. A block over an eighth of a chunk has memory of its own, so at most an eighth of a chunk is wasted.
 */
import { BufferView } from '../../bytes';
import { copyBytes } from './bytes';

const CHUNK_SIZE = 64 * 1024;
const LARGEST_SHARED = CHUNK_SIZE / 8;

let chunk = Buffer.allocUnsafeSlow(CHUNK_SIZE).buffer;
let used = 0;

/** Memory for a block of so many bytes. */
export function takeBlock(length: number): Buffer {
	if (length > LARGEST_SHARED) return Buffer.allocUnsafeSlow(length);
	if (used + length > CHUNK_SIZE) {
		chunk = Buffer.allocUnsafeSlow(CHUNK_SIZE).buffer;
		used = 0;
	}
	const block = new BufferView(chunk, used, length);
	used += length;
	return block;
}

/** A copy of a block that lies in memory which is used for something else. */
export function copyBlock(block: Buffer): Buffer {
	const copy = takeBlock(block.length);
	copyBytes(block, 0, block.length, copy, 0);
	return copy;
}

/** The block, or a copy of it where it shares its memory: it stays longer than what was read with it. */
export function alone(block: Buffer): Buffer {
	if (block.buffer.byteLength === block.length) return block;
	const copy = Buffer.allocUnsafeSlow(block.length);
	copyBytes(block, 0, block.length, copy, 0);
	return copy;
}
