/**
 * The parts of a blob file. Part of the file format: do not change.
 *
 *     file:   | header (16) | record … | footer (32) |
 *     header: | magic (8) "varveblb" | format version (4) | flags (4) |
 *     record: | xxHash64 of the rest of the record (8) | key length (varint) | value length (varint) | internal key | value |
 *     footer: | records (8) | bytes of values (8) | xxHash64 of the header and these 16 bytes (8) | magic (8) |
 *
 * Invariants:
 *  1. The internal key is that of the entry whose value this is, with kind put: a pointer that leads to the record of another entry is
 *     found out, and what is left of a store can be read from its blob files.
 *  2. Version and flags are checked before the hash, so that a newer format gets its own message. All flags are required ones.
 */
import { CorruptionError } from '../../../errors';
import { KIND_PUT } from '../../kernel';
import { compareBytes, copyBytes, readUint32, readUint64, writeUint32, writeUint64 } from '../bytes';
import { readSequence, TRAILER_SIZE, writeTrailer } from '../internal-key';
import { readVarint32, varint, writeVarint } from '../varint';
import { hash, xxHash64 } from '../xxhash64';
import { recordSize } from './pointer';

export const HEADER_SIZE = 16;
export const FOOTER_SIZE = 32;
const FORMAT_VERSION = 1;
const MAGIC = Buffer.from('varveblb', 'ascii');
const CHECKSUM_SIZE = 8;

/** What the footer says of a blob file. */
export interface BlobCounts {
	records: number;
	valueBytes: number;
}

export function encodeHeader(): Buffer {
	const header = Buffer.alloc(HEADER_SIZE);
	MAGIC.copy(header);
	writeUint32(header, 8, FORMAT_VERSION);
	return header;
}

export function encodeFooter({ records, valueBytes }: BlobCounts): Buffer {
	const bytes = Buffer.concat([encodeHeader(), Buffer.alloc(FOOTER_SIZE)]);
	const at = writeUint64(bytes, writeUint64(bytes, HEADER_SIZE, records), valueBytes);
	xxHash64(bytes, 0, at);
	MAGIC.copy(bytes, writeUint32(bytes, writeUint32(bytes, at, hash.low), hash.high));
	return bytes.subarray(HEADER_SIZE);
}

/** Checks header and footer, the latter read from `origin`. */
export function decodeEnds(header: Buffer, footer: Buffer, path: string, origin: number): BlobCounts {
	const refuse = (what: string, offset: number) => new CorruptionError(`blob file ${path}: ${what}`, { path, offset });
	if (MAGIC.compare(header, 0, MAGIC.length) !== 0) throw refuse('the magic number is missing, this is no blob file', 0);
	if (MAGIC.compare(footer, 24, FOOTER_SIZE) !== 0) {
		throw refuse('the magic number is missing, the end of the blob file was lost', origin + 24);
	}
	const version = readUint32(header, 8);
	if (version !== FORMAT_VERSION) {
		throw refuse(`format version ${version} is unknown, expected ${FORMAT_VERSION}; a newer release may read it`, 8);
	}
	const flags = readUint32(header, 12);
	if (flags !== 0) throw refuse(`required flags 0x${flags.toString(16)} are unknown; a newer release may read it`, 12);
	xxHash64(Buffer.concat([header, footer.subarray(0, 16)]), 0, HEADER_SIZE + 16);
	if (readUint32(footer, 16) !== hash.low || readUint32(footer, 20) !== hash.high) {
		throw refuse('the checksum of its footer does not match', origin);
	}
	return { records: readUint64(footer, 0), valueBytes: readUint64(footer, 8) };
}

/** A record for the entry with the internal key `key[keyStart, keyEnd)`, of whatever kind. */
export function encodeRecord(
	key: Uint8Array,
	keyStart: number,
	keyEnd: number,
	value: Uint8Array,
	valueStart: number,
	valueEnd: number,
): Buffer {
	const keyLength = keyEnd - keyStart;
	const record = Buffer.allocUnsafeSlow(recordSize(keyLength, valueEnd - valueStart));
	let at = writeVarint(record, writeVarint(record, CHECKSUM_SIZE, keyLength), valueEnd - valueStart);
	at = copyBytes(key, keyStart, keyEnd - TRAILER_SIZE, record, at);
	at = writeTrailer(record, at, readSequence(key, keyEnd - TRAILER_SIZE), KIND_PUT);
	copyBytes(value, valueStart, valueEnd, record, at);
	xxHash64(record, CHECKSUM_SIZE, record.length);
	writeUint32(record, writeUint32(record, 0, hash.low), hash.high);
	return record;
}

/** Do the bytes of a record agree with its checksum? */
export function checksumMatches(record: Buffer): boolean {
	if (record.length < CHECKSUM_SIZE) return false;
	xxHash64(record, CHECKSUM_SIZE, record.length);
	return readUint32(record, 0) === hash.low && readUint32(record, 4) === hash.high;
}

/** The lengths of internal key and value at the beginning of a record; `undefined` when they are malformed. */
export function readLengths(record: Buffer): { key: number; value: number } | undefined {
	const key = readVarint32(record, CHECKSUM_SIZE, record.length);
	const value = key < 0 ? -1 : readVarint32(record, varint.end, record.length);
	return value < 0 ? undefined : { key, value };
}

/** Throws unless a record, read from `offset`, holds a value of this length of `key[start, end)` at a sequence number. */
export function checkRecord(
	record: Buffer,
	key: Uint8Array,
	start: number,
	end: number,
	sequence: number,
	valueLength: number,
	path: string,
	offset: number,
): void {
	const refuse = (what: string) => new CorruptionError(`value at ${offset} of ${path}: ${what}`, { path, offset });
	if (!checksumMatches(record)) {
		throw refuse('its checksum does not match: restore the file from a backup, or repair the store with Database.repair');
	}
	const lengths = readLengths(record);
	const keyAt = varint.end;
	const trailerAt = keyAt + end - start;
	const isEntry =
		lengths?.value === valueLength &&
		lengths.key === end - start + TRAILER_SIZE &&
		record.length === keyAt + lengths.key + valueLength &&
		compareBytes(record, keyAt, trailerAt, key, start, end) === 0 &&
		record[trailerAt] === KIND_PUT &&
		readSequence(record, trailerAt) === sequence;
	if (!isEntry) throw refuse('the value pointer that leads there is that of another entry');
}
