/**
 * The tree as a compaction strategy sees it: shapes of tables, running jobs, and nothing of files, engines or clocks.
 *
 * Invariants (what a version guarantees, and what every compaction must keep):
 *  1. Tables of a level from 1 on are disjoint.
 *  2. Of two tables that share a key, the newer stands in a shallower level, or before the other in level 0.
 *  3. Level 0 is ordered by sequence: no table of it holds an entry that is older than one of a table behind it.
 */
import type { BlobReference, TableExpiry } from '../kernel/kernel';
import { type KeyRange, overlappingSorted, overlaps } from './key-range';

/** What a strategy sees of a table. Bounds are user keys. */
export interface TableShape extends KeyRange {
	number: number;
	/** Bytes. */
	size: number;
	entries: number;
	tombstones: number;
	/** Undefined when no entry expires. */
	expiry?: TableExpiry | undefined;
	largestSequence: number;
	/** Milliseconds since the epoch at which it was written. */
	createdAt: number;
	/** Blob files that hold values of it, and bytes of each. Absent: none. */
	blobReferences?: readonly BlobReference[] | undefined;
}

/** What a strategy sees of the tree. */
export interface TreeView {
	/** Level 0 newest first, the others in key order. */
	levels: readonly (readonly TableShape[])[];
	/** Numbers of the tables that are inputs of running jobs. */
	busy: ReadonlySet<number>;
	/** Where running jobs will write. */
	running: readonly RunningSpan[];
	/** User key at which the last compaction of a level ended. */
	pointers: ReadonlyMap<number, Uint8Array>;
	/** Sequence number of the oldest living snapshot; Infinity without one. */
	oldestSnapshot: number;
	/** Milliseconds since the epoch. */
	now: number;
	/** Blob files that should be collected, the oldest first. Absent: none. */
	garbageFiles?: readonly number[];
}

/** The span that a running job will write. */
export interface RunningSpan {
	outputLevel: number;
	range: KeyRange;
}

export function bytesOf(tables: readonly Pick<TableShape, 'size'>[]): number {
	return tables.reduce((sum, table) => sum + table.size, 0);
}

/** Bytes of their values in blob files. */
export function blobBytesOf(tables: readonly Pick<TableShape, 'blobReferences'>[]): number {
	return tables.reduce((sum, { blobReferences = [] }) => blobReferences.reduce((total, [, bytes]) => total + bytes, sum), 0);
}

export function sumOf(tables: readonly TableShape[], field: 'entries' | 'tombstones'): number {
	return tables.reduce((sum, table) => sum + table[field], 0);
}

/** Has the level tables, or will it when the running jobs are done? */
export function isOccupied(tree: TreeView, level: number): boolean {
	return tree.levels[level].length > 0 || tree.running.some((span) => span.outputLevel === level);
}

/** Does a level below hold something in the range? */
export function hasBelow(tree: TreeView, level: number, range: KeyRange): boolean {
	return tree.levels.slice(level + 1).some((tables) => overlappingSorted(tables, range).length > 0);
}

/**
 * May tables go from one level to another beside the running jobs? Not when one of them is busy, and not when a running job writes to a
 * level on the way within their reach: what it writes could be older than what would pass below it.
 */
export function isFree(
	tree: TreeView,
	level: number,
	outputLevel: number,
	tables: readonly TableShape[],
	reach: KeyRange,
): boolean {
	if (tables.some((table) => tree.busy.has(table.number))) return false;
	return !tree.running.some(
		(span) => span.outputLevel >= level && span.outputLevel <= outputLevel && overlaps(span.range, reach),
	);
}
