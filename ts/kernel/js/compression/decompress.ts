/**
 * From stored bytes to a data block.
 *
 * Invariants:
 *  1. The stored bytes were verified; whatever else is wrong with them is corruption of their file.
 *  2. A block is decoded in memory of this module, where it fits, and copied from there: that memory has its view, and is warm.
 */
import { CorruptionError } from '../../../errors';
import { MOST_RAW_BYTES } from './codec';
import { codecs } from './codecs';
import { Memory } from './word-copy';

const SCRATCH_BYTES = 64 * 1024;
const scratch = new Memory(Buffer.allocUnsafeSlow(SCRATCH_BYTES));
/** A larger one is not kept alive for its view. */
const MOST_KEPT = 1024 * 1024;

/** The stored bytes that were asked for last: windows and scratch buffers, out of which come many blocks. */
let recent = scratch;

function memoryOf(bytes: Buffer): Memory {
	if (recent.bytes === bytes) return recent;
	const memory = new Memory(bytes);
	if (bytes.length <= MOST_KEPT) recent = memory;
	return memory;
}

/**
 * Decompresses `stored[start, end)`, which stands under `id` at `offset` of the file.
 * @param take gives memory for so many bytes; its length may be greater
 */
export function decompress(
	id: number,
	stored: Buffer,
	start: number,
	end: number,
	take: (length: number) => Buffer,
	path: string,
	offset: number,
): Buffer {
	const refuse = (what: string) => new CorruptionError(`block at ${offset} of ${path} ${what}`, { path, offset });
	const decoder = codecs[id]?.decoder;
	if (decoder === undefined) throw refuse(`has the unknown compression ${id}`);
	const length = decoder.rawLength(stored, start, end);
	const most = Math.min(MOST_RAW_BYTES, decoder.mostExpansion * (end - start));
	if (length < 0 || length > most) throw refuse(`has compression ${id} and is malformed`);
	const isLarge = length > SCRATCH_BYTES;
	const target = isLarge ? new Memory(take(length)) : scratch;
	if (!decoder.decompress(memoryOf(stored), start, end, target, length)) throw refuse(`has compression ${id} and is malformed`);
	if (isLarge) return target.bytes.subarray(0, length);
	const raw = take(length);
	scratch.bytes.copy(raw, 0, 0, length);
	return raw.length === length ? raw : raw.subarray(0, length);
}
