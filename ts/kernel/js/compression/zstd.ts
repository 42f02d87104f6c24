/**
 * zstd: one frame, which names its content size. Part of the file format: do not change.
 *
 * Node.js compresses, from 22.15 on; the decoder is our own, see `zstd/frame.ts`.
 *
 * Invariant: nothing stands behind the frame; it has no dictionary.
 */
import * as zlib from 'node:zlib';
import { EMPTY } from '../bytes';
import type { Decoder, Encoder, Stored } from './codec';
import { decodeFrame, frameContentSize } from './zstd/frame';

/** What newer versions of Node.js add to `node:zlib`. */
interface ZstdFunctions {
	zstdCompressSync(raw: Uint8Array, options: { params: Record<number, number>; pledgedSrcSize: number }): Buffer;
	constants: { ZSTD_c_compressionLevel: number };
}

const { zstdCompressSync, constants } = zlib as unknown as Partial<ZstdFunctions>;

/** Can this version of Node.js compress with zstd? */
export const canCompressZstd: boolean = zstdCompressSync !== undefined;

export class ZstdEncoder implements Encoder {
	private out: Buffer = EMPTY;
	private readonly params: Record<number, number>;

	constructor(level: number) {
		this.params = constants === undefined ? {} : { [constants.ZSTD_c_compressionLevel]: level };
	}

	compress(raw: Buffer, size: number, most: number, reserve: number): Stored | undefined {
		const stored = zstdCompressSync?.(raw.subarray(0, size), { params: this.params, pledgedSrcSize: size });
		if (stored === undefined || stored.length > most || frameContentSize(stored, 0, stored.length) !== size) return undefined;
		if (this.out.length < stored.length + reserve) this.out = Buffer.allocUnsafeSlow(most + reserve);
		stored.copy(this.out);
		return { bytes: this.out, size: stored.length };
	}
}

export const zstdDecoder: Decoder = {
	// A block of four bytes repeats one byte 128 KiB times.
	mostExpansion: (128 * 1024) / 4,
	rawLength: frameContentSize,
	decompress: (stored, start, end, raw, length) => decodeFrame(stored.bytes, start, end, raw, length),
};
