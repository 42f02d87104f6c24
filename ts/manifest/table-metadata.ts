/** What the manifest knows of a table, and the names of table files. */
import { compareBytes, successor } from '../bytes';
import type { TableSummary } from '../kernel/kernel';
import { BOTTOM_LEVEL } from '../limits';
import { numberedName } from '../numbered-name';

const END = '.sst';
const TIME_DIGITS = 20;

/** A live table. Keys are internal keys; sizes are bytes. */
export type TableMetadata = Omit<TableSummary, 'rawDataBytes' | 'storedDataBytes'>;

/** `<birth level>_<file number>_<creation time>.sst`, "%d_%06d_%020d". */
export function tableFileName(table: Pick<TableMetadata, 'birthLevel' | 'number' | 'createdAt'>): string {
	return `${numberedName(table.number, `${table.birthLevel}_`, '_')}${String(table.createdAt).padStart(TIME_DIGITS, '0')}${END}`;
}

/** What a name says, or `undefined` when it is no name of a table. */
export function parseTableFileName(name: string): { birthLevel: number; number: number; createdAt: bigint } | undefined {
	const [level, number = '', time = ''] = name.slice(0, -END.length).split('_');
	if (time.length !== TIME_DIGITS || ![level, number, time].every(isDigits)) return undefined;
	const parsed = { birthLevel: Number(level), number: Number(number), createdAt: BigInt(time) };
	const isPossible = parsed.birthLevel <= BOTTOM_LEVEL && Number.isSafeInteger(parsed.number);
	return isPossible && tableFileName(parsed) === name ? parsed : undefined;
}

function isDigits(text: string): boolean {
	for (let i = 0; i < text.length; i++) if (text[i] < '0' || text[i] > '9') return false;
	return true;
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
