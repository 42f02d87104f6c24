/**
 * Entries that expire, part of the file format: do not change.
 *
 *     value of a put with expiry: | expires at (8): milliseconds since the epoch | value |
 *
 * Invariants:
 *  1. From the moment at which it expires on, an entry is a tombstone to every reader: it hides older versions and has no value.
 *  2. A read asks for the time when it meets such an entry, and once: all that it returns is of one moment.
 *  3. Memtables and data blocks hold no put with expiry that is too short to say when: it is refused where it enters.
 */
import { EXPIRY_SIZE, KIND_PUT_WITH_EXPIRY } from '../kernel';
import { readUint64 } from './bytes';

/** Is an entry of this kind, whose value begins at `valueStart`, a put that has expired at `now`? */
export function hasExpired(kind: number, bytes: Uint8Array, valueStart: number, now: number): boolean {
	return kind === KIND_PUT_WITH_EXPIRY && readUint64(bytes, valueStart) <= now;
}

/** Bytes of an entry's value that are not its reader's. */
export function expirySize(kind: number): number {
	return kind === KIND_PUT_WITH_EXPIRY ? EXPIRY_SIZE : 0;
}

/** Where reads take their time from: the system, unless one is set. */
export class TimeSource {
	/** Milliseconds since the epoch; undefined: those of the system. */
	fixed: number | undefined;

	/** Milliseconds since the epoch. */
	now(): number {
		return this.fixed ?? Date.now();
	}
}

/** The time of one read, which is taken when it is first asked for. */
export class Moment {
	private taken: number | undefined;

	constructor(private readonly source: TimeSource) {}

	now(): number {
		this.taken ??= this.source.now();
		return this.taken;
	}

	/** For the next read. */
	reset(): void {
		this.taken = undefined;
	}
}
