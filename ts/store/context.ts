/** The parts of one open store, as its background jobs see them. */
import type { Environment } from '../environment';
import type { TypedEmitter } from '../events';
import type { BlobReference, KernelEngine, RunningJob, TableOptions, TableSummary } from '../kernel/kernel';
import type { ResolvedOptions } from '../options/schema';
import type { SnapshotRegistry } from '../snapshot/snapshot';
import type { Counters } from './counters';
import type { Health } from './health';
import type { JobLog } from './job-log';
import type { Memtables } from './memtables';
import type { StoreFiles } from './store-files';
import type { VersionSet } from './version-set';

export interface StoreContext {
	readonly environment: Environment;
	readonly options: ResolvedOptions;
	readonly engine: KernelEngine;
	readonly events: TypedEmitter;
	readonly health: Health;
	readonly versions: VersionSet;
	readonly memtables: Memtables;
	readonly snapshots: SnapshotRegistry;
	readonly counters: Counters;
	readonly files: StoreFiles;
	readonly jobs: JobLog;
	/** How a table of a level is written that a job begins now. */
	tableOptions(level: number): TableOptions;
	/** Tells the kernel of the memtables and tables that reads are to see from now on. */
	installView(): void;
}

/** The kernel's jobs for one piece of background work; they can be cancelled together. */
export class JobSlot {
	readonly #jobs = new Set<RunningJob>();

	/** Waits for a job. */
	async run(job: RunningJob): ReturnType<() => RunningJob['done']> {
		this.#jobs.add(job);
		try {
			return await job.done;
		} finally {
			this.#jobs.delete(job);
		}
	}

	/** Asks those in flight to end. */
	cancel(): void {
		for (const job of this.#jobs) job.cancel();
	}
}

/** Opens and counts what a job wrote. What cannot be opened is removed: the job has failed, and the manifest will not name it. */
export async function openOutputs(store: StoreContext, tables: TableSummary[], blobs: readonly BlobReference[]): Promise<void> {
	const { engine, files } = store;
	try {
		engine.addBlobs(blobs.map(([number, size]) => files.blobSpec(number, size)));
		await engine.openTables(tables.map((table) => files.tableSpec(table)));
	} catch (error) {
		removeOutputs(store, tables, blobs);
		throw error;
	}
	countOutputs(store, tables);
}

/** As {@link openOutputs}, on the calling thread. */
export function openOutputsSync(store: StoreContext, tables: TableSummary[], blobs: readonly BlobReference[]): void {
	const { engine, files } = store;
	try {
		engine.addBlobs(blobs.map(([number, size]) => files.blobSpec(number, size)));
		engine.openTablesSync(tables.map((table) => files.tableSpec(table)));
	} catch (error) {
		removeOutputs(store, tables, blobs);
		throw error;
	}
	countOutputs(store, tables);
}

function removeOutputs({ files }: StoreContext, tables: TableSummary[], blobs: readonly BlobReference[]): void {
	files.removeTables(tables);
	files.removeBlobs(blobs.map(([number]) => number));
}

function countOutputs({ counters }: StoreContext, tables: TableSummary[]): void {
	for (const { rawDataBytes, storedDataBytes } of tables) {
		counters.rawDataBytes += rawDataBytes;
		counters.storedDataBytes += storedDataBytes;
	}
}
