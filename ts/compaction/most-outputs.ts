/** How many tables a job may write. */

/** What an entry takes at most beside key and value: three varints, a restart point, and a block with a trailer of its own. */
const ENTRY_OVERHEAD = 40;
/** However much a damaged table claims to hold. */
const MOST_TABLES = 2 ** 24;

/**
 * Most tables that a job writes whose input holds so many entries, and so many bytes of keys and values. The sizes of the files
 * say little: they may be compressed.
 */
export function mostOutputs(rawBytes: number, entries: number, tableSize: number): number {
	return Math.min(MOST_TABLES, Math.ceil((rawBytes + entries * ENTRY_OVERHEAD) / tableSize) + 1);
}
