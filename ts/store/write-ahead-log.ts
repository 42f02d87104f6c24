/**
 * The live write-ahead log: appends, group fsync, the interval timer and rotation.
 *
 * Invariants:
 *  1. A log is synced before the next one is begun: only the last log can have an unclean tail.
 *  2. The first failed append or fsync makes the store read-only; nothing is tried again on that file.
 *  3. Unsynced bytes never wait longer than the interval where one was asked for, also when nothing more is written.
 */
import { GroupSync } from '../commit/group-sync';
import type { Clock } from '../environment';
import type { WalWriter } from '../wal/wal-writer';
import type { Counters } from './counters';
import type { Health } from './health';

/** A record to append: `buffer[start, end)`. */
export interface RecordSpan {
	buffer: Uint8Array;
	start: number;
	end: number;
}

export interface WriteAheadLogOptions {
	syncIntervalMs: number;
	syncIntervalBytes: number;
}

export class WriteAheadLog {
	readonly #options: WriteAheadLogOptions;
	readonly #clock: Clock;
	readonly #health: Health;
	readonly #counters: Counters;
	#writer: WalWriter;
	#sync: GroupSync;
	/** Bytes appended since the last fsync began. */
	#unsyncedBytes = 0;
	#cancelTimer: (() => void) | undefined;

	constructor(writer: WalWriter, options: WriteAheadLogOptions, clock: Clock, health: Health, counters: Counters) {
		this.#writer = writer;
		this.#options = options;
		this.#clock = clock;
		this.#health = health;
		this.#counters = counters;
		this.#sync = this.#groupSync();
	}

	/** File number of the live log. */
	get number(): number {
		return this.#writer.number;
	}

	/** Bytes in the live log. */
	get size(): number {
		return this.#writer.size;
	}

	/** Is all that was appended durable? */
	get isSynced(): boolean {
		return this.#writer.isSynced;
	}

	/** Appends one record on the calling thread. */
	append(record: RecordSpan): void {
		const before = this.#writer.size;
		try {
			this.#writer.append(record.buffer, record.start, record.end);
		} catch (error) {
			this.#health.fail(error as Error);
			throw error;
		}
		this.#counters.walBytes += this.#writer.size - before;
		this.#unsyncedBytes += this.#writer.size - before;
	}

	/** Resolves when all that was appended is durable. */
	durable(): Promise<void> {
		this.#willSync();
		return this.#sync.wait();
	}

	/** Makes all that was appended durable, on the calling thread. */
	makeDurableSync(): void {
		this.#willSync();
		this.#counters.walSyncs++;
		try {
			this.#writer.syncSync();
		} catch (error) {
			this.#health.fail(error as Error);
			throw error;
		}
	}

	/** All that was appended becomes durable within the interval. */
	durableSoon(): void {
		if (this.#unsyncedBytes >= this.#options.syncIntervalBytes) {
			this.#syncInBackground();
			return;
		}
		if (this.#unsyncedBytes === 0 || this.#cancelTimer !== undefined) return;
		this.#cancelTimer = this.#clock.schedule(() => this.#syncInBackground(), this.#options.syncIntervalMs);
	}

	/** Syncs what of the live log is not, on the calling thread, and goes on in the one that `open` makes. */
	rotate(open: () => WalWriter): void {
		if (!this.isSynced) this.makeDurableSync();
		const closed = this.#writer;
		const sync = this.#sync;
		try {
			this.#writer = open();
		} catch (error) {
			this.#health.fail(error as Error);
			throw error;
		}
		this.#sync = this.#groupSync();
		// At once if possible: a loop that never returns to the event loop must not pile up open files.
		if (sync.isIdle) this.#close(closed);
		else sync.idle().then(() => this.#close(closed));
	}

	/**
	 * Makes everything durable, says so in the log, and closes the file.
	 * @param emptyBatch the record that says it: else damage of what was appended last would pass for what a loss of power leaves
	 */
	async close(emptyBatch: RecordSpan): Promise<void> {
		this.#willSync();
		await this.#sync.idle();
		try {
			if (this.#health.readOnlyCause === undefined) {
				await this.#sync.wait();
				if (this.#writer.size > 0) await this.#appendLast(emptyBatch);
			}
		} finally {
			this.#writer.close();
		}
	}

	/** Nothing is lost where that fails: the health tells, so that the store does not pass for closed in order, and the next open cuts the rest off. */
	async #appendLast(record: RecordSpan): Promise<void> {
		try {
			this.append(record);
			await this.#sync.wait();
		} catch {}
	}

	/** All of it is synced: a file that cannot be closed is reported, and loses nothing. */
	#close(writer: WalWriter): void {
		try {
			writer.close();
		} catch (error) {
			this.#health.report(error as Error);
		}
	}

	/** An fsync that begins now covers all that was appended: neither bytes nor timer are left over. */
	#willSync(): void {
		this.#unsyncedBytes = 0;
		this.#cancelTimer?.();
		this.#cancelTimer = undefined;
	}

	#syncInBackground(): void {
		this.#cancelTimer = undefined;
		// A failure makes the store read-only and is reported there.
		this.durable().catch(() => undefined);
	}

	#groupSync(): GroupSync {
		const writer = this.#writer;
		const file = {
			sync: () => {
				this.#counters.walSyncs++;
				return writer.sync();
			},
		};
		return new GroupSync(file, (error) => this.#health.fail(error));
	}
}
