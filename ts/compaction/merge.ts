/**
 * One merge, as one job of the kernel or as several side by side, each over its own range of keys.
 *
 * Invariants:
 *  1. The outputs of all parts, in key order, are the outputs of the merge; they enter the version together.
 *  2. When a part fails, the others are cancelled and waited for, and no output of any is left.
 */
import type { CompactionJob, TableSummary } from '../kernel/kernel';
import type { JobSlot, StoreContext } from '../store/context';
import { type Compaction, inputTables } from './compaction';
import { mostOutputs } from './most-outputs';
import type { CompactionPart } from './split';
import { sumOf } from './tree';

export class Merge {
	readonly #store: StoreContext;
	readonly #compaction: Compaction;
	readonly #parts: readonly CompactionPart[];
	readonly #keepTombstones: [Uint8Array, Uint8Array][];
	/** Bytes of input that each part has done. */
	readonly #done: number[];

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
		this.#done = parts.map(() => 0);
	}

	/**
	 * Runs to the end.
	 * @param slot what cancels the merge
	 * @param onProgress called with the bytes of input done
	 */
	async run(slot: JobSlot, onProgress: (doneBytes: number) => void): Promise<TableSummary[]> {
		const { engine, files } = this.#store;
		let failure: { error: unknown } | undefined;
		const running = this.#parts.map(async (part, i) => {
			if (failure !== undefined) return [];
			const report = (done: number, total: number) => onProgress(this.#progress(i, done / total));
			try {
				return await slot.run(engine.compact(this.#jobOf(part), report));
			} catch (error) {
				failure ??= { error };
				slot.cancel();
				return [];
			}
		});
		const outputs = (await Promise.all(running)).flat();
		if (failure === undefined) return outputs;
		files.removeTables(outputs);
		throw failure.error;
	}

	#progress(part: number, share: number): number {
		this.#done[part] = Math.min(1, share) * this.#parts[part].bytes;
		return Math.round(this.#done.reduce((sum, bytes) => sum + bytes, 0));
	}

	#jobOf(part: CompactionPart): CompactionJob {
		const { engine, environment, versions, files, snapshots } = this.#store;
		const { outputLevel } = this.#compaction;
		const runs = part.inputs.flatMap(({ level, tables }) => {
			const numbers = tables.map((table) => table.number);
			return level === 0 ? numbers.map((number) => [number]) : [numbers];
		});
		const table = this.#store.tableOptions(outputLevel);
		const inputs = inputTables(part);
		const rawBytes = engine.rawBytes(inputs.map(({ number }) => number));
		const numberCount = mostOutputs(rawBytes, sumOf(inputs, 'entries'), table.tableSize) + part.cuts.length;
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
			},
		};
	}
}
