/**
 * Reads an index block whose entries are plain in one loop. To open a table is mostly this, thousands of times, in code that no compiler has seen
 * yet: there a call costs more than what it does.
 *
 * Invariant: an entry that is not plain, be it long, in a wrong place or damaged, is none for this loop: the caller reads the block entry by entry,
 * and says what is wrong.
 */
import { grow, readUint32 } from '../bytes';
import { TRAILER_SIZE } from '../internal-key';
import { BLOCK_TRAILER_SIZE } from './format';

/** As the writer makes them. */
const INDEX_RESTART_INTERVAL = 16;
/** Bytes of an entry at least: three lengths, the trailer of a key, two numbers. */
const LEAST_ENTRY = 3 + TRAILER_SIZE + 2;
/** Bytes of a handle: an offset below 2^53 in seven bytes at most, and a size. */
const MOST_HANDLE = 8;
/** The size takes five bytes at most. */
const MOST_SCALE = 2 ** 28;

/** Last keys of blocks, packed, and handles. */
export interface IndexEntries {
	keys: Buffer;
	/** Where each key ends. */
	ends: Uint32Array;
	offsets: Float64Array;
	sizes: Uint32Array;
}

/** The entries of an index block whose handles end at or before `limit`, and ascend, as do the keys; `undefined` when one is not plain. */
export function readPlainIndex(block: Buffer, limit: number): IndexEntries | undefined {
	const restarts = block.length < 4 ? 0 : readUint32(block, block.length - 4);
	const entriesEnd = block.length - 4 - 4 * restarts;
	if (entriesEnd < 0) return undefined;
	const most = Math.min(restarts * INDEX_RESTART_INTERVAL, Math.floor(entriesEnd / LEAST_ENTRY));
	const ends = new Uint32Array(most);
	const offsets = new Float64Array(most);
	const sizes = new Uint32Array(most);
	let keys: Buffer = Buffer.allocUnsafeSlow(2 * block.length);
	let count = 0;
	let keyStart = 0;
	let keyEnd = 0;
	let userLength = 0;
	let dataEnd = 0;
	for (let at = 0; at < entriesEnd; count++) {
		const shared = block[at];
		const unshared = block[at + 1];
		const valueLength = block[at + 2];
		const keyAt = at + 3;
		const valueAt = keyAt + unshared;
		at = valueAt + valueLength;
		if ((shared | unshared | valueLength) > 127 || at > entriesEnd || count === most) return undefined;
		if (shared > keyEnd - keyStart || shared + unshared < TRAILER_SIZE) return undefined;
		// Behind what two user keys share, the larger one has the larger byte, or is the longer.
		const userEnd = valueAt - TRAILER_SIZE;
		let same = shared;
		while (same < userLength && block[keyAt - shared + same] === keys[keyStart + same]) same++;
		const here = keyAt - shared + same;
		if (count > 0 && (here >= userEnd || (same < userLength && block[here] < keys[keyStart + same]))) return undefined;
		let position = valueAt;
		let scale = 1;
		let offset = 0;
		for (; block[position] > 127; scale *= 128) offset += (block[position++] & 127) * scale;
		offset += block[position++] * scale;
		let size = 0;
		for (scale = 1; block[position] > 127; scale *= 128) size += (block[position++] & 127) * scale;
		size += block[position++] * scale;
		if (position !== at || valueLength > MOST_HANDLE || scale > MOST_SCALE || offset < dataEnd) return undefined;
		dataEnd = offset + size + BLOCK_TRAILER_SIZE;
		if (dataEnd > limit) return undefined;
		if (keyEnd + shared + unshared > keys.length) keys = grow(keys, keyEnd, keyEnd + shared + unshared);
		if (shared > 0) keys.copyWithin(keyEnd, keyStart, keyStart + shared);
		keyStart = keyEnd;
		keyEnd += shared;
		for (let i = keyAt; i < valueAt; i++) keys[keyEnd++] = block[i];
		userLength = keyEnd - keyStart - TRAILER_SIZE;
		ends[count] = keyEnd;
		offsets[count] = offset;
		sizes[count] = size;
	}
	return {
		keys: keys.subarray(0, keyEnd),
		ends: ends.slice(0, count),
		offsets: offsets.slice(0, count),
		sizes: sizes.slice(0, count),
	};
}
