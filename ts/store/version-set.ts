/**
 * The current version and everything else that the manifest knows: file numbers, the last sequence number in tables, compaction
 * pointers.
 *
 * Invariants:
 *  1. A change is in the manifest, synced, before it is visible. Changes are made one after the other, in the order in which they were
 *     asked for, each by whoever comes first: the loop that waits for the disk, or `settleSync`, which does not return to the event loop.
 *  2. After a failed manifest record nothing changes any more and no file is deleted: the record may be on disk.
 *  3. A table or blob file is deleted only when no version that lists it is current or held by a reader.
 */
import { Deferred } from '../commit/deferred';
import type { KernelEngine } from '../kernel/kernel';
import type { ManifestWriter } from '../manifest/manifest';
import type { ManifestState } from '../manifest/state';
import type { TableMetadata } from '../manifest/table-metadata';
import type { Version } from '../manifest/version';
import type { VersionEdit } from '../manifest/version-edit';
import type { Health } from './health';
import type { StoreFiles } from './store-files';
import { TableReferences } from './table-references';

/** What a job changes; the rest of an edit the version set adds. */
export type Change = Partial<
	Pick<VersionEdit, 'logNumber' | 'lastSequence' | 'compactionPointers' | 'deletedTables' | 'addedTables' | 'addedBlobs'>
>;

/** A change that is not current yet. */
interface PendingChange {
	readonly change: Change;
	readonly onInstalled: () => void;
	readonly done: Deferred<void>;
	/** What it makes, from when its record is in the manifest. */
	recorded: Recorded | undefined;
}

interface Recorded {
	edit: VersionEdit;
	version: Version;
}

export class VersionSet {
	readonly #manifest: ManifestWriter;
	readonly #engine: KernelEngine;
	readonly #files: StoreFiles;
	readonly #health: Health;
	readonly #references: TableReferences;
	readonly compactionPointers: Map<number, Uint8Array>;
	#current: Version;
	#nextFileNumber: number;
	#lastSequence: number;
	/** The oldest first; only it can have been recorded. */
	readonly #pending: PendingChange[] = [];
	#loop: Promise<void> = Promise.resolve();
	#isLooping = false;

	constructor(state: ManifestState, manifest: ManifestWriter, engine: KernelEngine, files: StoreFiles, health: Health) {
		this.#manifest = manifest;
		this.#engine = engine;
		this.#files = files;
		this.#health = health;
		this.#current = state.version;
		this.#nextFileNumber = state.nextFileNumber;
		this.#lastSequence = state.lastSequence;
		this.compactionPointers = new Map(state.compactionPointers);
		this.#references = new TableReferences((tables, blobs) => this.#discard(tables, blobs));
		this.#references.retain(this.#current);
	}

	get current(): Version {
		return this.#current;
	}

	/** Sets `count` file numbers aside; returns the first. */
	allocate(count: number): number {
		const first = this.#nextFileNumber;
		this.#nextFileNumber += count;
		return first;
	}

	/** Holds the current version for a reader; returns the function that lets it go. */
	retain(): () => void {
		const version = this.#current;
		this.#references.retain(version);
		return () => this.#references.release(version);
	}

	/**
	 * Records a change in the manifest and makes it current.
	 * @param onInstalled runs in the same turn in which the version becomes current.
	 */
	apply(change: Change, onInstalled: () => void): Promise<void> {
		const done = new Deferred<void>();
		this.#pending.push({ change, onInstalled, done, recorded: undefined });
		if (!this.#isLooping) this.#loop = this.#makeAll();
		return done.promise;
	}

	/**
	 * Makes the changes that wait, on the calling thread.
	 * @throws what the first that failed is rejected with.
	 */
	settleSync(): void {
		const errors: unknown[] = [];
		for (const pending of [...this.#pending]) {
			try {
				const recorded = pending.recorded ?? this.#record(pending);
				if (this.#manifest.isSyncing || this.#manifest.isLong) this.#manifest.rotate(this.allocate(1));
				else this.#manifest.syncSync();
				this.#install(pending, recorded);
			} catch (error) {
				this.#refuse(pending, error as Error);
				errors.push(error);
			}
		}
		if (errors.length > 0) throw errors[0];
	}

	/** Waits for changes in flight and closes the manifest. */
	async close(): Promise<void> {
		await this.#loop;
		this.#manifest.close();
	}

	/** Makes one change after the other. What it finds made or refused when the disk has answered, `settleSync` has seen to. */
	async #makeAll(): Promise<void> {
		this.#isLooping = true;
		// Not in the turn in which the change is asked for: `settleSync` may follow, and needs no fsync on another thread.
		await undefined;
		for (let pending = this.#pending[0]; pending !== undefined; pending = this.#pending[0]) {
			try {
				const recorded = this.#record(pending);
				await this.#manifest.sync();
				if (this.#pending[0] !== pending) continue;
				if (this.#manifest.isLong) this.#manifest.rotate(this.allocate(1));
				this.#install(pending, recorded);
			} catch (error) {
				this.#refuse(pending, error as Error);
			}
		}
		this.#isLooping = false;
	}

	#record(pending: PendingChange): Recorded {
		this.#health.checkWritable();
		const { change } = pending;
		const edit: VersionEdit = {
			...change,
			compactionPointers: change.compactionPointers ?? [],
			deletedTables: change.deletedTables ?? [],
			addedTables: change.addedTables ?? [],
			nextFileNumber: this.#nextFileNumber,
			lastSequence: Math.max(this.#lastSequence, change.lastSequence ?? 0),
		};
		const recorded = { edit, version: this.#current.apply(edit) };
		pending.recorded = recorded;
		this.#manifest.append(edit);
		return recorded;
	}

	#install(pending: PendingChange, { edit, version }: Recorded): void {
		this.#pending.shift();
		const before = this.#current;
		this.#current = version;
		this.#lastSequence = edit.lastSequence as number;
		for (const [level, key] of edit.compactionPointers) this.compactionPointers.set(level, key);
		this.#references.retain(version);
		pending.onInstalled();
		this.#references.release(before);
		pending.done.resolve();
	}

	/** A change has failed. With its record in the manifest nobody knows whether it counts: no more changes, and no more writes. */
	#refuse(pending: PendingChange, error: Error): void {
		if (this.#pending[0] === pending) this.#pending.shift();
		if (pending.recorded !== undefined) this.#health.fail(error);
		pending.done.reject(error);
	}

	#discard(tables: TableMetadata[], blobs: number[]): void {
		this.#engine.dropTables(tables.map((table) => table.number));
		this.#engine.dropBlobs(blobs);
		this.#files.discard(tables, blobs);
	}
}
