/**
 * The properties block: facts about a table, by name. Part of the file format: do not change.
 *
 * A block with restart interval 1; names in ascending order; values are 8-byte integers, but for the two keys:
 *
 *     created-at | entries | expiring | format | largest-key | largest-sequence | latest-expiry | range-deletes | raw-key-bytes |
 *     raw-value-bytes | smallest-key | smallest-sequence | tombstones | user-keys
 *
 * Invariant: unknown names are ignored; a known one that is missing or has a wrong length is corruption. `range-deletes` is there if there
 * are some, `expiring` and `latest-expiry` if there are entries that expire.
 */
import { CorruptionError } from '../../../errors';
import type { TableExpiry } from '../../kernel';
import { BlockBuilder } from '../block/builder';
import { BlockCursor, PLAIN_KEYS } from '../block/cursor';
import { EMPTY, readUint64, writeUint64 } from '../bytes';
import { TRAILER_SIZE } from '../internal-key';

const FORMAT = 1;

export interface TableProperties {
	/** Nanoseconds since the epoch. */
	createdAt: bigint;
	entries: number;
	tombstones: number;
	/** Distinct user keys. */
	userKeys: number;
	/** Sum of the lengths of internal keys. */
	rawKeyBytes: number;
	rawValueBytes: number;
	smallestSequence: number;
	largestSequence: number;
	rangeDeletes: number;
	/** Undefined when no entry expires. */
	expiry: TableExpiry | undefined;
	/**
	 * Internal keys. The span of range deletes is within; where it reaches behind the last entry, the largest key is its end, marked as
	 * one.
	 */
	smallestKey: Buffer;
	largestKey: Buffer;
}

export function encodeProperties(properties: TableProperties): Buffer {
	const block = new BlockBuilder(1, 512);
	const createdAt = Buffer.allocUnsafe(8);
	createdAt.writeBigUInt64LE(properties.createdAt);
	const add = (name: string, value: Buffer) => {
		const key = Buffer.from(name, 'ascii');
		block.add(key, 0, key.length, value, 0, value.length);
	};
	add('created-at', createdAt);
	add('entries', integer(properties.entries));
	if (properties.expiry !== undefined) add('expiring', integer(properties.expiry.entries));
	add('format', integer(FORMAT));
	add('largest-key', properties.largestKey);
	add('largest-sequence', integer(properties.largestSequence));
	if (properties.expiry !== undefined) add('latest-expiry', integer(properties.expiry.latest));
	if (properties.rangeDeletes > 0) add('range-deletes', integer(properties.rangeDeletes));
	add('raw-key-bytes', integer(properties.rawKeyBytes));
	add('raw-value-bytes', integer(properties.rawValueBytes));
	add('smallest-key', properties.smallestKey);
	add('smallest-sequence', integer(properties.smallestSequence));
	add('tombstones', integer(properties.tombstones));
	add('user-keys', integer(properties.userKeys));
	return block.finish();
}

/** Decodes the properties block that stood at `origin` of `path`. */
export function decodeProperties(block: Buffer, path: string, origin: number): TableProperties {
	const values = new Map<string, Buffer>();
	const cursor = new BlockCursor(PLAIN_KEYS);
	cursor.reset(block, path, origin);
	for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
		const value = Buffer.from(block.subarray(cursor.valueStart, cursor.valueEnd));
		values.set(cursor.keyBytes.toString('latin1', 0, cursor.keyEnd), value);
	}
	const refuse = (name: string) =>
		new CorruptionError(`property "${name}" of ${path} is missing or malformed`, { path, offset: origin });
	const bytes = (name: string, minimum: number): Buffer => {
		const value = values.get(name) ?? EMPTY;
		if (value.length < minimum) throw refuse(name);
		return value;
	};
	const number = (name: string): number => {
		const value = bytes(name, 8);
		const result = readUint64(value, 0);
		if (value.length !== 8 || result > Number.MAX_SAFE_INTEGER) throw refuse(name);
		return result;
	};
	const expiry = (): TableExpiry => {
		const entries = number('expiring');
		if (entries === 0) throw refuse('expiring');
		return { entries, latest: number('latest-expiry') };
	};
	if (number('format') !== FORMAT) throw refuse('format');
	return {
		createdAt: bytes('created-at', 8).readBigUInt64LE(),
		entries: number('entries'),
		tombstones: number('tombstones'),
		userKeys: number('user-keys'),
		rawKeyBytes: number('raw-key-bytes'),
		rawValueBytes: number('raw-value-bytes'),
		smallestSequence: number('smallest-sequence'),
		largestSequence: number('largest-sequence'),
		rangeDeletes: values.has('range-deletes') ? number('range-deletes') : 0,
		expiry: values.has('expiring') ? expiry() : undefined,
		smallestKey: bytes('smallest-key', TRAILER_SIZE),
		largestKey: bytes('largest-key', TRAILER_SIZE),
	};
}

function integer(value: number): Buffer {
	const bytes = Buffer.allocUnsafe(8);
	writeUint64(bytes, 0, value);
	return bytes;
}
