/** The results of a native `getMany`. */
import { asciiText, BufferView } from '../../bytes';
import { READ_PRESENCE, READ_UTF8, type ReadMode, type ReadResult } from '../kernel';
import { NO_VALUE } from './addon';

/**
 * One result a key.
 * @param lengths length of each value, NO_VALUE for a missing one
 * @param values the values, one behind the other; views on it go out
 */
export function unpackMany(lengths: Uint32Array, values: Buffer, mode: ReadMode): ReadResult[] {
	const results: ReadResult[] = new Array(lengths.length);
	const { buffer, byteOffset } = values;
	const text = mode === READ_UTF8 ? asciiText(values) : undefined;
	let start = 0;
	for (let i = 0; i < lengths.length; i++) {
		const length = lengths[i];
		if (length === NO_VALUE) {
			results[i] = undefined;
			continue;
		}
		const end = start + length;
		if (mode === READ_PRESENCE) results[i] = true;
		else if (mode === READ_UTF8) results[i] = text === undefined ? values.toString('utf8', start, end) : text.slice(start, end);
		else results[i] = new BufferView(buffer, byteOffset + start, length);
		start = end;
	}
	return results;
}
