/**
 * The write-ahead log: appends to the live file, group fsync, the interval timer and rotation.
 *
 * Invariants:
 *  1. A log need not be synced when the next one is begun: what it holds may be in a table before anybody asks for it. Until then the logs are
 *     synced oldest first, and one says that those before it are durable when they are (see `wal-replay.ts` for what recovery makes of it).
 *  2. The first failed append or fsync makes the store read-only; nothing is tried again on that file.
 *  3. Unsynced bytes never wait longer than the interval where one was asked for, also when nothing more is written.
 *  4. No file is closed under an fsync that is in flight.
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
	/** Rotated logs that are not closed yet, oldest first. */
	#older: WalWriter[] = [];
	/** Logs below are no longer needed. */
	#needed = 0;
	readonly #sync: GroupSync;
	/** Bytes appended since the last fsync began. */
	#unsyncedBytes = 0;
	#cancelTimer: (() => void) | undefined;

	constructor(writer: WalWriter, options: WriteAheadLogOptions, clock: Clock, health: Health, counters: Counters) {
		this.#writer = writer;
		this.#options = options;
		this.#clock = clock;
		this.#health = health;
		this.#counters = counters;
		this.#sync = new GroupSync({ sync: () => this.#syncAll() }, (error) => health.fail(error));
		this.#closeOlder();
	}

	/** File number of the live log. */
	get number(): number {
		return this.#writer.number;
	}

	/** Bytes in the live log. */
	get size(): number {
		return this.#writer.size;
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
		try {
			for (const writer of this.#unsynced()) {
				this.#counters.walSyncs++;
				writer.syncSync();
			}
		} catch (error) {
			this.#health.fail(error as Error);
			throw error;
		}
		this.#closeOlder();
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

	/** Goes on in the log that `open` makes. */
	rotate(open: () => WalWriter): void {
		const rotated = this.#writer;
		try {
			this.#writer = open();
		} catch (error) {
			this.#health.fail(error as Error);
			throw error;
		}
		this.#older.push(rotated);
		this.#closeOlder();
	}

	/** Logs below a number are no longer needed: what of them is not synced never will be. */
	release(number: number): void {
		this.#needed = number;
		this.#closeOlder();
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
			for (const writer of this.#older) this.#close(writer);
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

	/** Oldest first. */
	#unsynced(): WalWriter[] {
		return [...this.#older, this.#writer].filter((writer) => writer.number >= this.#needed && !writer.isSynced);
	}

	async #syncAll(): Promise<void> {
		for (const writer of this.#unsynced()) {
			// A flush may have made it useless meanwhile, and deleted its file.
			if (writer.number < this.#needed) continue;
			this.#counters.walSyncs++;
			await writer.sync();
		}
		this.#closeOlder(true);
	}

	/**
	 * Closes logs that are synced or no longer needed, from the oldest on.
	 * @param isLast the fsync that is in flight has done its last file
	 */
	#closeOlder(isLast = false): void {
		if (!this.#sync.isIdle && !isLast) return;
		while (this.#older.length > 0 && (this.#older[0].number < this.#needed || this.#older[0].isSynced)) {
			this.#close(this.#older.shift() as WalWriter);
		}
		if (this.#older.length === 0) this.#writer.earlierIsDurable();
	}

	/** Nothing of it waits for an fsync: a file that cannot be closed is reported, and loses nothing. */
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
}
