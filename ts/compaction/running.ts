/**
 * The compactions that run, and the tree with them as a strategy sees it.
 *
 * Invariant: a compaction is listed until its edit is in the version, or it has failed.
 */

import { endOf, type TableMetadata, userKeyOf } from '../manifest/table-metadata';
import type { Version } from '../manifest/version';
import { garbageFiles } from '../store/blob-jobs';
import type { StoreContext } from '../store/context';
import { type Compaction, inputTables, reachOf } from './compaction';
import type { RunningSpan, TableShape, TreeView } from './tree';

export class RunningCompactions {
	readonly #store: StoreContext;
	readonly #running = new Map<Compaction, RunningSpan>();
	#jobs = 0;
	/** The shapes of a version; made once for each. */
	#shapes: { version: Version | undefined; levels: TableShape[][]; garbageFiles: number[] } = {
		version: undefined,
		levels: [],
		garbageFiles: [],
	};

	constructor(store: StoreContext) {
		this.#store = store;
	}

	/** A compaction begins, in some number of parts; returns what to call when it has ended. */
	begin(compaction: Compaction, parts: number): () => void {
		this.#running.set(compaction, { outputLevel: compaction.outputLevel, range: reachOf(compaction) });
		this.#jobs += parts;
		return () => {
			this.#running.delete(compaction);
			this.#jobs -= parts;
		};
	}

	/** How many jobs of the kernel they are. */
	get jobs(): number {
		return this.#jobs;
	}

	/** The tree as it is now. */
	tree(): TreeView {
		const { versions, snapshots, environment } = this.#store;
		return {
			...this.#shapesOf(versions.current),
			busy: new Set([...this.#running.keys()].flatMap((compaction) => inputTables(compaction).map((table) => table.number))),
			running: [...this.#running.values()],
			pointers: versions.compactionPointers,
			oldestSnapshot: snapshots.sequences()[0] ?? Number.POSITIVE_INFINITY,
			now: Number(environment.clock.nanoseconds() / 1_000_000n),
		};
	}

	#shapesOf(version: Version): Pick<TreeView, 'levels' | 'garbageFiles'> {
		if (this.#shapes.version !== version) {
			const levels = version.levels.map((tables) => tables.map(shapeOf));
			this.#shapes = { version, levels, garbageFiles: garbageFiles(version, this.#store.options.blobGarbageRatio) };
		}
		const { levels, garbageFiles: garbage } = this.#shapes;
		return { levels, garbageFiles: garbage };
	}
}

function shapeOf(table: TableMetadata): TableShape {
	return {
		number: table.number,
		size: table.size,
		smallest: userKeyOf(table.smallestKey),
		end: endOf(table),
		entries: table.entries,
		tombstones: table.tombstones,
		expiry: table.expiry,
		largestSequence: table.largestSequence,
		createdAt: Number(table.createdAt / 1_000_000n),
		blobReferences: table.blobReferences,
	};
}
