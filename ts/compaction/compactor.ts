/**
 * The compactor: one background job at a time, chosen by the strategy, until the tree is in shape.
 *
 * Invariants:
 *  1. Inputs leave the version in the same edit in which the outputs enter it; their files go when no reader needs them.
 *  2. A failed job leaves no output, keeps its inputs, is reported, and is tried again after a while.
 *  3. A full compaction that a user asked for waits for the job in flight and goes before the strategy's next.
 */

import { Deferred } from '../commit/deferred';
import type { CompactionJob, TableSummary } from '../kernel/kernel';
import { type TableMetadata, userKeyOf } from '../manifest/table-metadata';
import { BackgroundLoop, type BackgroundWork } from '../store/background-loop';
import { type JobNumbers, JobSlot, openOutputs, type StoreContext } from '../store/context';
import { type Compaction, inputTables, rangesBelow } from './compaction';
import type { KeyRange } from './key-range';
import { type CompactionStrategy, makeStrategy } from './strategy';
import { bytesOf, type TableShape, type TreeView } from './tree';

interface FullRequest {
	range: KeyRange | undefined;
	done: Deferred<void>;
}

export class Compactor implements BackgroundWork {
	readonly #store: StoreContext;
	readonly #jobs: JobNumbers;
	readonly #onProgress: () => void;
	readonly #slot = new JobSlot();
	readonly #requests: FullRequest[] = [];
	readonly #loop: BackgroundLoop;
	readonly #strategy: CompactionStrategy;

	/** @param onProgress called after each compaction: level 0 may have shrunk. */
	constructor(store: StoreContext, jobs: JobNumbers, onProgress: () => void) {
		this.#store = store;
		this.#jobs = jobs;
		this.#onProgress = onProgress;
		this.#strategy = makeStrategy(store.options);
		this.#loop = new BackgroundLoop('compaction', this, store.environment.clock, store.health);
	}

	/** Starts on what is due unless a job is in flight. */
	schedule(): void {
		this.#loop.schedule();
	}

	/** Merges all tables overlapping a range (undefined: all) into the bottom level. */
	full(range: KeyRange | undefined): Promise<void> {
		const { refusal } = this.#loop;
		if (refusal !== undefined) return Promise.reject(refusal);
		const request: FullRequest = { range, done: new Deferred() };
		this.#requests.push(request);
		this.#loop.hurry();
		return request.done.promise;
	}

	/** Cancels the job in flight and waits for it. */
	stop(): Promise<void> {
		return this.#loop.stop();
	}

	isDue(): boolean {
		return this.#requests.length > 0 || this.#pick() !== undefined;
	}

	async step(): Promise<void> {
		const request = this.#requests.shift();
		const compaction = request === undefined ? this.#pick() : this.#strategy.pickFull(this.#tree(), request.range);
		try {
			if (compaction !== undefined && compaction !== 'blocked') await this.#compact(compaction);
			request?.done.resolve();
		} catch (error) {
			request?.done.reject(this.#loop.refusal ?? error);
			throw error;
		}
	}

	cancel(): void {
		this.#slot.cancel();
	}

	isAwaited(): boolean {
		return this.#requests.length > 0;
	}

	giveUp(reason: Error): void {
		for (const request of this.#requests.splice(0)) request.done.reject(reason);
	}

	/** The tree between two jobs. */
	#tree(): TreeView {
		const { versions, snapshots, environment } = this.#store;
		return {
			levels: versions.current.levels.map((tables) => tables.map(shapeOf)),
			busy: new Set(),
			running: [],
			pointers: versions.compactionPointers,
			oldestSnapshot: snapshots.sequences()[0] ?? Number.POSITIVE_INFINITY,
			now: Number(environment.clock.nanoseconds() / 1_000_000n),
		};
	}

	#pick(): Compaction | undefined {
		return this.#strategy.pick(this.#tree());
	}

