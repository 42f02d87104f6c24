/**
 * A user key in a buffer of its own, with room for a trailer behind it.
 *
 * Invariant: nothing is allocated for a key that is no longer than one before it.
 */
import { copyBytes, EMPTY, grow } from './bytes';
import { TRAILER_SIZE, writeTrailer } from './internal-key';

export class KeyCopy {
	bytes: Buffer = EMPTY;
	length = 0;
	present = false;

	set(source: Uint8Array, start: number, end: number): void {
		this.length = end - start;
		this.bytes = grow(this.bytes, 0, this.length + TRAILER_SIZE);
		copyBytes(source, start, end, this.bytes, 0);
		this.present = true;
	}

	/** From the end, because neighbours mostly differ there. */
	equals(source: Uint8Array, start: number, end: number): boolean {
		if (!this.present || end - start !== this.length) return false;
		for (let i = this.length - 1; i >= 0; i--) if (this.bytes[i] !== source[start + i]) return false;
		return true;
	}

	/** The internal key of this user key with the given trailer; answers its length. */
	withTrailer(sequence: number, kind: number): number {
		return writeTrailer(this.bytes, this.length, sequence, kind);
	}
}
