/**
 * Version edits: the records of the manifest. Part of the file format: do not change. See docs/format.md, "Manifest record".
 *
 * ```
 * | tag (1) | content | tag (1) | content | …
 * ```
 *
 * Invariant: every read is within bounds and says what it expected, so that a damaged record is an error and never a wrong version.
 */

import { CorruptionError } from '../errors';
import type { BlobReference, TableExpiry } from '../kernel/kernel';
import { LEVELS } from '../limits';
import type { RecordedConfiguration } from '../options/configuration';
import type { TableMetadata } from './table-metadata';

const TAG_FORMAT_VERSION = 1;
const TAG_CONFIGURATION = 2;
const TAG_LOG_NUMBER = 3;
const TAG_NEXT_FILE_NUMBER = 4;
const TAG_LAST_SEQUENCE = 5;
const TAG_COMPACTION_POINTER = 6;
const TAG_DELETED_TABLE = 7;
const TAG_ADDED_TABLE = 8;
const TAG_RANGE_DELETES = 9;
const TAG_ADDED_BLOB = 10;
const TAG_BLOB_REFERENCES = 11;
const TAG_TABLE_EXPIRY = 128;
/** Tags from here on are optional: a reader that does not know one skips it. */
const FIRST_OPTIONAL_TAG = 128;

/** A change of the store's state. */
export interface VersionEdit {
	formatVersion?: number;
	configuration?: RecordedConfiguration;
	/** Logs below hold nothing that tables do not. */
	logNumber?: number;
	nextFileNumber?: number;
	/** Highest sequence number that tables hold. */
	lastSequence?: number;
	/** Level and user key. */
	compactionPointers: [level: number, key: Uint8Array][];
	deletedTables: [level: number, number: number][];
	addedTables: [level: number, table: TableMetadata][];
	/** Numbers and sizes of new blob files. A blob file goes with the last table that refers to it. */
	addedBlobs?: BlobReference[];
}

export function encodeVersionEdit(edit: VersionEdit): Uint8Array {
	const out = new Encoder();
	if (edit.formatVersion !== undefined) out.byte(TAG_FORMAT_VERSION).number(edit.formatVersion);
	if (edit.configuration !== undefined) {
		out.byte(TAG_CONFIGURATION).number(edit.configuration.version).bytes(Buffer.from(edit.configuration.json));
	}
	if (edit.logNumber !== undefined) out.byte(TAG_LOG_NUMBER).number(edit.logNumber);
	if (edit.nextFileNumber !== undefined) out.byte(TAG_NEXT_FILE_NUMBER).number(edit.nextFileNumber);
	if (edit.lastSequence !== undefined) out.byte(TAG_LAST_SEQUENCE).number(edit.lastSequence);
	for (const [level, key] of edit.compactionPointers) out.byte(TAG_COMPACTION_POINTER).number(level).bytes(key);
	for (const [level, number] of edit.deletedTables) out.byte(TAG_DELETED_TABLE).number(level).number(number);
	for (const [level, table] of edit.addedTables) {
		out.byte(TAG_ADDED_TABLE).number(level).number(table.number).number(table.birthLevel).time(table.createdAt);
		out.number(table.size).number(table.entries).number(table.tombstones);
		out.number(table.smallestSequence).number(table.largestSequence);
		out.bytes(table.smallestKey).bytes(table.largestKey);
		if (table.rangeDeletes > 0) out.byte(TAG_RANGE_DELETES).number(table.rangeDeletes);
		encodeBlobReferences(out, table);
		if (table.expiry !== undefined) out.byte(TAG_TABLE_EXPIRY).bytes(encodeExpiry(table.number, table.expiry));
	}
	for (const [file, size] of edit.addedBlobs ?? []) out.byte(TAG_ADDED_BLOB).number(file).number(size);
	return out.finish();
}

function encodeBlobReferences(out: Encoder, { number, blobReferences = [] }: TableMetadata): void {
	if (blobReferences.length === 0) return;
	out.byte(TAG_BLOB_REFERENCES).number(number).number(blobReferences.length);
	for (const [file, bytes] of blobReferences) out.number(file).number(bytes);
}

function encodeExpiry(number: number, expiry: TableExpiry): Uint8Array {
	return new Encoder().number(number).number(expiry.entries).number(expiry.latest).finish();
}

/** @throws CorruptionError when the record is no version edit. */
export function decodeVersionEdit(record: Uint8Array): VersionEdit {
	const input = new Decoder(record);
	const edit: VersionEdit = { compactionPointers: [], deletedTables: [], addedTables: [] };
	while (!input.atEnd) decodeField(input.byte('tag'), input, edit);
	return edit;
}