	async #compact(compaction: Compaction): Promise<void> {
		const { events, counters, environment } = this.#store;
		const inputs = inputTables(compaction);
		const begin = environment.clock.milliseconds();
		const detail = {
			job: this.#jobs.next(),
			level: compaction.level,
			outputLevel: compaction.outputLevel,
			inputTables: inputs.length,
			inputBytes: bytesOf(inputs),
		};
		const report = (state: 'begin' | 'progress' | 'end', doneBytes: number, outputs: { size: number }[]) =>
			events.emit('compaction', {
				...detail,
				state,
				doneBytes,
				outputTables: outputs.length,
				outputBytes: bytesOf(outputs),
				milliseconds: environment.clock.milliseconds() - begin,
			});
		report('begin', 0, []);
		if (compaction.kind !== 'merge') {
			await this.#relink(compaction);
			report('end', 0, compaction.kind === 'move' ? inputs : []);
		} else {
			const outputs = await this.#merge(compaction, (done) => report('progress', done, []));
			counters.compactionReadBytes += detail.inputBytes;
			counters.compactedBytes += bytesOf(outputs);
			report('end', detail.inputBytes, outputs);
		}
		counters.compactions++;
		this.#onProgress();
	}

	/** Moves or drops the inputs: an edit, and nothing else. */
	async #relink(compaction: Compaction): Promise<void> {
		const { versions } = this.#store;
		const numbers = new Set(inputTables(compaction).map((table) => table.number));
		const moved = versions.current.levels.flat().filter((table) => numbers.has(table.number));
		await versions.apply(
			{
				compactionPointers: pointersAfter(compaction),
				deletedTables: deletionsOf(compaction),
				addedTables: compaction.kind === 'drop' ? [] : moved.map((table) => [compaction.outputLevel, table]),
			},
			() => this.#store.installView(),
		);
	}

	async #merge(compaction: Compaction, onProgress: (done: number) => void): Promise<TableSummary[]> {
		const { engine, versions } = this.#store;
		const outputs = await this.#slot.run(engine.compact(this.#jobOf(compaction), onProgress));
		await openOutputs(this.#store, outputs);
		await versions.apply(
			{
				compactionPointers: pointersAfter(compaction),
				deletedTables: deletionsOf(compaction),
				addedTables: outputs.map((table) => [compaction.outputLevel, table]),
			},
			() => this.#store.installView(),
		);
		return outputs;
	}

	#jobOf(compaction: Compaction): CompactionJob {
		const { environment, versions, files, tableOptions, snapshots } = this.#store;
		const runs = compaction.inputs.flatMap(({ level, tables }) => {
			const numbers = tables.map((table) => table.number);
			return level === 0 ? numbers.map((number) => [number]) : [numbers];
		});
		// Outputs hold no more than the inputs, but other block options may make them larger.
		const inputBytes = bytesOf(inputTables(compaction));
		const numberCount = 2 * Math.ceil(inputBytes / tableOptions.tableSize) + 4;
		return {
			runs,
			snapshots: snapshots.sequences(),
			keepTombstones: rangesBelow(this.#tree(), compaction),
			output: {
				directory: files.tableDirectory,
				level: compaction.outputLevel,
				firstNumber: versions.allocate(numberCount),
				numberCount,
				createdAt: environment.clock.nanoseconds(),
				// A run of level 0 is one table.
				table: compaction.outputLevel === 0 ? { ...tableOptions, tableSize: Number.MAX_SAFE_INTEGER } : tableOptions,
			},
		};
	}
}

function shapeOf(table: TableMetadata): TableShape {
	return {
		number: table.number,
		size: table.size,
		smallest: userKeyOf(table.smallestKey),
		largest: userKeyOf(table.largestKey),
		entries: table.entries,
		tombstones: table.tombstones,
		largestSequence: table.largestSequence,
		createdAt: Number(table.createdAt / 1_000_000n),
	};
}

function pointersAfter({ level, pointer }: Compaction): [number, Uint8Array][] {
	return pointer === undefined ? [] : [[level, pointer]];
}

function deletionsOf(compaction: Compaction): [number, number][] {
	return compaction.inputs.flatMap(({ level, tables }) => tables.map(({ number }): [number, number] => [level, number]));
}
