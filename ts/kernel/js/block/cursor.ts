/**
 * Reads one block; the format stands in ./builder.ts.
 *
 * Invariants:
 *  1. Nothing in a block is trusted: each length is checked against what is left before it is used, and each entry ends behind its
 *     start, so every walk ends.
 *  2. The key of the current entry is rebuilt in a buffer of the cursor's own, never longer than the block.
 *  3. The value is a range of the block.
 *  4. A fingerprint is a hint where an entry is: the key of the entry decides.
 */
import { CorruptionError } from '../../../errors';
import { EXPIRY_SIZE, KIND_PUT, KIND_PUT_WITH_EXPIRY, KIND_VALUE_POINTER } from '../../kernel';
import { readPointer } from '../blob/pointer';
import { compareBytes, copyBytes, EMPTY, grow, readUint32 } from '../bytes';
import type { Cursor } from '../cursor';
import { compareInternalKeys, readSequence, TRAILER_SIZE } from '../internal-key';
import type { PackedChunk } from '../packed-chunk';
import { readVarint32, varint } from '../varint';
import { FINGERPRINTED } from './builder';
import { Passed } from './passed';
import { packPlainEntries } from './run';

/** In a block of more entries a binary search is faster than one through all fingerprints. */
const MOST_FINGERPRINTS = 2048;

/** What the keys of a block are: names, internal keys, or internal keys whose kinds must be known to this release. */
export const PLAIN_KEYS = 0;
export const INTERNAL_KEYS = 1;
export const TABLE_KEYS = 2;
export type BlockKeys = typeof PLAIN_KEYS | typeof INTERNAL_KEYS | typeof TABLE_KEYS;

export class BlockCursor implements Cursor {
	valid = false;
	keyBytes: Buffer = Buffer.allocUnsafeSlow(64);
	readonly keyStart = 0;
	keyEnd = 0;
	valueBytes: Buffer = EMPTY;
	valueStart = 0;
	valueEnd = 0;

	private block: Buffer = EMPTY;
	/** End of the entries, start of the restart array. */
	private limit = 0;
	private restartCount = 0;
	/** Where the fingerprints begin and end; nowhere when there are none. */
	private fingerprintsAt = 0;
	private fingerprintsEnd = 0;
	/** Entries between two restart points; only with fingerprints. */
	private restartInterval = 0;
	private entryAt = 0;
	private path: string | undefined;
	private origin = 0;
	/** Entries before the current one, while the cursor goes backward. */
	private readonly passed = new Passed();

	// The header of the entry that was read last.
	private shared = 0;
	private unshared = 0;
	private keyAt = 0;

	private readonly minimumKeyLength: number;
	private readonly checksKinds: boolean;

	constructor(keys: BlockKeys) {
		this.minimumKeyLength = keys === PLAIN_KEYS ? 0 : TRAILER_SIZE;
		this.checksKinds = keys === TABLE_KEYS;
	}

	/** Turns to another block, which lies at `origin` of the file `path`. */
	reset(block: Buffer, path?: string, origin = 0): void {
		this.valid = false;
		this.passed.clear();
		this.block = block;
		this.valueBytes = block;
		this.path = path;
		this.origin = origin;
		this.limit = 0;
		const limit = block.length < 8 ? -1 : this.readTail(block);
		if (this.restartCount === 0 || limit < 0) {
			throw this.malformed(`no room for its restart points in ${block.length} bytes`, Math.max(0, block.length - 4));
		}
		this.limit = limit;
	}

	/** Reads what stands behind the restart array, and answers where that would begin. */
	private readTail(block: Buffer): number {
		let end = block.length - 4;
		const count = readUint32(block, end);
		if (count < FINGERPRINTED) {
			this.restartCount = count;
			this.fingerprintsAt = end;
			this.fingerprintsEnd = end;
		} else {
			end -= 2;
			this.restartInterval = block[end] | (block[end + 1] << 8);
			this.fingerprintsEnd = end;
			end -= count - FINGERPRINTED;
			this.fingerprintsAt = end;
			this.restartCount = this.restartInterval === 0 ? 0 : Math.ceil((count - FINGERPRINTED) / this.restartInterval);
		}
		return end - 4 * this.restartCount;
	}

	seekToFirst(): void {
		this.keyEnd = 0;
		this.valueEnd = 0;
		this.advance();
	}

	seekToLast(): void {
		this.walkToLastBefore(this.restartCount - 1, this.limit);
	}

	seek(bytes: Uint8Array, start: number, end: number): void {
		let low = 0;
		let high = this.restartCount - 1;
		while (low < high) {
			const middle = (low + high + 1) >>> 1;
			if (this.compareRestart(middle, bytes, start, end) < 0) low = middle;
			else high = middle - 1;
		}
		this.enterRun(low);
		while (this.valid && compareInternalKeys(this.keyBytes, 0, this.keyEnd, bytes, start, end) < 0) this.advance();
	}

