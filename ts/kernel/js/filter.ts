/**
 * Blocked Bloom filter, part of the file format: do not change.
 *
 *     | line (64) … | line count (4) | probes (1) |
 *
 * hash = xxHash64(user key); line = floor(low × line count / 2^32); h = high, and for each probe h = h × 0x9E3779B1 (mod 2^32),
 * bit = h >>> 23 of the 512 bits of the line.
 *
 * Invariants:
 *  1. A key touches one 64-byte line: one cache miss a probe.
 *  2. Keys reach the builder once each; it keeps their hashes, because the number of lines depends on the number of keys.
 *  3. `low × line count` is below 2^53 (at most 2^21 − 1 lines): exact in a double.
 */
import { CorruptionError, type ErrorDetail } from '../../errors';
import { readUint32, writeUint32 } from './bytes';
import { hash, xxHash64 } from './xxhash64';

const LINE_SIZE = 64;
const TAIL_SIZE = 5;
const MAX_LINES = 2 ** 21 - 1;
const MAX_PROBES = 30;
const MULTIPLIER = 0x9e3779b1 | 0;

/** Collects the keys of one table and writes its filter block. */
export class FilterBuilder {
	private hashes = new Uint32Array(2048);
	private count = 0;

	constructor(
		private readonly milliBitsPerKey: number,
		private readonly probes: number,
	) {}

	/** Adds the user key `bytes[start, end)`, which was not added before. */
	add(bytes: Uint8Array, start: number, end: number): void {
		xxHash64(bytes, start, end);
		if (2 * this.count === this.hashes.length) {
			const larger = new Uint32Array(this.hashes.length * 2);
			larger.set(this.hashes);
			this.hashes = larger;
		}
		this.hashes[2 * this.count] = hash.low;
		this.hashes[2 * this.count + 1] = hash.high;
		this.count++;
	}

	finish(): Buffer {
		const wanted = Math.ceil((this.count * this.milliBitsPerKey) / 512_000);
		const lines = Math.min(Math.max(1, wanted), MAX_LINES);
		const filter = Buffer.alloc(lines * LINE_SIZE + TAIL_SIZE);
		for (let i = 0; i < this.count; i++) this.set(filter, lines, this.hashes[2 * i], this.hashes[2 * i + 1]);
		writeUint32(filter, lines * LINE_SIZE, lines);
		filter[filter.length - 1] = this.probes;
		return filter;
	}

	private set(filter: Buffer, lines: number, low: number, high: number): void {
		const line = Math.floor((low * lines) / 0x100000000) * LINE_SIZE;
		let h = high | 0;
		for (let i = 0; i < this.probes; i++) {
			h = Math.imul(h, MULTIPLIER);
			const bit = h >>> 23;
			filter[line + (bit >> 3)] |= 1 << (bit & 7);
		}
	}
}

/** A filter block that was checked. */
export class Filter {
	private readonly lines: number;
	private readonly probes: number;

	constructor(
		private readonly bytes: Uint8Array,
		detail?: ErrorDetail,
	) {
		const length = bytes.length;
		this.lines = length < TAIL_SIZE ? 0 : readUint32(bytes, length - TAIL_SIZE);
		this.probes = length < TAIL_SIZE ? 0 : bytes[length - 1];
		const sound = this.lines >= 1 && this.lines <= MAX_LINES && length === this.lines * LINE_SIZE + TAIL_SIZE;
		if (!sound || this.probes < 1 || this.probes > MAX_PROBES) {
			throw new CorruptionError(
				`filter block is malformed: ${length} bytes for ${this.lines} lines and ${this.probes} probes`,
				detail,
			);
		}
	}

	get size(): number {
		return this.bytes.length;
	}

	/** False when no key with this hash was added. */
	mayContain(low: number, high: number): boolean {
		const bytes = this.bytes;
		const line = Math.floor((low * this.lines) / 0x100000000) * LINE_SIZE;
		let h = high | 0;
		for (let i = this.probes; i > 0; i--) {
			h = Math.imul(h, MULTIPLIER);
			const bit = h >>> 23;
			if ((bytes[line + (bit >> 3)] & (1 << (bit & 7))) === 0) return false;
		}
		return true;
	}
}
