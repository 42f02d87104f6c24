/**
 * Which tables and blob files somebody may still read: those of the current version, and those of versions that iterators and reads in
 * flight hold on to.
 *
 * Invariant: a table or blob file is reported as unreferenced once, when the last version that lists it is gone; from then on no read can
 * reach it.
 */
import type { TableMetadata } from '../manifest/table-metadata';
import type { Version } from '../manifest/version';

export class TableReferences {
	readonly #tables = new Map<number, { table: TableMetadata; versions: number }>();
	readonly #blobs = new Map<number, number>();
	readonly #versions = new Map<Version, number>();
	readonly #onUnreferenced: (tables: TableMetadata[], blobs: number[]) => void;

	constructor(onUnreferenced: (tables: TableMetadata[], blobs: number[]) => void) {
		this.#onUnreferenced = onUnreferenced;
	}

	retain(version: Version): void {
		const count = this.#versions.get(version) ?? 0;
		this.#versions.set(version, count + 1);
		if (count > 0) return;
		for (const table of version.levels.flat()) {
			const entry = this.#tables.get(table.number);
			if (entry === undefined) this.#tables.set(table.number, { table, versions: 1 });
			else entry.versions++;
		}
		for (const file of version.blobs.keys()) this.#blobs.set(file, (this.#blobs.get(file) ?? 0) + 1);
	}

	release(version: Version): void {
		const count = (this.#versions.get(version) ?? 0) - 1;
		if (count > 0) {
			this.#versions.set(version, count);
			return;
		}
		this.#versions.delete(version);
		const unreferenced: TableMetadata[] = [];
		for (const { number } of version.levels.flat()) {
			const entry = this.#tables.get(number);
			if (entry === undefined || --entry.versions > 0) continue;
			this.#tables.delete(number);
			unreferenced.push(entry.table);
		}
		const blobs = [...version.blobs.keys()].filter((file) => this.#releaseBlob(file));
		if (unreferenced.length > 0 || blobs.length > 0) this.#onUnreferenced(unreferenced, blobs);
	}

	/** Was that the last version that lists the blob file? */
	#releaseBlob(file: number): boolean {
		const versions = (this.#blobs.get(file) ?? 0) - 1;
		if (versions > 0) this.#blobs.set(file, versions);
		else this.#blobs.delete(file);
		return versions <= 0;
	}
}
