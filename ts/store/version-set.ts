/**
 * The current version and everything else that the manifest knows: file numbers, the last sequence number in tables, compaction
 * pointers.
 *
 * Invariants:
 *  1. A change is in the manifest, synced, before it is visible. Changes are made one after the other.
 *  2. After a failed manifest record nothing changes any more and no file is deleted: the record may be on disk.
 *  3. A table or blob file is deleted only when no version that lists it is current or held by a reader.
 */
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
	#tail: Promise<void> = Promise.resolve();

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
		const result = this.#tail.then(() => this.#apply(change, onInstalled));
		this.#tail = result.catch(() => undefined);
		return result;
	}

	/** Waits for changes in flight and closes the manifest. */
	async close(): Promise<void> {
		await this.#tail;
		this.#manifest.close();
	}

	async #apply(change: Change, onInstalled: () => void): Promise<void> {
		this.#health.checkWritable();
		const edit: VersionEdit = {
			...change,
			compactionPointers: change.compactionPointers ?? [],
			deletedTables: change.deletedTables ?? [],
			addedTables: change.addedTables ?? [],
			nextFileNumber: this.#nextFileNumber,
			lastSequence: Math.max(this.#lastSequence, change.lastSequence ?? 0),
		};
		const version = this.#current.apply(edit);
		try {
			await this.#manifest.append(edit);
			if (this.#manifest.isLong) this.#manifest.rotate(this.allocate(1));
		} catch (error) {
			this.#health.fail(error as Error);
			throw error;
		}
		const before = this.#current;
		this.#current = version;
		this.#lastSequence = edit.lastSequence as number;
		for (const [level, key] of edit.compactionPointers) this.compactionPointers.set(level, key);
		this.#references.retain(version);
		onInstalled();
		this.#references.release(before);
	}

	#discard(tables: TableMetadata[], blobs: number[]): void {
		this.#engine.dropTables(tables.map((table) => table.number));
		this.#engine.dropBlobs(blobs);
		this.#files.removeTables(tables);
		this.#files.removeBlobs(blobs);
	}
}
