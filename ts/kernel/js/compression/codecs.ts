/** The codecs, by the id in the trailer of a block. A new one is one line here. */
import { COMPRESSION_LZ4, COMPRESSION_SNAPPY, COMPRESSION_ZSTD } from '../../kernel';
import type { Codec } from './codec';
import { lz4Decoder } from './lz4-decoder';
import { Lz4Encoder } from './lz4-encoder';
import { SnappyEncoder, snappyDecoder } from './snappy';
import { ZstdEncoder, zstdDecoder } from './zstd';

export const codecs: Readonly<Record<number, Codec | undefined>> = {
	[COMPRESSION_LZ4]: { decoder: lz4Decoder, encoder: () => new Lz4Encoder() },
	[COMPRESSION_SNAPPY]: { decoder: snappyDecoder, encoder: () => new SnappyEncoder() },
	[COMPRESSION_ZSTD]: { decoder: zstdDecoder, encoder: (level) => new ZstdEncoder(level) },
};
