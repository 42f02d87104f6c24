/**
 * One merge, in parts: each is a job of the kernel over its own range of keys, some of them side by side, and enters the version as soon
 * as it is done.
 *
 * ```
 * level n      [a---------------------m]      stays until the last part is in
 * level n + 1  [a-----e] [f----k] [l----s]    the tables of a part go with it
 * parts        |        |        |       |
 * ```
 *
 * Invariants:
 *  1. With a part its outputs come and the input tables of the output level within it go, in one edit. The other inputs go with the last
 *     part: until then they are newer than the outputs, and hide what they have always hidden.
 *  2. So space for a second copy is needed for the parts in flight only, and what is done stays done when a later part fails.
 *  3. When a part fails, the others in flight are cancelled and waited for, and no file of theirs is left.
 */
import type { BlobReference, CompactionJob, TableSummary } from '../kernel/kernel';
import { referencedBytes, writtenBlobFiles } from '../manifest/blob-files';
import { compactedBlobs, garbageFiles } from '../store/blob-jobs';
import { type JobSlot, openOutputs, type StoreContext } from '../store/context';
import { type Compaction, inputTables } from './compaction';
import { mostOutputs } from './most-outputs';
import type { CompactionPart } from './split';
import { bytesOf, sumOf } from './tree';

export class Merge {
	readonly #store: StoreContext;
	readonly #compaction: Compaction;
	readonly #parts: readonly CompactionPart[];
	readonly #keepTombstones: [Uint8Array, Uint8Array][];
	/** Blob files out of which values are taken. */
	readonly #collect: ReadonlySet<number>;
	/** Bytes of input that each part has done. */
	readonly #done: number[];
	readonly #outputs: TableSummary[] = [];
	/** Bytes of blob files that were written. */
	blobBytes = 0;
	/** The next part to begin. */
	#next = 0;
	/** Parts that are not on their way into the version. */
	#left: number;
	#failure: { error: unknown } | undefined;

	/** @param keepTombstones see `CompactionJob` */
	constructor(
		store: StoreContext,
		compaction: Compaction,
		parts: readonly CompactionPart[],
		keepTombstones: [Uint8Array, Uint8Array][],
	) {
		this.#store = store;
		this.#compaction = compaction;
		this.#parts = parts;
		this.#keepTombstones = keepTombstones;
		this.#collect = new Set(filesToCollect(store, compaction));
		this.#done = parts.map(() => 0);
		this.#left = parts.length;
	}

	/**
	 * Runs to the end; answers the outputs, which are in the version.
	 * @param jobs parts at a time
	 * @param slot what cancels the merge
	 * @param onProgress called with the bytes of input done
	 */
	async run(jobs: number, slot: JobSlot, onProgress: (doneBytes: number) => void): Promise<TableSummary[]> {
		await Promise.all(Array.from({ length: jobs }, () => this.#runParts(slot, onProgress)));
		if (this.#failure !== undefined) throw this.#failure.error;
		return this.#outputs;
	}

	/** Takes one part after the other until there is none. */
	async #runParts(slot: JobSlot, onProgress: (doneBytes: number) => void): Promise<void> {
		const { engine } = this.#store;
		while (this.#next < this.#parts.length && this.#failure === undefined) {
			const index = this.#next++;
			const part = this.#parts[index];
			const report = (done: number, total: number) => onProgress(this.#progress(index, done / total));
			try {
				const job = this.#jobOf(part);
				const outputs = await slot.run(engine.compact(job, report));
				const blobs = writtenBlobFiles(outputs, job.output.blobs);
				await openOutputs(this.#store, outputs, blobs);
				await this.#install(part, outputs, blobs);
			} catch (error) {
				this.#failure ??= { error };
				slot.cancel();
			}
		}
	}

	#progress(part: number, share: number): number {
		this.#done[part] = Math.min(1, share) * this.#parts[part].bytes;
		return Math.round(this.#done.reduce((sum, bytes) => sum + bytes, 0));
	}

	async #install(part: CompactionPart, outputs: TableSummary[], addedBlobs: BlobReference[]): Promise<void> {
		const { counters } = this.#store;
		const { level, outputLevel, inputs, pointer } = this.#compaction;
		const isLast = --this.#left === 0;
		const gone = part.inputs.filter((input) => input.level === outputLevel);
		if (isLast) gone.push(...inputs.filter((input) => input.level !== outputLevel));
		await this.#store.versions.apply(
			{
				compactionPointers: isLast && pointer !== undefined ? [[level, pointer]] : [],
				deletedTables: gone.flatMap((input) => input.tables.map(({ number }): [number, number] => [input.level, number])),
				addedTables: outputs.map((table) => [outputLevel, table]),
				addedBlobs,
			},
			() => this.#store.installView(),
		);
		this.#outputs.push(...outputs);
		counters.compactionReadBytes += part.bytes;
		const blobBytes = addedBlobs.reduce((sum, [, size]) => sum + size, 0);
		this.blobBytes += blobBytes;
		counters.compactedBytes += bytesOf(outputs) + blobBytes;
	}

	#jobOf(part: CompactionPart): CompactionJob {
		const { engine, environment, versions, files, snapshots } = this.#store;
		const { outputLevel } = this.#compaction;
		const table = this.#store.tableOptions(outputLevel);
		const runs = part.inputs.flatMap(({ level, tables }) => {
			const numbers = tables.map((table) => table.number);
			return level === 0 ? numbers.map((number) => [number]) : [numbers];
		});
		const inputs = inputTables(part);
		const rawBytes = engine.rawBytes(
			inputs.map(({ number }) => number),
			true,
		);
		const entries = sumOf(inputs, 'entries');
		const collect = [...referencedBytes(inputs)].filter(([file]) => this.#collect.has(file));
		const collectedBytes = collect.reduce((sum, [, bytes]) => sum + bytes, 0);
		const numberCount = mostOutputs(rawBytes + collectedBytes, entries, table.tableSize) + part.cuts.length;
		return {
			runs,
			snapshots: snapshots.sequences(),
			keepTombstones: this.#keepTombstones,
			lower: part.lower,
			upper: part.upper,
			cuts: part.cuts,
			output: {
				directory: files.tableDirectory,
				level: outputLevel,
				firstNumber: versions.allocate(numberCount),
				numberCount,
				createdAt: environment.clock.nanoseconds(),
				// A run of level 0 is one table.
				table: outputLevel === 0 ? { ...table, tableSize: Number.MAX_SAFE_INTEGER } : table,
				blobs: compactedBlobs(this.#store, collect, rawBytes, entries),
			},
		};
	}
}

/** Those of which much is garbage; what a user compacts without a threshold comes back into tables. */
function filesToCollect({ versions, options }: StoreContext, compaction: Compaction): Iterable<number> {
	if (options.blobThreshold === false && compaction.reason === 'manual') return versions.current.blobs.keys();
	return garbageFiles(versions.current, options.blobGarbageRatio);
}
