/**
 * Packs entries of a block straight into a chunk, for scans that read one source: to decode each into a cursor and to copy it from there
 * takes twice as long.
 *
 * Invariants:
 *  1. Only plain entries are taken: lengths that fit, those of a key in one byte, that of a value in two at most, a put that the reader
 *     sees, another user key than the one before it. It stops at the first that is none, for the cursor to see to it, be it rare or damaged.
 *  2. A key is put together in the chunk, from the key before it there.
 */
import { KIND_PUT } from '../../kernel';
import { compareBytes, copyBytes } from '../bytes';
import { readSequence, TRAILER_SIZE } from '../internal-key';
import type { PackedChunk } from '../packed-chunk';

/** Of three lengths of one byte each. */
const SHORT_HEADER = 3;
/** Lengths below take one byte. */
const SHORT = 128;

/** The last entry that was packed: where it starts (-1: none was), where its trailer is, and where it ends. */
const run = { entryAt: -1, trailerAt: 0, end: 0 };

/** Packs entries of `block[at, limit)`, the entry before `at` having been packed last, key and value. */
export function packPlainEntries(
	block: Uint8Array,
	at: number,
	limit: number,
	into: PackedChunk,
	sequence: number,
	upper: Uint8Array | undefined,
): Readonly<typeof run> {
	const { bytes } = into;
	let lastStart = into.lastStart;
	let lastLength = into.index[2 * into.count - 2] - lastStart;
	run.entryAt = -1;
	while (into.count < into.limit && at + SHORT_HEADER <= limit) {
		const shared = block[at];
		const unshared = block[at + 1];
		let valueLength = block[at + 2];
		let suffixAt = at + SHORT_HEADER;
		if (valueLength >= SHORT) {
			if (suffixAt === limit || block[suffixAt] === 0 || block[suffixAt] >= SHORT) break;
			valueLength += (block[suffixAt++] - 1) * SHORT;
		}
		const trailerAt = suffixAt + unshared - TRAILER_SIZE;
		const end = trailerAt + TRAILER_SIZE + valueLength;
		if ((shared | unshared) >= SHORT || unshared < TRAILER_SIZE || shared > lastLength || end > limit) break;
		if (block[trailerAt] !== KIND_PUT || readSequence(block, trailerAt) > sequence) break;
		const start = into.used;
		const length = shared + unshared - TRAILER_SIZE;
		const keyEnd = start + length;
		if (keyEnd + valueLength > bytes.length) break;
		for (let i = 0; i < shared; i++) bytes[start + i] = bytes[lastStart + i];
		copyBytes(block, suffixAt, trailerAt, bytes, start + shared);
		if (length === lastLength && isSame(bytes, start, lastStart, length)) break;
		if (upper !== undefined && compareBytes(bytes, start, keyEnd, upper, 0, upper.length) >= 0) break;
		into.added(keyEnd, copyBytes(block, end - valueLength, end, bytes, keyEnd));
		lastStart = start;
		lastLength = length;
		run.entryAt = at;
		run.trailerAt = trailerAt;
		run.end = end;
		at = end;
	}
	return run;
}

/** From the end, because neighbours mostly differ there. */
function isSame(bytes: Uint8Array, a: number, b: number, length: number): boolean {
	for (let i = length - 1; i >= 0; i--) if (bytes[a + i] !== bytes[b + i]) return false;
	return true;
}
