/**
 * Snapshots: the store as it was at one sequence number.
 *
 * A snapshot pins a sequence number, not files: flush and compaction are told the living ones and keep for each the newest version
 * it can see. One that is forgotten is released when it is collected, and counted.
 */
import { ClosedError, ConfigError } from '../errors';

declare const brand: unique symbol;

/** A point in time to read at. Close it when done: it keeps old versions on disk. */
export class Snapshot {
	/** The sequence number up to which this snapshot sees. */
	readonly sequence: number;
	/** Type tag: snapshots come from `Database.snapshot()` only. */
	declare readonly [brand]: true;
	readonly #registry: SnapshotRegistry;
	readonly #token: object = {};
	#closed = false;

	/** @internal */
	constructor(registry: SnapshotRegistry, sequence: number) {
		this.sequence = sequence;
		this.#registry = registry;
		registry.add(this, this.#token, sequence);
	}

	/** Lets flush and compaction drop what only this snapshot sees. Idempotent. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#registry.remove(this.#token, this.sequence);
	}

	[Symbol.dispose](): void {
		this.close();
	}

	/** @internal The sequence number, for a read on the database of `registry`. */
	sequenceFor(registry: SnapshotRegistry): number {
		if (this.#closed) throw new ClosedError('The snapshot is closed. Take a new one with database.snapshot().');
		if (this.#registry !== registry) throw new ConfigError('The snapshot belongs to another database.');
		return this.sequence;
	}
}

/** The living snapshots of one database. */
export class SnapshotRegistry {
	readonly #counts = new Map<number, number>();
	readonly #finalizer: FinalizationRegistry<number>;
	#living = 0;
	/** Snapshots that were collected without being closed. */
	forgotten = 0;
	/** Called when no snapshot at a sequence number is left. */
	onRelease: ((sequence: number) => void) | undefined;

	constructor() {
		this.#finalizer = new FinalizationRegistry((sequence) => {
			this.forgotten++;
			this.#release(sequence);
		});
	}

	get living(): number {
		return this.#living;
	}

	/** Sequence numbers of the living snapshots, ascending, each once. */
	sequences(): number[] {
		return [...this.#counts.keys()].sort((a, b) => a - b);
	}

	/** @internal */
	add(snapshot: Snapshot, token: object, sequence: number): void {
		this.#living++;
		this.#counts.set(sequence, (this.#counts.get(sequence) ?? 0) + 1);
		this.#finalizer.register(snapshot, sequence, token);
	}

	/** @internal */
	remove(token: object, sequence: number): void {
		this.#finalizer.unregister(token);
		this.#release(sequence);
	}

	#release(sequence: number): void {
		this.#living--;
		const count = (this.#counts.get(sequence) ?? 1) - 1;
		if (count > 0) {
			this.#counts.set(sequence, count);
			return;
		}
		this.#counts.delete(sequence);
		this.onRelease?.(sequence);
	}
}
