/**
 * The bytes of a memtable: the operations of its records as they came, from the start of one shared buffer of fixed capacity, and from
 * its end, downwards, a table of its entries.
 *
 *     | operation … | 0 … 7 bytes of padding | operation … | …  free  … | entry 2 | entry 1 | entry 0 |
 *
 *     entry: | where the user key starts (4) | length of the user key (4) | trailer: lower half (4), upper half (4) |
 *
 * The Rust twin copies each entry by itself, key, trailer and value side by side. Here a record is copied whole: a call into the runtime
 * for each of its operations costs more than the copy.
 *
 * Invariants:
 *  1. An entry never moves or changes. It is named by its number, in the order of insertion.
 *  2. The buffer is shared memory: the thread of the flush job reads it in place.
 *  3. The runtime copies into shared memory by single bytes unless both ends have the same place within a word: a record starts where it
 *     does.
 *  4. An entry costs at most MEMTABLE_ENTRY_OVERHEAD on top of key and value: 16 bytes in the table, 9 for kind and lengths, and padding.
 */
import { ResourceError } from '../../../errors';
import { copyBytes } from '../bytes';
import { readVarint32, varint } from '../varint';

const WORD_SIZE = 8;
/** 32-bit numbers of an entry in the table. */
const ENTRY_NUMBERS = 4;
const ENTRY_SIZE = 4 * ENTRY_NUMBERS;
/** The ballast comes when this part of the arena is in use. */
const BALLAST_PART = 8;

export class Arena {
	readonly bytes: Buffer;
	private readonly numbers: Uint32Array;
	/**
	 * Memory that nobody touches, and that therefore takes none. The runtime does not count shared memory when it decides whether to collect
	 * garbage, so memtables that are no longer used would stay for long; it counts this. One that holds next to nothing has none: it is not
	 * worth a collection.
	 */
	private ballast: ArrayBuffer | undefined;
	/** Sequence number of the entry added last: the highest. */
	newestSequence = 0;

	private constructor(
		readonly shared: SharedArrayBuffer,
		/** Where the operations end. */
		public end: number,
		/** Entries in the table. */
		public entries: number,
	) {
		this.bytes = Buffer.from(shared);
		this.numbers = new Uint32Array(shared);
	}

	/** @throws ResourceError when the runtime cannot give that much memory in one piece. */
	static allocate(capacity: number): Arena {
		try {
			return new Arena(new SharedArrayBuffer(Math.ceil(capacity / WORD_SIZE) * WORD_SIZE), 0, 0);
		} catch (error) {
			throw new ResourceError(`a memtable of ${capacity} bytes cannot be allocated: choose a smaller one`, { cause: error });
		}
	}

	/** An arena that another thread has filled. */
	static attach(shared: SharedArrayBuffer, end: number, entries: number): Arena {
		return new Arena(shared, end, entries);
	}

	/** Bytes in use. */
	get used(): number {
		return this.end + this.entries * ENTRY_SIZE;
	}

	/** Copies the operations `source[start, end)` of a record and returns where they start. */
	copyOperations(source: Uint8Array, start: number, end: number): number {
		const at = this.end + ((source.byteOffset + start - this.end) & (WORD_SIZE - 1));
		this.checkRoom(at + end - start + this.entries * ENTRY_SIZE);
		this.end = copyBytes(source, start, end, this.bytes, at);
		this.ballast ??= this.used > this.bytes.length / BALLAST_PART ? new ArrayBuffer(this.bytes.length) : undefined;
		return at;
	}

	/** Adds an entry, whose operation is in the arena, and returns its number. */
	add(keyStart: number, keyLength: number, sequence: number, kind: number): number {
		const entry = this.entries;
		this.checkRoom(this.used + ENTRY_SIZE);
		this.entries++;
		const { numbers } = this;
		const at = this.place(entry);
		numbers[at] = keyStart;
		numbers[at + 1] = keyLength;
		numbers[at + 2] = (sequence << 8) | kind;
		numbers[at + 3] = sequence / 0x1000000;
		this.newestSequence = sequence;
		return entry;
	}

	keyStart(entry: number): number {
		return this.numbers[this.place(entry)];
	}

	/** End of the user key. */
	keyEnd(entry: number): number {
		const at = this.place(entry);
		return this.numbers[at] + this.numbers[at + 1];
	}

	kind(entry: number): number {
		return this.numbers[this.place(entry) + 2] & 0xff;
	}

	sequence(entry: number): number {
		const at = this.place(entry);
		return this.numbers[at + 3] * 0x1000000 + (this.numbers[at + 2] >>> 8);
	}

	/** Start of the value; its end is left in `varint.end`. */
	valueStart(entry: number): number {
		const length = readVarint32(this.bytes, this.keyEnd(entry), this.bytes.length);
		const start = varint.end;
		varint.end += length;
		return start;
	}

	/** Where the numbers of an entry are. */
	private place(entry: number): number {
		return this.numbers.length - ENTRY_NUMBERS * (entry + 1);
	}

	private checkRoom(needed: number): void {
		if (needed > this.bytes.length) throw new ResourceError(`the memtable is full: its ${this.bytes.length} bytes are used up`);
	}
}
