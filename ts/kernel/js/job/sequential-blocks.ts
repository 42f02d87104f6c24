/**
 * Blocks for a job: read in order, ahead, past the cache.
 *
 * Invariants:
 *  1. One window of the file is in memory for each sorted run; a block holds until the next one of the same run is asked for.
 *  2. Every block is verified and decompressed; the blocks never enter the cache.
 */
import type { BlockSource } from '../block-source';
import { EMPTY } from '../bytes';
import { BLOCK_TRAILER_SIZE, openDataBlock } from '../table/format';
import type { Table } from '../table/reader';
import type { Resident } from '../table/resident';
import type { Warming } from './warming';

const READ_AHEAD = 256 * 1024;

export class SequentialBlocks implements BlockSource {
	private window: Buffer = Buffer.allocUnsafeSlow(READ_AHEAD);
	private table: Table | undefined;
	private windowStart = 0;
	private windowEnd = 0;
	/** Where blocks are decompressed to. */
	private raw: Buffer = EMPTY;
	private readonly takeRaw = (length: number): Buffer => {
		if (length > this.raw.length) this.raw = Buffer.allocUnsafeSlow(length);
		return this.raw;
	};

	/** @param warming is told of each block that is read */
	constructor(private readonly warming: Warming) {}

	resident(table: Table): Resident {
		return table.load();
	}

	block(table: Table, block: number): Buffer {
		this.warming.read(table.number, block);
		const resident = this.resident(table);
		const offset = resident.blockOffset(block);
		const size = resident.blockSize(block);
		const stored = size + BLOCK_TRAILER_SIZE;
		const inWindow = table === this.table && offset >= this.windowStart && offset + stored <= this.windowEnd;
		if (!inWindow) this.readWindow(table, resident, offset, stored);
		const at = offset - this.windowStart;
		return openDataBlock(this.window, at, size, this.takeRaw, table.path, offset);
	}

	private readWindow(table: Table, resident: Resident, offset: number, stored: number): void {
		this.table = undefined;
		const dataEnd = resident.blockEnd(resident.blockCount - 1);
		const length = Math.max(stored, Math.min(READ_AHEAD, dataEnd - offset));
		if (length > this.window.length) this.window = Buffer.allocUnsafeSlow(length);
		table.file.readInto(this.window.subarray(0, length), offset);
		this.table = table;
		this.windowStart = offset;
		this.windowEnd = offset + length;
	}
}
