/**
 * Reads the records of a log, and says how it ends.
 *
 * Invariants:
 *  1. A record is returned only if every fragment of it has passed its checksum: what comes out is what went in.
 *  2. Memory is one block and the record that is being put together.
 *  3. The end is *clean* (end of file, or zeros to it), *torn* (what a crash leaves), or *damaged* (something that was durable has been lost).
 *     It is damage when a record behind it says that the log was durable beyond it. Other records may stand behind it: a loss of power keeps
 *     what was not synced in any order.
 */
import type { ReadableFile } from '../fs/file-system';
import { readVarint53, varint } from '../kernel/js/varint';
import {
	BLOCK_SIZE,
	type Crc32,
	checksumOfLogNumber,
	HEADER_SIZE,
	SYNCED,
	TYPE_FIRST,
	TYPE_FIRST_SYNCED,
	TYPE_FULL,
	TYPE_FULL_SYNCED,
	TYPE_LAST,
	TYPE_MIDDLE,
} from './format';

const ZEROS = Buffer.alloc(BLOCK_SIZE);

/** A record and the offset of its first fragment. */
export interface LogRecord {
	data: Uint8Array;
	offset: number;
}

/** How a log ends; `validEnd` is the end of the last complete record, `offset` the place of the trouble. */
export type LogEnd =
	| { kind: 'clean'; validEnd: number }
	| { kind: 'torn' | 'damaged'; validEnd: number; offset: number; reason: string };

/** A fragment whose checksum has passed, or why there is none. */
type Fragment = SoundFragment | { type: 0; reason: string | undefined };

interface SoundFragment {
	type: number;
	data: Uint8Array;
	/** Position behind it in the block. */
	end: number;
	/** The log was durable to this offset when the fragment was written; 0 when it does not say. */
	syncedTo: number;
}

export class LogReader {
	readonly #file: ReadableFile;
	readonly #crc32: Crc32;
	readonly #seed: number;
	readonly #block = Buffer.allocUnsafeSlow(BLOCK_SIZE);
	/** Offset of the block in the file, and how many bytes of it there are. */
	#blockOffset = 0;
	#blockLength = 0;
	/** Position in the block. */
	#position = 0;
	#parts: Uint8Array[] = [];
	#recordOffset = 0;
	#validEnd = 0;
	#end: LogEnd | undefined;

	constructor(file: ReadableFile, logNumber: number, crc32: Crc32) {
		this.#file = file;
		this.#crc32 = crc32;
		this.#seed = checksumOfLogNumber(logNumber, crc32);
		this.#load(0);
	}

