/**
 * The entries that a walk from a restart point to a later entry has passed, decoded. Going backward takes them from here one by one: to
 * walk from the restart point again for each would cost half an interval an entry.
 */
import { copyBytes, grow } from '../bytes';
import { TRAILER_SIZE } from '../internal-key';

export class Passed {
	private readonly entries: number[] = [];
	/** Their keys, one behind the other. */
	private keys: Buffer = Buffer.allocUnsafeSlow(64);
	private keysEnd = 0;

	// The entry that was popped last, by its offsets in the block, and where its key lies.
	start = 0;
	valueStart = 0;
	keyStart = 0;
	keyEnd = 0;

	get keyBytes(): Buffer {
		return this.keys;
	}

	clear(): void {
		this.entries.length = 0;
		this.keysEnd = 0;
	}

	push(start: number, valueStart: number, valueEnd: number, key: Buffer, keyLength: number): void {
		const end = this.keysEnd + keyLength;
		if (end > this.keys.length) this.keys = grow(this.keys, this.keysEnd, end);
		copyBytes(key, 0, keyLength, this.keys, this.keysEnd);
		this.entries.push(start, valueStart, valueEnd, this.keysEnd);
		this.keysEnd = end;
	}

	/** Does the entry that was passed last end at `start`? */
	endsAt(start: number): boolean {
		const { entries } = this;
		return entries.length > 0 && entries[entries.length - 2] === start;
	}

	/** Is the entry that was passed last of the user key `key[start, end)`? From the end, because neighbours mostly differ there. */
	isOf(key: Uint8Array, start: number, end: number): boolean {
		const { entries, keys } = this;
		const from = entries[entries.length - 1];
		if (this.keysEnd - TRAILER_SIZE - from !== end - start) return false;
		for (let i = end - start - 1; i >= 0; i--) if (keys[from + i] !== key[start + i]) return false;
		return true;
	}

	/** Takes the entry that ends where another begins, if it was the last to be passed. */
	popBefore(start: number): boolean {
		if (!this.endsAt(start)) return false;
		const { entries } = this;
		this.keyEnd = this.keysEnd;
		this.keyStart = entries.pop() as number;
		this.keysEnd = this.keyStart;
		entries.pop();
		this.valueStart = entries.pop() as number;
		this.start = entries.pop() as number;
		return true;
	}
}
