/**
 * Compresses the data blocks of a table, one after the other.
 *
 * Invariant: a block is kept compressed when that saves at least an eighth of it; else its reader would pay for nothing.
 */
import { COMPRESSION_LZ4, COMPRESSION_SNAPPY, COMPRESSION_ZSTD } from '../../kernel';
import type { Encoder, Stored } from './codec';
import { Lz4Encoder } from './lz4-encoder';
import { SnappyEncoder } from './snappy';
import { ZstdEncoder } from './zstd';

const LEAST_SAVING = 8;

export class BlockCompressor {
	private readonly encoder: Encoder | undefined;

	/**
	 * @param id what compressed blocks are stored under
	 * @param level that of zstd; the others have none
	 */
	constructor(
		readonly id: number,
		level: number,
	) {
		if (id === COMPRESSION_LZ4) this.encoder = new Lz4Encoder();
		else if (id === COMPRESSION_SNAPPY) this.encoder = new SnappyEncoder();
		else if (id === COMPRESSION_ZSTD) this.encoder = new ZstdEncoder(level);
	}

	/**
	 * The bytes to store for the block `raw[0, size)`, with `reserve` more behind them; undefined when it is to be stored as it is.
	 * Holds until the next call.
	 */
	compress(raw: Buffer, size: number, reserve: number): Stored | undefined {
		return this.encoder?.compress(raw, size, size - Math.ceil(size / LEAST_SAVING), reserve);
	}
}