function decodeField(tag: number, input: Decoder, edit: VersionEdit): void {
	if (tag === TAG_FORMAT_VERSION) edit.formatVersion = input.number('format version');
	else if (tag === TAG_CONFIGURATION) {
		edit.configuration = { version: input.number('configuration version'), json: input.bytes('configuration').toString('utf8') };
	} else if (tag === TAG_LOG_NUMBER) edit.logNumber = input.number('log number');
	else if (tag === TAG_NEXT_FILE_NUMBER) edit.nextFileNumber = input.number('next file number');
	else if (tag === TAG_LAST_SEQUENCE) edit.lastSequence = input.number('last sequence');
	else if (tag === TAG_COMPACTION_POINTER) edit.compactionPointers.push([input.level(), input.bytes('compaction pointer')]);
	else if (tag === TAG_DELETED_TABLE) edit.deletedTables.push([input.level(), input.number('deleted table')]);
	else if (tag === TAG_ADDED_TABLE) edit.addedTables.push([input.level(), decodeTable(input)]);
	else if (tag === TAG_RANGE_DELETES) decodeRangeDeletes(input, edit);
	else if (tag === TAG_BLOB_REFERENCES) decodeBlobReferences(input, edit);
	else if (tag === TAG_ADDED_BLOB) {
		edit.addedBlobs ??= [];
		edit.addedBlobs.push([input.number('blob file number'), input.number('size of a blob file')]);
	} else if (tag === TAG_TABLE_EXPIRY) decodeExpiry(new Decoder(input.bytes('expiry')), edit);
	else if (tag >= FIRST_OPTIONAL_TAG) input.bytes('optional field');
	else throw new CorruptionError(`A version edit has the unknown field ${tag}; a newer Varve may have written it.`);
}

/** They follow the table that they belong to. */
function decodeBlobReferences(input: Decoder, edit: VersionEdit): void {
	const number = input.number('file number');
	const table = edit.addedTables.at(-1)?.[1];
	if (table?.number !== number)
		throw new CorruptionError(`A version edit has blob references of table ${number} that do not follow it.`);
	const references: BlobReference[] = [];
	for (let left = input.number('count of blob references'); left > 0; left--) {
		references.push([input.number('blob file number'), input.number('bytes of a blob file')]);
	}
	table.blobReferences = references;
}

function decodeTable(input: Decoder): TableMetadata {
	const table: TableMetadata = {
		number: input.number('file number'),
		birthLevel: input.level(),
		createdAt: input.time(),
		size: input.number('table size'),
		entries: input.number('entries'),
		tombstones: input.number('tombstones'),
		rangeDeletes: 0,
		smallestSequence: input.number('smallest sequence'),
		largestSequence: input.number('largest sequence'),
		smallestKey: input.bytes('smallest key'),
		largestKey: input.bytes('largest key'),
	};
	if (table.smallestKey.length >= 8 && table.largestKey.length >= 8) return table;
	throw new CorruptionError(`A version edit has a key of table ${table.number} that is no internal key.`);
}

/** The field follows the table that it tells of. */
function decodeRangeDeletes(input: Decoder, edit: VersionEdit): void {
	const table = edit.addedTables.at(-1)?.[1];
	if (table === undefined) throw new CorruptionError('A version edit counts range deletes of no table.');
	table.rangeDeletes = input.number('count of range deletes');
}

/** The field follows the table that it tells of. */
function decodeExpiry(input: Decoder, edit: VersionEdit): void {
	const number = input.number('file number');
	const expiry = { entries: input.number('count of entries that expire'), latest: input.number('latest expiry') };
	const table = edit.addedTables.at(-1)?.[1];
	if (table?.number !== number || expiry.entries === 0 || !input.atEnd) {
		throw new CorruptionError(`A version edit has an expiry of table ${number} that fits no table.`);
	}
	table.expiry = expiry;
}

class Encoder {
	#chunks: Uint8Array[] = [];

	byte(value: number): this {
		this.#chunks.push(Uint8Array.of(value));
		return this;
	}

	number(value: number): this {
		const bytes: number[] = [];
		let rest = value;
		while (rest > 0x7f) {
			bytes.push((rest % 0x80) + 0x80);
			rest = Math.floor(rest / 0x80);
		}
		bytes.push(rest);
		this.#chunks.push(Uint8Array.from(bytes));
		return this;
	}

	time(value: bigint): this {
		const bytes = Buffer.alloc(8);
		bytes.writeBigUInt64LE(value);
		this.#chunks.push(bytes);
		return this;
	}

	bytes(value: Uint8Array): this {
		this.number(value.length);
		this.#chunks.push(value);
		return this;
	}

	finish(): Uint8Array {
		return Buffer.concat(this.#chunks);
	}
}

class Decoder {
	readonly #data: Buffer;
	#position = 0;

	constructor(data: Uint8Array) {
		this.#data = Buffer.from(data.buffer, data.byteOffset, data.length);
	}

	get atEnd(): boolean {
		return this.#position === this.#data.length;
	}

	byte(what: string): number {
		if (this.atEnd) throw endsWithin(what);
		return this.#data[this.#position++];
	}

	number(what: string): number {
		let value = 0;
		for (let i = 0; i < 8; i++) {
			const byte = this.byte(what);
			value += (byte & 0x7f) * 2 ** (7 * i);
			if (byte >= 0x80) continue;
			if (Number.isSafeInteger(value)) return value;
			break;
		}
		throw new CorruptionError(`A version edit has a ${what} that is out of range.`);
	}

	level(): number {
		const level = this.number('level');
		if (level < LEVELS) return level;
		throw new CorruptionError(`A version edit names level ${level}; there are levels 0 to ${LEVELS - 1}.`);
	}

	time(): bigint {
		return this.#take(8, 'creation time').readBigUInt64LE();
	}

	/** A copy: the record goes away. */
	bytes(what: string): Buffer {
		return Buffer.from(this.#take(this.number(`length of a ${what}`), what));
	}

	#take(length: number, what: string): Buffer {
		const end = this.#position + length;
		if (end > this.#data.length) throw endsWithin(what);
		const taken = this.#data.subarray(this.#position, end);
		this.#position = end;
		return taken;
	}
}

function endsWithin(what: string): CorruptionError {
	return new CorruptionError(`A version edit ends in the middle of a ${what}.`);
}