	/**
	 * Moves to the first entry at or after `bytes[start, end)`, an internal key, that is of the same user key; to none when the block has none.
	 * @param fingerprint of the user key
	 */
	find(bytes: Uint8Array, start: number, end: number, fingerprint: number): void {
		const { block, fingerprintsAt, fingerprintsEnd } = this;
		this.valid = false;
		if (fingerprintsAt === fingerprintsEnd || fingerprintsEnd - fingerprintsAt > MOST_FINGERPRINTS) {
			this.seek(bytes, start, end);
			this.valid &&= this.isAtUserKey(bytes, start, end);
			return;
		}
		for (let at = fingerprintsAt; at < fingerprintsEnd; at++) {
			if (block[at] !== fingerprint) continue;
			this.moveTo(at - fingerprintsAt);
			if (!this.isAtUserKey(bytes, start, end)) continue;
			while (this.valid && compareInternalKeys(this.keyBytes, 0, this.keyEnd, bytes, start, end) < 0) this.advance();
			this.valid &&= this.isAtUserKey(bytes, start, end);
			return;
		}
		this.valid = false;
	}

	seekForPrev(bytes: Uint8Array, start: number, end: number): void {
		this.seek(bytes, start, end);
		if (!this.valid) this.seekToLast();
		else if (compareInternalKeys(this.keyBytes, 0, this.keyEnd, bytes, start, end) > 0) this.prev();
	}

	next(): void {
		this.advance();
	}

