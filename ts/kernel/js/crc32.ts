/**
 * CRC-32 (IEEE, reflected, as zlib), part of the file format: do not change.
 *
 * Short inputs go through eight tables, eight bytes a step ("slicing by 8"); from {@link NATIVE_LENGTH} bytes on the runtime's
 * own `zlib.crc32` is faster, where it exists (Node 20.15).
 */
import * as zlib from 'node:zlib';

const NATIVE_LENGTH = 128;
const nativeCrc32 = (zlib as { crc32?: (data: Uint8Array, value?: number) => number }).crc32;

const TABLES = makeTables();

function makeTables(): Int32Array {
	const tables = new Int32Array(8 * 256);
	for (let byte = 0; byte < 256; byte++) {
		let crc = byte;
		for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
		tables[byte] = crc;
	}
	for (let i = 256; i < tables.length; i++) tables[i] = (tables[i - 256] >>> 8) ^ tables[tables[i - 256] & 255];
	return tables;
}

/** CRC-32 of `bytes`; `initial` is the CRC-32 of what came before. */
export function crc32(bytes: Uint8Array, initial = 0): number {
	if (nativeCrc32 !== undefined && bytes.length >= NATIVE_LENGTH) return nativeCrc32(bytes, initial);
	return crc32Sliced(bytes, initial);
}

/** As {@link crc32}, always with the tables. */
export function crc32Sliced(bytes: Uint8Array, initial: number): number {
	let crc = ~initial;
	let at = 0;
	for (const last = bytes.length - 8; at <= last; at += 8) {
		crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
		crc =
			TABLES[1792 + (crc & 255)] ^
			TABLES[1536 + ((crc >>> 8) & 255)] ^
			TABLES[1280 + ((crc >>> 16) & 255)] ^
			TABLES[1024 + (crc >>> 24)] ^
			TABLES[768 + bytes[at + 4]] ^
			TABLES[512 + bytes[at + 5]] ^
			TABLES[256 + bytes[at + 6]] ^
			TABLES[bytes[at + 7]];
	}
	for (; at < bytes.length; at++) crc = (crc >>> 8) ^ TABLES[(crc ^ bytes[at]) & 255];
	return ~crc >>> 0;
}
