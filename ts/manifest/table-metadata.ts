/** What the manifest knows of a table, and the names of table files. */
import { compareBytes, successor } from '../bytes';
import type { TableSummary } from '../kernel/kernel';

/** A live table. Keys are internal keys; sizes are bytes. */
export type TableMetadata = Omit<TableSummary, 'rawDataBytes' | 'storedDataBytes'>;

/** `<birth level>_<file number>_<creation time>.sst`, "%d_%06d_%020d". */
export function tableFileName(table: Pick<TableMetadata, 'birthLevel' | 'number' | 'createdAt'>): string {
	const number = String(table.number).padStart(6, '0');
	return `${table.birthLevel}_${number}_${String(table.createdAt).padStart(20, '0')}.sst`;
}

/** What a name says, or `undefined` when it is no name of a table. */
export function parseTableFileName(name: string): { birthLevel: number; number: number; createdAt: bigint } | undefined {
	const match = /^([0-6])_(\d{6,16})_(\d{20})\.sst$/.exec(name);
	if (match === null) return undefined;
	const parsed = { birthLevel: Number(match[1]), number: Number(match[2]), createdAt: BigInt(match[3]) };
	return Number.isSafeInteger(parsed.number) && tableFileName(parsed) === name ? parsed : undefined;
}

/** The user key in an internal key. */
export function userKeyOf(internalKey: Uint8Array): Uint8Array {
	return internalKey.subarray(0, internalKey.length - 8);
}

/**
 * Where a table ends: the first user key behind it. An empty end is the end of all keys: a range delete may reach there. The trailer of
 * a largest key that is itself the end is all ones.
 */
export function endOf({ largestKey }: Pick<TableMetadata, 'largestKey'>): Uint8Array {
	const isEnd = largestKey.subarray(-8).every((byte) => byte === 0xff);
	return isEnd ? userKeyOf(largestKey) : successor(userKeyOf(largestKey));
}

/** Is a user key before an end? */
export function isBefore(key: Uint8Array, end: Uint8Array): boolean {
	return end.length === 0 || compareBytes(key, end) < 0;
}
