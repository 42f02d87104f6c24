/** What of the file format (docs/format.md) both kernels and the store above them know: kinds of entries, ids of codecs, names. */
import { numberedName } from '../numbered-name';

/** Kind of an internal key; part of the file format. */
export const KIND_DELETE = 0;
export const KIND_PUT = 1;
export const KIND_RANGE_DELETE = 2;
/** The value lies in a blob file; only in tables. */
export const KIND_VALUE_POINTER = 3;
/** Its value begins with the time at which it expires. */
export const KIND_PUT_WITH_EXPIRY = 4;
/** Bytes of that time: milliseconds since the epoch. */
export const EXPIRY_SIZE = 8;

/** What data blocks are compressed with; the ids are part of the file format. */
export const COMPRESSION_NONE = 0;
export const COMPRESSION_LZ4 = 1;
export const COMPRESSION_SNAPPY = 2;
export const COMPRESSION_ZSTD = 3;
export type CompressionId =
	| typeof COMPRESSION_NONE
	| typeof COMPRESSION_LZ4
	| typeof COMPRESSION_SNAPPY
	| typeof COMPRESSION_ZSTD;

/** Bytes of a blob file beside its records: header and footer. */
export const BLOB_FILE_ENDS = 48;

/** The name of a blob file ends so. */
export const BLOB_END = '.blob';

export function blobFileName(number: number): string {
	return numberedName(number, '', BLOB_END);
}
