/**
 * The literals of a zstd block (RFC 8878, 3.1.1.3.1).
 *
 *     | type (2 bits) size format (2 bits) sizes … | Huffman code | jump table (6) when there are four streams | stream … |
 *
 * Invariant: the literals fit into a block, or the section is malformed.
 */
import { HuffmanTable } from './huffman';

export const MOST_BLOCK_BYTES = 128 * 1024;
const RAW = 0;
const RLE = 1;
const COMPRESSED = 2;

export class Literals {
	readonly bytes = Buffer.allocUnsafeSlow(MOST_BLOCK_BYTES);
	size = 0;
	private readonly table = new HuffmanTable();
	/** Is there a code that a section may take over? */
	private hasTable = false;

	/** Begins a frame. */
	reset(): void {
		this.hasTable = false;
	}

	/** Decodes the section that begins at `at`; answers the position behind it, or -1 when it is malformed. */
	read(stored: Buffer, at: number, end: number): number {
		if (end - at < 1) return -1;
		const type = stored[at] & 3;
		const format = (stored[at] >>> 2) & 3;
		return type === RAW || type === RLE
			? this.readPlain(stored, at, end, type, format)
			: this.readCoded(stored, at, end, type, format);
	}

	private readPlain(stored: Buffer, at: number, end: number, type: number, format: number): number {
		const headerSize = format === 1 ? 2 : format === 3 ? 3 : 1;
		if (end - at < headerSize) return -1;
		const size = headerSize === 1 ? stored[at] >>> 3 : stored.readUIntLE(at, headerSize) >>> 4;
		at += headerSize;
		const storedSize = type === RAW ? size : 1;
		if (size > MOST_BLOCK_BYTES || storedSize > end - at) return -1;
		if (type === RAW) stored.copy(this.bytes, 0, at, at + size);
		else this.bytes.fill(stored[at], 0, size);
		this.size = size;
		return at + storedSize;
	}

	private readCoded(stored: Buffer, at: number, end: number, type: number, format: number): number {
		const headerSize = format < 2 ? 3 : format + 2;
		if (end - at < headerSize) return -1;
		const sizeBits = format < 2 ? 10 : 4 * format + 6;
		const header = Math.floor(stored.readUIntLE(at, headerSize) / 16);
		const size = header % (1 << sizeBits);
		at += headerSize;
		const behind = at + Math.floor(header / (1 << sizeBits));
		if (size > MOST_BLOCK_BYTES || behind > end || at >= behind) return -1;
		if (type === COMPRESSED) {
			at = this.table.read(stored, at, behind);
			this.hasTable = at >= 0;
		}
		if (!this.hasTable) return -1;
		this.size = size;
		const decoded =
			format === 0 ? this.table.decode(stored, at, behind, this.bytes, 0, size) : this.readFourStreams(stored, at, behind);
		return decoded ? behind : -1;
	}

	private readFourStreams(stored: Buffer, at: number, end: number): boolean {
		const part = (this.size + 3) >>> 2;
		if (end - at < 6 || 3 * part > this.size) return false;
		const jumps = at;
		at += 6;
		for (let i = 0; i < 4; i++) {
			const next = i === 3 ? end : at + stored.readUInt16LE(jumps + 2 * i);
			const stop = i === 3 ? this.size : (i + 1) * part;
			if (next > end || !this.table.decode(stored, at, next, this.bytes, i * part, stop)) return false;
			at = next;
		}
		return true;
	}
}
