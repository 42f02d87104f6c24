/**
 * Keeps the cache warm through a compaction: where it holds what is merged, it gets what comes of it. Else every read of the new tables would go
 * to their files, as long as the job runs and after it.
 *
 * Invariants:
 *  1. A block that is written goes into the cache if one of the input blocks that were read since the last one was there when the job began; if
 *     none was read, as the last one did. So about as much goes in as the inputs have in the cache, and of a cold tree nothing.
 *  2. New blocks are under the number of a table that is not open yet. Whoever gives the table up drops them.
 */

/** Positions of the blocks of a table that are in the cache. */
export type CachedPositions = readonly [table: number, positions: readonly number[]];

/** A block for the cache; its bytes lie in memory of their own, that can be passed to another thread. */
export interface WarmBlock {
	table: number;
	position: number;
	bytes: Uint8Array<ArrayBuffer>;
}

export class Warming {
	private readonly cached: ReadonlyMap<number, ReadonlySet<number>>;
	/** Was one of the input blocks in the cache? */
	private isWarm = false;
	/** Has a block been written since the last one was read? */
	private hasWritten = true;

	/** @param keep takes a block to the cache */
	constructor(
		cached: readonly CachedPositions[],
		private readonly keep: (block: WarmBlock) => void,
	) {
		this.cached = new Map(cached.map(([table, positions]) => [table, new Set(positions)]));
	}

	/** A block of the input was read. */
	read(table: number, position: number): void {
		const before = this.isWarm && !this.hasWritten;
		this.hasWritten = false;
		this.isWarm = before || this.cached.get(table)?.has(position) === true;
	}

	/** A block of the output was finished: `contents[0, size)`. */
	wrote(table: number, position: number, contents: Buffer, size: number): void {
		this.hasWritten = true;
		if (!this.isWarm) return;
		const bytes = new Uint8Array(size);
		contents.copy(bytes, 0, 0, size);
		this.keep({ table, position, bytes });
	}
}
