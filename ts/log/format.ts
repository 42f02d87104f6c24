/**
 * The log format that WAL and manifest share. Part of the file format: do not change. See docs/format.md, "Log".
 *
 * ```
 * log:      | block (32 KiB) | block | …      a rest of under 7 bytes in a block is zeros
 * fragment: | checksum (4) | length (2) | type (1) | data (length) |
 * checksum: CRC-32 over  log number (8) | type (1) | data
 * ```
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

/** The checksum over the log number, with which that of each fragment begins. */
export function checksumOfLogNumber(logNumber: number, crc32: Crc32): number {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64LE(BigInt(logNumber));
	return crc32(bytes);
}
