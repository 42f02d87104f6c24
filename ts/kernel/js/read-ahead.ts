/**
 * Reads several blocks of a table at once when they are asked for one behind the other.
 *
 * Invariants:
 *  1. A read goes from the block that is asked for to the last block that ends within the reach, at least the one block. So no more
 *     is allocated than the reach or one block.
 *  2. Blocks are verified and decompressed when they are asked for: damage behind that is nobody's business yet.
 *  3. A window is never written to again: blocks in it hold as long as somebody refers to them.
 */
import { takeBlock } from './block-memory';
import { BLOCK_TRAILER_SIZE, openDataBlock } from './table/format';
import type { Table } from './table/reader';

/** How far the second read of a sequence reaches, and all from the third on. */
const FIRST_REACH = 64 * 1024;
const MOST_REACH = 256 * 1024;

interface Window {
	table: Table;
	bytes: Buffer;
	offset: number;
}

export class ReadAhead {
	private window: Window | undefined;
	private reach = 0;
	private previousTable: Table | undefined;
	private previousBlock = 0;
	/** Is the block that is asked for now the one behind the one before? */
	private sequential = false;

	/** To be told of every block that is asked for, wherever it comes from. */
	follow(table: Table, block: number): void {
		const { previousTable, previousBlock } = this;
		if (previousTable === table) {
			// A scan that had to wait asks for the same block again.
			if (previousBlock === block) return;
			this.sequential = previousBlock + 1 === block;
		} else {
			this.sequential = block === 0 && previousTable !== undefined && previousBlock + 1 === previousTable.load().blockCount;
		}
		this.previousTable = table;
		this.previousBlock = block;
	}

	/** A block that was read already. */
	block(table: Table, block: number): Buffer | undefined {
		const { window } = this;
		if (window === undefined || window.table !== table) return undefined;
		const { offset, size } = table.load().handle(block);
		const at = offset - window.offset;
		if (at < 0 || at + size + BLOCK_TRAILER_SIZE > window.bytes.length) return undefined;
		return openDataBlock(window.bytes, at, size, takeBlock, table.path, offset);
	}

	/** Does a block that was read here lie in the window, as one does that is not compressed? */
	holds(block: Buffer): boolean {
		return block.buffer === this.window?.bytes.buffer;
	}

	/** Reads a block, and more when the scan goes on from block to block; answers the block. */
	read(table: Table, block: number): Buffer {
		const reach = this.nextReach();
		const window = emptyWindow(table, block, reach);
		try {
			table.file.readInto(window.bytes, window.offset);
		} catch (error) {
			if (reach === 0) throw error;
			// What is behind the block may be to blame.
			return table.file.readBlock(table.load().handle(block));
		}
		return this.enter(window, block);
	}

	/** As {@link read}, off the calling thread. */
	async readAsync(table: Table, block: number): Promise<Buffer> {
		const reach = this.nextReach();
		const window = emptyWindow(table, block, reach);
		try {
			await table.file.readIntoAsync(window.bytes, window.offset);
		} catch (error) {
			if (reach === 0) throw error;
			return table.file.readBlockAsync(table.load().handle(block));
		}
		return this.enter(window, block);
	}

	private nextReach(): number {
		this.reach = this.sequential ? Math.min(MOST_REACH, Math.max(FIRST_REACH, this.reach * 4)) : 0;
		return this.reach;
	}

	private enter(window: Window, block: number): Buffer {
		this.window = window;
		const { offset, size } = window.table.load().handle(block);
		return openDataBlock(window.bytes, 0, size, takeBlock, window.table.path, offset);
	}
}

/** A window from a block to the last one that ends within `reach` bytes. */
function emptyWindow(table: Table, block: number, reach: number): Window {
	const resident = table.load();
	const offset = resident.blockOffset(block);
	let last = block;
	while (last + 1 < resident.blockCount && resident.blockEnd(last + 1) <= offset + reach) last++;
	return { table, bytes: Buffer.allocUnsafeSlow(resident.blockEnd(last) - offset), offset };
}
