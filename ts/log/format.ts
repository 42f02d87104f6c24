/**
 * The log format that WAL and manifest share. Part of the file format: do not change. See docs/format.md, "Log".
 *
 * ```
 * log:      | block (32 KiB) | block | …      a rest of under 7 bytes in a block is zeros
 * fragment: | checksum (4) | length (2) | type (1) | data (length) |
 * checksum: CRC-32 over  log number (8) | type (1) | data
 * ```
 *
 * The first record after an fsync says how far the log was durable when it was written: types 5 and 6 are 1 and 2 whose data begins with
 * `| unsynced (varint) |`, so many bytes in front of the fragment of which that was not known. A bad place in front of a point that was
 * durable is damage; behind the last such point it is what a loss of power leaves, which keeps what was not synced in any order.
 *
 * The log number is in the checksum and not in the file: bytes of another log, left over in a reused block, never pass.
 */

/** CRC-32 (IEEE); `initial` continues an earlier one. */
export type Crc32 = (bytes: Uint8Array, initial?: number) => number;

export const BLOCK_SIZE = 32 * 1024;
export const HEADER_SIZE = 7;

export const TYPE_FULL = 1;
export const TYPE_FIRST = 2;
export const TYPE_MIDDLE = 3;
export const TYPE_LAST = 4;
/** Added to the type of a record's first fragment that says how far the log was durable. */
export const SYNCED = 4;
export const TYPE_FULL_SYNCED = TYPE_FULL + SYNCED;
export const TYPE_FIRST_SYNCED = TYPE_FIRST + SYNCED;

/** The checksum over the log number, with which that of each fragment begins. */
export function checksumOfLogNumber(logNumber: number, crc32: Crc32): number {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64LE(BigInt(logNumber));
	return crc32(bytes);
}
