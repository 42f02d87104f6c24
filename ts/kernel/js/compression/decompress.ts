/**
 * From stored bytes to a data block.
 *
 * Invariant: the stored bytes were verified; whatever else is wrong with them is corruption of their file.
 */
import { CorruptionError } from '../../../errors';
import { MOST_RAW_BYTES } from './codec';
import { codecs } from './codecs';

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
	const raw = take(length);
	if (!decoder.decompress(stored, start, end, raw, length)) throw refuse(`has compression ${id} and is malformed`);
	return raw.subarray(0, length);
}
