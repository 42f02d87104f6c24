/**
 * WAL records as memtables read them, part of the file format: do not change.
 *
 *     | sequence (8) | count (4) | operation … |
 *     operation: | kind (1) | key length (varint) | key | value length (varint) | value |
 *
 * Of a range delete the key is the start, the value the end; an empty value stands for the end of all keys. The value of a put with
 * expiry begins with the time, see ./expiry.ts.
 *
 * Invariants:
 *  1. Operation i has sequence number `sequence + i`.
 *  2. The record was encoded or checked by the caller; one that ends early is still refused, never read past its end.
 */
import { CorruptionError } from '../../errors';
import { EXPIRY_SIZE, KIND_PUT_WITH_EXPIRY } from '../kernel';
import { readUint32, readUint64 } from './bytes';
import { readVarint32, varint } from './varint';

export const RECORD_HEADER_SIZE = 12;

/** Takes one operation: key `record[keyStart, keyEnd)`, value `record[valueStart, valueEnd)`. */
export interface OperationSink {
	insert(
		record: Uint8Array,
		keyStart: number,
		keyEnd: number,
		valueStart: number,
		valueEnd: number,
		sequence: number,
		kind: number,
	): void;
}

/** Hands the operations of `record[start, end)` to the sink, in order. */
export function forEachOperation(record: Uint8Array, start: number, end: number, sink: OperationSink): void {
	if (end - start < RECORD_HEADER_SIZE) throw malformed(start);
	const sequence = readUint64(record, start);
	const count = readUint32(record, start + 8);
	let at = start + RECORD_HEADER_SIZE;
	for (let i = 0; i < count; i++) {
		const kind = record[at];
		const keyLength = readVarint32(record, at + 1, end);
		if (keyLength < 0) throw malformed(at);
		const keyStart = varint.end;
		const keyEnd = keyStart + keyLength;
		const valueLength = readVarint32(record, keyEnd, end);
		if (valueLength < 0 || varint.end + valueLength > end) throw malformed(at);
		if (kind === KIND_PUT_WITH_EXPIRY && valueLength < EXPIRY_SIZE) throw malformed(at);
		const valueStart = varint.end;
		at = valueStart + valueLength;
		sink.insert(record, keyStart, keyEnd, valueStart, at, sequence + i, kind);
	}
	if (at !== end) throw malformed(at);
}

function malformed(at: number): CorruptionError {
	return new CorruptionError(`batch record is malformed at byte ${at}: its lengths do not add up`);
}
