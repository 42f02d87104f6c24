/**
 * The last 48 bytes of a table, part of the file format: do not change.
 *
 *     | metaindex offset (8) size (4) | index offset (8) size (4) | format version (4) | flags (4) | xxHash64 of these 32 bytes (8) |
 *     | magic (8) "varvesst" |
 *
 * Invariants:
 *  1. Magic, version and flags are checked before the hash, so that a newer format gets its own message.
 *  2. Of the flags the lower 16 bits are required, and an unknown one refuses the table; the upper 16 are optional.
 */
import { CorruptionError } from '../../../errors';
import { readUint32, readUint64, writeUint32, writeUint64 } from '../bytes';
import { hash, xxHash64 } from '../xxhash64';
import { type BlockHandle, checkHandle } from './format';

export const FOOTER_SIZE = 48;
export const FORMAT_VERSION = 1;
const MAGIC = Buffer.from('varvesst', 'ascii');
const HASHED_SIZE = 32;
const MAGIC_AT = 40;
const REQUIRED_FLAGS = 0xffff;
/** The table holds a compressed block. */
const FLAG_COMPRESSED = 1;
/** The metaindex names a block of range deletes. */
const FLAG_RANGE_DELETES = 2;
/** Values of the table lie in blob files. */
const FLAG_VALUE_POINTERS = 4;
/** The entries of data blocks have fingerprints. */
const FLAG_FINGERPRINTS = 8;
const KNOWN_FLAGS = FLAG_COMPRESSED | FLAG_RANGE_DELETES | FLAG_VALUE_POINTERS | FLAG_FINGERPRINTS;

export interface Footer {
	metaindex: BlockHandle;
	index: BlockHandle;
	/** Does the table hold a compressed block? */
	compressed: boolean;
	/** Does the metaindex name a block of range deletes? */
	rangeDeletes: boolean;
	/** Do values of the table lie in blob files? */
	valuePointers: boolean;
	/** Do the entries of data blocks have fingerprints? Each block says so by itself. */
	fingerprints: boolean;
}

export function encodeFooter(footer: Footer): Buffer {
	const bytes = Buffer.allocUnsafeSlow(FOOTER_SIZE);
	let at = writeHandle(bytes, 0, footer.metaindex);
	at = writeHandle(bytes, at, footer.index);
	at = writeUint32(bytes, at, FORMAT_VERSION);
	const flags =
		(footer.compressed ? FLAG_COMPRESSED : 0) |
		(footer.rangeDeletes ? FLAG_RANGE_DELETES : 0) |
		(footer.valuePointers ? FLAG_VALUE_POINTERS : 0) |
		(footer.fingerprints ? FLAG_FINGERPRINTS : 0);
	at = writeUint32(bytes, at, flags);
	xxHash64(bytes, 0, HASHED_SIZE);
	at = writeUint32(bytes, at, hash.low);
	at = writeUint32(bytes, at, hash.high);
	MAGIC.copy(bytes, at);
	return bytes;
}

/** Decodes the footer that stood at `origin`; both blocks must lie before it. */
export function decodeFooter(bytes: Buffer, path: string, origin: number): Footer {
	const refuse = (what: string, at: number) => new CorruptionError(`footer of ${path}: ${what}`, { path, offset: origin + at });
	if (MAGIC.compare(bytes, MAGIC_AT, FOOTER_SIZE) !== 0) {
		throw refuse('the magic number is missing, this is not a table or its end was lost', MAGIC_AT);
	}
	const version = readUint32(bytes, 24);
	if (version !== FORMAT_VERSION) {
		throw refuse(`format version ${version} is unknown, expected ${FORMAT_VERSION}; a newer release may read it`, 24);
	}
	const flags = readUint32(bytes, 28);
	const unknown = flags & REQUIRED_FLAGS & ~KNOWN_FLAGS;
	if (unknown !== 0) {
		throw refuse(`required flags 0x${unknown.toString(16)} are unknown; a newer release may read it`, 28);
	}
	xxHash64(bytes, 0, HASHED_SIZE);
	if (readUint32(bytes, 32) !== hash.low || readUint32(bytes, 36) !== hash.high) {
		throw refuse('its checksum does not match', 32);
	}
	return {
		metaindex: checkHandle(readHandle(bytes, 0), origin, path, origin),
		index: checkHandle(readHandle(bytes, 12), origin, path, origin),
		compressed: (flags & FLAG_COMPRESSED) !== 0,
		rangeDeletes: (flags & FLAG_RANGE_DELETES) !== 0,
		valuePointers: (flags & FLAG_VALUE_POINTERS) !== 0,
		fingerprints: (flags & FLAG_FINGERPRINTS) !== 0,
	};
}

function writeHandle(bytes: Buffer, at: number, handle: BlockHandle): number {
	return writeUint32(bytes, writeUint64(bytes, at, handle.offset), handle.size);
}

function readHandle(bytes: Buffer, at: number): BlockHandle {
	return { offset: readUint64(bytes, at), size: readUint32(bytes, at + 8) };
}
