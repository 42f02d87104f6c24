/** The results of a native `getMany`. */
import { READ_PRESENCE, READ_UTF8, type ReadMode, type ReadResult } from '../kernel';
import { NO_VALUE } from './addon';

/**
 * One result a key.
 * @param lengths length of each value, NO_VALUE for a missing one
 * @param values the values, one behind the other; views on it go out
 */
export function unpackMany(lengths: Uint32Array, values: Buffer, mode: ReadMode): ReadResult[] {
	const results: ReadResult[] = new Array(lengths.length);
	let start = 0;
	for (let i = 0; i < lengths.length; i++) {
		const length = lengths[i];
		if (length === NO_VALUE) {
			results[i] = undefined;
			continue;
		}
		const end = start + length;
		if (mode === READ_PRESENCE) results[i] = true;
		else results[i] = mode === READ_UTF8 ? values.toString('utf8', start, end) : values.subarray(start, end);
		start = end;
	}
	return results;
}