	/** How the log ends; known once {@link next} has returned `undefined`. */
	get end(): LogEnd {
		if (this.#end === undefined) throw new Error('the log has not been read to its end');
		return this.#end;
	}

	/** The next record, or `undefined` at the end, whatever the end is. The data is the caller's. */
	next(): LogRecord | undefined {
		while (this.#end === undefined) {
			if (BLOCK_SIZE - this.#position < HEADER_SIZE) this.#load(this.#blockOffset + BLOCK_SIZE);
			const offset = this.#blockOffset + this.#position;
			const fragment = this.#fragmentAt(this.#position);
			if (fragment.type === 0) {
				this.#finish(offset, (fragment as { reason: string | undefined }).reason);
				break;
			}
			const record = this.#accept(fragment as SoundFragment, offset);
			if (record !== undefined) return record;
		}
		return undefined;
	}

	#accept({ type, data, end }: SoundFragment, offset: number): LogRecord | undefined {
		const beginning = begins(type);
		if (beginning !== (this.#parts.length === 0)) {
			const reason = beginning ? 'a record begins before the one before it has ended' : 'a record goes on that never began';
			this.#end = { kind: 'damaged', validEnd: this.#validEnd, offset, reason };
			return undefined;
		}
		this.#position = end;
		if (beginning) this.#recordOffset = offset;
		this.#parts.push(new Uint8Array(data));
		if (type === TYPE_FIRST || type === TYPE_MIDDLE) return undefined;
		const record = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
		this.#parts = [];
		this.#validEnd = this.#blockOffset + this.#position;
		return { data: record, offset: this.#recordOffset };
	}

	#load(offset: number): void {
		this.#blockOffset = offset;
		this.#blockLength = this.#file.readSync(this.#block, offset);
		this.#position = 0;
	}

	#fragmentAt(position: number): Fragment {
		const available = this.#blockLength - position;
		if (available <= 0) return { type: 0, reason: undefined };
		const block = this.#block;
		if (available < HEADER_SIZE) {
			const isZero = isAllZero(block.subarray(position, this.#blockLength));
			return { type: 0, reason: isZero ? undefined : 'the file ends in the middle of a header' };
		}
		const length = block.readUInt16LE(position + 4);
		const type = block[position + 6];
		if (type === 0 && length === 0 && block.readUInt32LE(position) === 0)
			return { type: 0, reason: this.#reasonForZeros(position) };
		if (type < TYPE_FULL || type > TYPE_FIRST_SYNCED) return { type: 0, reason: `a fragment has the unknown type ${type}` };
		if (length > BLOCK_SIZE - position - HEADER_SIZE) return { type: 0, reason: 'a fragment is longer than its block' };
		if (length > available - HEADER_SIZE) return { type: 0, reason: 'the file ends in the middle of a fragment' };
		const checksum = this.#crc32(block.subarray(position + 6, position + HEADER_SIZE + length), this.#seed) >>> 0;
		if (checksum !== block.readUInt32LE(position)) return { type: 0, reason: 'a checksum does not match' };
		const end = position + HEADER_SIZE + length;
		const fragment = { type, data: block.subarray(position + HEADER_SIZE, end), end, syncedTo: 0 };
		return type <= TYPE_LAST ? fragment : withSyncedTo(fragment, this.#blockOffset + position);
	}

	/** Zeros to the end of the file are a clean end: a log that is synced often is filled with them ahead of its end. */
	#reasonForZeros(position: number): string | undefined {
		if (!isAllZero(this.#block.subarray(position, this.#blockLength))) return 'a fragment has the unknown type 0';
		const size = this.#file.sizeSync();
		const rest = Buffer.allocUnsafe(BLOCK_SIZE);
		for (let offset = this.#blockOffset + BLOCK_SIZE; offset < size; offset += BLOCK_SIZE) {
			const count = this.#file.readSync(rest, offset);
			if (!isAllZero(rest.subarray(0, count))) return 'zeros stand where a fragment should be';
		}
		return undefined;
	}

	#finish(offset: number, trouble: string | undefined): void {
		const unfinished = this.#parts.length > 0 ? 'the log ends in the middle of a record' : undefined;
		const reason = trouble ?? unfinished;
		const validEnd = this.#validEnd;
		if (reason === undefined) this.#end = { kind: 'clean', validEnd };
		else this.#end = { kind: this.#wasSyncedBeyond(offset) ? 'damaged' : 'torn', validEnd, offset, reason };
	}

	/** Looks for a fragment that says so: at every later place of this block, and from the starts of the later ones on. */
	#wasSyncedBeyond(offset: number): boolean {
		for (let at = this.#position + 1; at + HEADER_SIZE <= this.#blockLength; at++) {
			const type = this.#block[at + 6];
			if ((type === TYPE_FULL_SYNCED || type === TYPE_FIRST_SYNCED) && saysSyncedBeyond(this.#fragmentAt(at), offset))
				return true;
		}
		const size = this.#file.sizeSync();
		for (let block = this.#blockOffset + BLOCK_SIZE; block < size; block += BLOCK_SIZE) {
			this.#load(block);
			if (this.#blockSaysSyncedBeyond(offset)) return true;
		}
		return false;
	}

	#blockSaysSyncedBeyond(offset: number): boolean {
		for (let at = 0; at + HEADER_SIZE <= this.#blockLength; ) {
			const fragment = this.#fragmentAt(at);
			if (saysSyncedBeyond(fragment, offset)) return true;
			if (fragment.type === 0) return false;
			at = (fragment as SoundFragment).end;
		}
		return false;
	}
}

function begins(type: number): boolean {
	return type === TYPE_FULL || type === TYPE_FIRST;
}

function saysSyncedBeyond(fragment: Fragment, offset: number): boolean {
	return fragment.type !== 0 && (fragment as SoundFragment).syncedTo > offset;
}

/** A fragment at an offset whose data begins with the count of bytes in front of it that were not known to be durable. */
function withSyncedTo({ type, data, end }: SoundFragment, offset: number): Fragment {
	const unsynced = readVarint53(data, 0, data.length);
	if (unsynced < 0 || unsynced > offset) return { type: 0, reason: 'a fragment says wrongly how far the log was durable' };
	return { type: type - SYNCED, data: data.subarray(varint.end), end, syncedTo: offset - unsynced };
}

/** Of a part of a block. */
function isAllZero(bytes: Buffer): boolean {
	return bytes.equals(ZEROS.subarray(0, bytes.length));
}
