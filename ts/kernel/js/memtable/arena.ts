/**
 * The bytes of a memtable: entries one after another in one shared buffer of fixed capacity.
 *
 *     entry: | key length (4) | value length (4) | user key | trailer (8) | value | 0 … 3 bytes of padding |
 *
 * Invariants:
 *  1. An entry never moves or changes. It is named by a reference: its offset divided by 4, so 32 bits reach 16 GiB.
 *  2. Key and trailer are adjacent: together they are the internal key.
 *  3. The buffer is shared memory: the thread of the flush job reads it in place.
 *  4. An entry costs at most 19 bytes on top of key and value, within MEMTABLE_ENTRY_OVERHEAD.
 */
import { ResourceError } from '../../../errors';
import { copyBytes } from '../bytes';
import { TRAILER_SIZE, writeTrailer } from '../internal-key';

const HEADER_SIZE = 8;
/** The ballast comes when this part of the arena is in use. */
const BALLAST_PART = 8;

export class Arena {
	readonly bytes: Buffer;
	private readonly words: Uint32Array;
	/**
	 * Memory that nobody touches, and that therefore takes none. The runtime does not count shared memory when it decides whether to collect
	 * garbage, so memtables that are no longer used would stay for long; it counts this. One that holds next to nothing has none: it is not
	 * worth a collection.
	 */
	private ballast: ArrayBuffer | undefined;

	private constructor(
		readonly shared: SharedArrayBuffer,
		public used: number,
	) {
		this.bytes = Buffer.from(shared);
		this.words = new Uint32Array(shared);
	}

	/** @throws ResourceError when the runtime cannot give that much memory in one piece. */
	static allocate(capacity: number): Arena {
		try {
			return new Arena(new SharedArrayBuffer(Math.ceil(capacity / 4) * 4), 0);
		} catch (error) {
			throw new ResourceError(`a memtable of ${capacity} bytes cannot be allocated: choose a smaller one`, { cause: error });
		}
	}

	/** An arena that another thread has filled. */
	static attach(shared: SharedArrayBuffer, used: number): Arena {
		return new Arena(shared, used);
	}

	/** Sequence number of the entry appended last: the highest. */
	newestSequence = 0;

	/** Appends an entry from ranges of `source` and returns its reference. */
	append(
		source: Uint8Array,
		keyStart: number,
		keyEnd: number,
		valueStart: number,
		valueEnd: number,
		sequence: number,
		kind: number,
	): number {
		const at = this.used;
		const keyLength = keyEnd - keyStart;
		const valueLength = valueEnd - valueStart;
		const end = at + HEADER_SIZE + keyLength + TRAILER_SIZE + valueLength;
		if (end > this.bytes.length) throw new ResourceError(`the memtable is full: its ${this.bytes.length} bytes are used up`);
		const reference = at / 4;
		this.words[reference] = keyLength;
		this.words[reference + 1] = valueLength;
		let next = copyBytes(source, keyStart, keyEnd, this.bytes, at + HEADER_SIZE);
		next = writeTrailer(this.bytes, next, sequence, kind);
		copyBytes(source, valueStart, valueEnd, this.bytes, next);
		this.used = Math.ceil(end / 4) * 4;
		this.newestSequence = sequence;
		if (this.ballast === undefined && end > this.bytes.length / BALLAST_PART) this.ballast = new ArrayBuffer(this.bytes.length);
		return reference;
	}

	keyStart(reference: number): number {
		return reference * 4 + HEADER_SIZE;
	}

	/** End of the internal key, start of the value. */
	keyEnd(reference: number): number {
		return reference * 4 + HEADER_SIZE + this.words[reference] + TRAILER_SIZE;
	}

	valueEnd(reference: number): number {
		return this.keyEnd(reference) + this.words[reference + 1];
	}
}
