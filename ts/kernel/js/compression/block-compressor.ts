/**
 * Compresses the data blocks of a table, one after the other.
 *
 * Invariant: a block is kept compressed when that saves at least an eighth of it; else its reader would pay for nothing.
 */
import type { Encoder, Stored } from './codec';
import { codecs } from './codecs';

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
		this.encoder = codecs[id]?.encoder(level);
	}

	/**
	 * The bytes to store for the block `raw[0, size)`, with `reserve` more behind them; undefined when it is to be stored as it is.
	 * Holds until the next call.
	 */
	compress(raw: Buffer, size: number, reserve: number): Stored | undefined {
		return this.encoder?.compress(raw, size, size - Math.ceil(size / LEAST_SAVING), reserve);
	}
}
