/**
 * Writes one block, part of the file format: do not change.
 *
 *     | entry … | restart offset (4) … | restart count (4) |
 *     | entry … | restart offset (4) … | fingerprint (1) … | restart interval (2) | 2^31 + entry count (4) |      data blocks
 *     entry: | shared (varint) | unshared (varint) | value length (varint) | key bytes (unshared) | value |
 *
 * Invariants:
 *  1. Keys come in order. Every `restartInterval` entries, starting with the first, `shared` is 0 and the offset is a restart.
 *  2. A block without entries has one restart, 0.
 *  3. All entries of a block have a fingerprint, or none has. With them, restart points count = entry count / restart interval, rounded up.
 *  4. `finish` answers a view of the builder's own buffer: it holds until `reset`.
 */
import { copyBytes, EMPTY, grow, writeUint32 } from '../bytes';
import { varintLength, writeVarint } from '../varint';

/** In the last four bytes of a block: its entries have fingerprints. */
export const FINGERPRINTED = 2 ** 31;

/** The fingerprint of a user key whose hash (xxHash64, seed 0) has this low half. Part of the file format: do not change. */
export function fingerprintOf(low: number): number {
	return low & 0xff;
}

export class BlockBuilder {
	private bytes: Buffer;
	private used = 0;
	private restarts = new Uint32Array(64);
	private restartCount = 1;
	private fingerprints: Buffer = EMPTY;
	private fingerprintCount = 0;
	private sinceRestart = 0;
	private lastKey: Buffer = EMPTY;
	private lastKeyLength = 0;
	/** Entries since `reset`. */
	entries = 0;

	constructor(
		private readonly restartInterval: number,
		expectedSize = 4096,
	) {
		this.bytes = Buffer.allocUnsafeSlow(expectedSize);
	}

	/** Size of the block if it were finished now. */
	get encodedSize(): number {
		const fingerprints = this.fingerprintCount === 0 ? 0 : this.fingerprintCount + 2;
		return this.used + 4 * this.restartCount + fingerprints + 4;
	}

	reset(): void {
		this.used = 0;
		this.restartCount = 1;
		this.fingerprintCount = 0;
		this.sinceRestart = 0;
		this.entries = 0;
		this.lastKeyLength = 0;
	}

	add(key: Uint8Array, keyStart: number, keyEnd: number, value: Uint8Array, valueStart: number, valueEnd: number): void {
		if (this.sinceRestart === this.restartInterval) this.startRun();
		const shared = this.sinceRestart === 0 ? 0 : this.sharedPrefix(key, keyStart, keyEnd);
		const unshared = keyEnd - keyStart - shared;
		const valueLength = valueEnd - valueStart;
		const header = varintLength(shared) + varintLength(unshared) + varintLength(valueLength);
		this.bytes = grow(this.bytes, this.used, this.used + header + unshared + valueLength);
		let at = writeVarint(this.bytes, this.used, shared);
		at = writeVarint(this.bytes, at, unshared);
		at = writeVarint(this.bytes, at, valueLength);
		at = copyBytes(key, keyStart + shared, keyEnd, this.bytes, at);
		this.used = copyBytes(value, valueStart, valueEnd, this.bytes, at);
		this.rememberKey(key, keyStart, keyEnd, shared);
		this.sinceRestart++;
		this.entries++;
	}

	/** Gives the entry that was added last its fingerprint, in a data block. */
	addFingerprint(fingerprint: number): void {
		this.fingerprints = grow(this.fingerprints, this.fingerprintCount, this.fingerprintCount + 1);
		this.fingerprints[this.fingerprintCount++] = fingerprint;
	}

	/** The encoded block; `reserve` more bytes are left behind it in the same buffer. */
	finish(reserve = 0): Buffer {
		const size = this.encodedSize;
		this.bytes = grow(this.bytes, this.used, size + reserve);
		let at = this.used;
		for (let i = 0; i < this.restartCount; i++) at = writeUint32(this.bytes, at, this.restarts[i]);
		if (this.fingerprintCount === 0) {
			writeUint32(this.bytes, at, this.restartCount);
		} else {
			at = copyBytes(this.fingerprints, 0, this.fingerprintCount, this.bytes, at);
			this.bytes[at] = this.restartInterval;
			this.bytes[at + 1] = this.restartInterval >>> 8;
			writeUint32(this.bytes, at + 2, FINGERPRINTED + this.entries);
		}
		return this.bytes.subarray(0, size + reserve);
	}

	private startRun(): void {
		if (this.restartCount === this.restarts.length) {
			const larger = new Uint32Array(this.restarts.length * 2);
			larger.set(this.restarts);
			this.restarts = larger;
		}
		this.restarts[this.restartCount++] = this.used;
		this.sinceRestart = 0;
	}

	private sharedPrefix(key: Uint8Array, start: number, end: number): number {
		const limit = Math.min(this.lastKeyLength, end - start);
		let shared = 0;
		while (shared < limit && this.lastKey[shared] === key[start + shared]) shared++;
		return shared;
	}

	private rememberKey(key: Uint8Array, start: number, end: number, shared: number): void {
		this.lastKeyLength = end - start;
		this.lastKey = grow(this.lastKey, shared, this.lastKeyLength);
		copyBytes(key, start + shared, end, this.lastKey, shared);
	}
}
