/**
 * Walks one table: the index finds the block, the block cursor the entry.
 *
 * Invariants:
 *  1. The current block stays referenced when a step to the next one fails or must wait, and a seek that lands in it does not ask
 *     for it again: repeating a seek after a miss needs no other block than the missing one.
 *  2. `seek` touches one block, `seekForPrev` one or two.
 */
import { BlockCursor, TABLE_KEYS } from '../block/cursor';
import type { BlockSource } from '../block-source';
import type { SourceCursor } from '../cursor';
import { firstKey } from '../internal-key';
import type { PackedChunk } from '../packed-chunk';
import type { RangeDelete } from '../range-delete';
import type { Table } from './reader';
import type { Resident } from './resident';

export class TableCursor implements SourceCursor {
	private readonly entries = new BlockCursor(TABLE_KEYS);
	/** Position of the block that `entries` reads; -1 before the first. */
	private block = -1;
	valid = false;
	readonly keyStart = 0;

	constructor(
		readonly table: Table,
		private readonly source: BlockSource,
	) {}

	get keyBytes(): Buffer {
		return this.entries.keyBytes;
	}

	get keyEnd(): number {
		return this.entries.keyEnd;
	}

	get valueBytes(): Buffer {
		return this.entries.valueBytes;
	}

	get valueStart(): number {
		return this.entries.valueStart;
	}

	get valueEnd(): number {
		return this.entries.valueEnd;
	}

	seekToFirst(): void {
		this.valid = false;
		if (this.resident().blockCount === 0) return;
		this.enter(0);
		this.entries.seekToFirst();
		this.skipForward();
	}

	seekToLast(): void {
		this.valid = false;
		const { blockCount } = this.resident();
		if (blockCount === 0) return;
		this.enter(blockCount - 1);
		this.entries.seekToLast();
		this.skipBackward();
	}

	seek(bytes: Uint8Array, start: number, end: number): void {
		this.valid = false;
		const { index } = this.resident();
		const block = index.lowerBound(bytes, start, end);
		if (block === index.count) return;
		this.enter(block);
		this.entries.seek(bytes, start, end);
		if (!this.entries.valid) throw this.table.indexMismatch(block);
		this.valid = true;
	}

	seekForPrev(bytes: Uint8Array, start: number, end: number): void {
		this.valid = false;
		const { index } = this.resident();
		const block = index.lowerBound(bytes, start, end);
		if (block === index.count) {
			this.seekToLast();
			return;
		}
		this.enter(block);
		this.entries.seekForPrev(bytes, start, end);
		this.skipBackward();
	}

	next(): void {
		this.entries.next();
		if (!this.entries.valid) this.skipForward();
	}

	prev(): void {
		this.entries.prev();
		if (!this.entries.valid) this.skipBackward();
	}

	private resident(): Resident {
		return this.table.resident ?? this.source.resident(this.table);
	}

	pass(over: RangeDelete, reverse: boolean): void {
		if (!this.table.isOlder(over)) {
			if (reverse) this.prev();
			else this.next();
		} else if (reverse) {
			const target = firstKey(over.start);
			this.seekForPrev(target, 0, target.length);
		} else if (over.end.length === 0) {
			this.valid = false;
		} else {
			const target = firstKey(over.end);
			this.seek(target, 0, target.length);
		}
	}

	packRun(into: PackedChunk, sequence: number, upper: Uint8Array | undefined): void {
		this.entries.packRun(into, sequence, upper);
	}

	packRunBackward(into: PackedChunk, sequence: number, lower: Uint8Array | undefined): void {
		this.entries.packRunBackward(into, sequence, lower);
	}

	/** Makes `block` the current one; the cursor is invalid until `entries` has moved. */
	private enter(block: number): void {
		this.valid = false;
		if (block === this.block) return;
		const offset = this.resident().blockOffset(block);
		const bytes = this.source.block(this.table, block);
		this.block = -1;
		this.entries.reset(bytes, this.table.path, offset);
		this.block = block;
	}

	private skipForward(): void {
		this.valid = false;
		while (!this.entries.valid) {
			if (this.block + 1 >= this.resident().blockCount) return;
			this.enter(this.block + 1);
			this.entries.seekToFirst();
		}
		this.valid = true;
	}

	private skipBackward(): void {
		this.valid = false;
		while (!this.entries.valid) {
			if (this.block <= 0) return;
			this.enter(this.block - 1);
			this.entries.seekToLast();
		}
		this.valid = true;
	}
}