	prev(): void {
		const before = this.entryAt;
		if (this.passed.popBefore(before)) {
			this.stepBack(before);
			return;
		}
		let low = -1;
		let high = this.restartCount - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if (this.restartOffset(middle) < before) low = middle;
			else high = middle - 1;
		}
		if (low < 0) {
			this.valid = false;
			return;
		}
		this.walkToLastBefore(low, before);
	}

	/** As `packRun` of a SourceCursor, in this block; at what is rare, or wrong, it stops. */
	packRun(into: PackedChunk, sequence: number, upper: Uint8Array | undefined): void {
		const run = packPlainEntries(this.block, this.valueEnd, this.limit, into, sequence, upper);
		if (run.entryAt < 0) return;
		const { entryAt, trailerAt, end } = run;
		const userLength = into.index[2 * into.count - 2] - into.lastStart;
		if (userLength + TRAILER_SIZE > this.keyBytes.length) this.keyBytes = grow(this.keyBytes, 0, userLength + TRAILER_SIZE);
		copyBytes(into.bytes, into.lastStart, into.lastStart + userLength, this.keyBytes, 0);
		this.keyEnd = copyBytes(this.block, trailerAt, trailerAt + TRAILER_SIZE, this.keyBytes, userLength);
		this.entryAt = entryAt;
		this.valueStart = trailerAt + TRAILER_SIZE;
		this.valueEnd = end;
	}

	/** As `packRunBackward` of a SourceCursor, of the entries that were passed. */
	packRunBackward(into: PackedChunk, sequence: number, lower: Uint8Array | undefined): void {
		const { passed, block } = this;
		let { keyBytes, keyEnd, entryAt, valueStart, valueEnd } = this;
		let keyStart = 0;
		while (into.count < into.limit && passed.endsAt(entryAt)) {
			const userEnd = keyEnd - TRAILER_SIZE;
			if (keyBytes[userEnd] !== KIND_PUT || readSequence(keyBytes, userEnd) > sequence) break;
			if (passed.isOf(keyBytes, keyStart, userEnd)) break;
			if (lower !== undefined && compareBytes(keyBytes, keyStart, userEnd, lower, 0, lower.length) < 0) break;
			if (!into.pack(keyBytes, keyStart, userEnd, block, valueStart, valueEnd)) break;
			passed.popBefore(entryAt);
			({ keyBytes, keyStart, keyEnd, valueStart } = passed);
			valueEnd = entryAt;
			entryAt = passed.start;
		}
		if (entryAt !== this.entryAt) this.stepBack(valueEnd);
	}

	/** Checks what single reads need not: that the restart array names starts of entries, ascending, the first at 0. */
	verifyRestarts(): void {
		let restart = 0;
		for (this.seekToFirst(); this.valid && restart < this.restartCount; this.advance()) {
			if (this.restartOffset(restart) !== this.entryAt) continue;
			if (this.shared !== 0) throw this.malformed('a restart point shares bytes with the key before it', this.entryAt);
			restart++;
		}
		const empty = this.limit === 0 && this.restartCount === 1 && this.restartOffset(0) === 0;
		if (restart !== this.restartCount && !empty) throw this.malformed('a restart point is no entry', this.limit);
	}

	private isAtUserKey(bytes: Uint8Array, start: number, end: number): boolean {
		return compareBytes(this.keyBytes, 0, this.keyEnd - TRAILER_SIZE, bytes, start, end - TRAILER_SIZE) === 0;
	}

	/** Moves to an entry by its number. There are fingerprints. */
	private moveTo(position: number): void {
		const behind = position % this.restartInterval;
		this.enterRun((position - behind) / this.restartInterval);
		for (let i = 0; i < behind; i++) this.advance();
		if (!this.valid) throw this.malformed('it has more fingerprints than entries', this.limit);
	}

	/** Walks on from a restart point to the last entry that begins before `limit`. */
	private walkToLastBefore(restart: number, limit: number): void {
		this.passed.clear();
		this.enterRun(restart);
		while (this.valid && this.valueEnd < limit) {
			this.passed.push(this.entryAt, this.valueStart, this.valueEnd, this.keyBytes, this.keyEnd);
			this.advance();
		}
	}

	/** Moves to the entry that was popped, which ends at `end`. */
	private stepBack(end: number): void {
		const { passed } = this;
		this.keyEnd = copyBytes(passed.keyBytes, passed.keyStart, passed.keyEnd, this.keyBytes, 0);
		this.entryAt = passed.start;
		this.valueStart = passed.valueStart;
		this.valueEnd = end;
	}

	/** Moves to the first entry of a run; invalid when the block is empty. */
	private enterRun(restart: number): void {
		this.valid = false;
		this.keyEnd = 0;
		this.valueEnd = this.restartOffset(restart);
		this.advance();
	}

	private restartOffset(restart: number): number {
		const offset = readUint32(this.block, this.limit + 4 * restart);
		if (offset >= this.limit && offset !== 0) throw this.malformed(`restart point ${offset} is past the entries`, this.limit);
		return offset;
	}

	private compareRestart(restart: number, bytes: Uint8Array, start: number, end: number): number {
		const at = this.restartOffset(restart);
		this.readHeader(at, 0);
		return compareInternalKeys(this.block, this.keyAt, this.keyAt + this.unshared, bytes, start, end);
	}

	/** Moves to the entry behind the current one; its key builds on the current one. */
	private advance(): void {
		const at = this.valueEnd;
		this.valid = false;
		if (at >= this.limit) return;
		const valueLength = this.readHeader(at, this.keyEnd);
		const keyEnd = this.shared + this.unshared;
		if (keyEnd > this.keyBytes.length) this.keyBytes = grow(this.keyBytes, this.shared, keyEnd);
		const valueStart = this.keyAt + this.unshared;
		copyBytes(this.block, this.keyAt, valueStart, this.keyBytes, this.shared);
		if (this.checksKinds && this.keyBytes[keyEnd - TRAILER_SIZE] > KIND_PUT) {
			this.checkRareKind(this.keyBytes[keyEnd - TRAILER_SIZE], valueStart, valueLength, at);
		}
		this.keyEnd = keyEnd;
		this.entryAt = at;
		this.valueStart = valueStart;
		this.valueEnd = valueStart + valueLength;
		this.valid = true;
	}

	private checkRareKind(kind: number, valueStart: number, valueLength: number, at: number): void {
		if (kind === KIND_VALUE_POINTER) {
			if (readPointer(this.block, valueStart, valueStart + valueLength) !== undefined) return;
			throw this.malformed('a value pointer is malformed', at);
		}
		if (kind !== KIND_PUT_WITH_EXPIRY) throw this.malformed('an unknown kind of entry', at);
		if (valueLength < EXPIRY_SIZE) throw this.malformed('an entry that expires is too short to say when', at);
	}

	/** Reads the header at `at` into the fields, checks it, and returns the length of the value. */
	private readHeader(at: number, keyLength: number): number {
		const block = this.block;
		let valueLength: number;
		if (at + 3 <= this.limit && (block[at] | block[at + 1] | block[at + 2]) < 128) {
			this.shared = block[at];
			this.unshared = block[at + 1];
			valueLength = block[at + 2];
			this.keyAt = at + 3;
		} else {
			valueLength = this.readLongHeader(at);
		}
		if (
			this.shared > keyLength ||
			this.shared + this.unshared < this.minimumKeyLength ||
			this.keyAt + this.unshared + valueLength > this.limit
		) {
			throw this.malformed('the lengths of an entry do not fit', at);
		}
		return valueLength;
	}

	private readLongHeader(at: number): number {
		this.shared = readVarint32(this.block, at, this.limit);
		this.unshared = this.shared < 0 ? -1 : readVarint32(this.block, varint.end, this.limit);
		const valueLength = this.unshared < 0 ? -1 : readVarint32(this.block, varint.end, this.limit);
		if (valueLength < 0) throw this.malformed('a length is cut short or too long', at);
		this.keyAt = varint.end;
		return valueLength;
	}

	private malformed(what: string, at: number): CorruptionError {
		this.valid = false;
		const detail = this.path === undefined ? {} : { path: this.path, offset: this.origin + at };
		return new CorruptionError(`block is malformed at byte ${at}: ${what}`, detail);
	}
}
