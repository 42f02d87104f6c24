/**
 * The compactor: background jobs chosen by the picker, until every level is in shape.
 *
 * Invariants:
 *  1. Inputs leave the version in the same edit in which the outputs enter it; their files go when no reader needs them.
 *  2. A failed job leaves no output, keeps its inputs, is reported, and is tried again after a while.
 *  3. A compaction that a user asked for waits for the jobs in flight, goes before the picker's next, and runs alone.
 */

import { Deferred } from '../commit/deferred';
import { ConfigError } from '../errors';
import type { CompactionJob, TableSummary } from '../kernel/kernel';
import { userKeyOf } from '../manifest/table-metadata';
import type { Version } from '../manifest/version';
import { BackgroundLoop, type BackgroundWork } from '../store/background-loop';
import { JobSlot, openOutputs, type StoreContext } from '../store/context';
import type { LoggedJob } from '../store/job-log';
import {
	type Compaction,
	compactionDebt,
	type KeyRange,
	pickCompaction,
	pickFullCompaction,
	rangesBelow,
	type TableShape,
	type TreeShape,
} from './picker';

interface FullRequest {
	range: KeyRange | undefined;
	done: Deferred<void>;
}

/** Tells of a job's begin, progress and end. */
type Report = (state: 'begin' | 'progress' | 'end', doneBytes: number, outputs: readonly { size: number }[]) => void;

export class Compactor implements BackgroundWork {
	readonly #store: StoreContext;
	readonly #onProgress: () => void;
	readonly #slot = new JobSlot();
	readonly #requests: FullRequest[] = [];
	readonly #loop: BackgroundLoop;
	#paused = false;
	/** Asked for before every group of writes, and the same as long as the version is. */
	#debt: { version: Version | undefined; bytes: number } = { version: undefined, bytes: 0 };

	/** @param onProgress called after each compaction: level 0 may have shrunk. */
	constructor(store: StoreContext, onProgress: () => void) {
		this.#store = store;
		this.#onProgress = onProgress;
		this.#loop = new BackgroundLoop('compaction', this, store.environment.clock, store.health);
	}

	/** Starts on what is due unless a job is in flight. */
	schedule(): void {
		this.#loop.schedule();
	}

	/** Merges all tables overlapping a range (undefined: all) into the deepest level that has any. */
	full(range: KeyRange | undefined): Promise<void> {
		const { refusal } = this.#loop;
		if (refusal !== undefined) return Promise.reject(refusal);
		if (this.#paused)
			return Promise.reject(new ConfigError('Compactions are paused. Call resumeCompactions() before compact().'));
		const request: FullRequest = { range, done: new Deferred() };
		this.#requests.push(request);
		this.#loop.hurry();
		return request.done.promise;
	}

	/** Cancels the job in flight and waits for it. */
	stop(): Promise<void> {
		return this.#loop.stop();
	}

	/** Bytes that must be rewritten before every level is in shape. */
	get debt(): number {
		const { current } = this.#store.versions;
		if (this.#debt.version !== current)
			this.#debt = { version: current, bytes: compactionDebt(this.#shape(), this.#store.options) };
		return this.#debt.bytes;
	}

	/** No further compaction begins until {@link resume}; the one in flight goes on. */
	pause(): void {
		this.#paused = true;
	}

	/** Compactions begin again. */
	resume(): void {
		this.#paused = false;
		this.schedule();
	}

	get isPaused(): boolean {
		return this.#paused;
	}

	isDue(): boolean {
		return !this.#paused && (this.#requests.length > 0 || this.#pick() !== undefined);
	}

	async step(): Promise<void> {
		const request = this.#requests.shift();
		const compaction = request === undefined ? this.#pick() : pickFullCompaction(this.#shape(), request.range);
		try {
			if (compaction !== undefined) await this.#compact(compaction, request === undefined ? 'shape' : 'manual');
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

	#shape(): TreeShape {
		return this.#store.versions.current.levels.map((tables) =>
			tables.map((table) => ({
				number: table.number,
				size: table.size,
				smallest: userKeyOf(table.smallestKey),
				largest: userKeyOf(table.largestKey),
			})),
		);
	}

	#pick(): Compaction | undefined {
		const { options, versions } = this.#store;
		return pickCompaction(this.#shape(), options, versions.compactionPointers);
	}

	async #compact(compaction: Compaction, reason: string): Promise<void> {
		const inputs = compaction.inputs.flatMap((input) => input.tables);
		const { level, outputLevel } = compaction;
		const plan = { level, outputLevel, inputTables: inputs.length, inputBytes: bytesOf(inputs) };
		const job = this.#store.jobs.begin({ kind: 'compaction', reason, ...plan });
		const report = (state: 'begin' | 'progress' | 'end', doneBytes: number, outputs: readonly { size: number }[]) => {
			const detail = { outputTables: outputs.length, outputBytes: bytesOf(outputs), milliseconds: job.milliseconds() };
			this.#store.events.emit('compaction', { job: job.number, ...plan, state, doneBytes, ...detail });
		};
		report('begin', 0, []);
		try {
			const outputs = compaction.trivialMove ? await this.#move(compaction) : await this.#merge(compaction, job, report);
			job.succeeded(outputs);
			report('end', compaction.trivialMove ? 0 : plan.inputBytes, outputs);
		} catch (error) {
			job.failed(error as Error);
			throw error;
		}
		this.#store.counters.compactions++;
		this.#onProgress();
	}

	async #move(compaction: Compaction): Promise<TableShape[]> {
		const { versions } = this.#store;
		const [table] = compaction.inputs[0].tables;
		const metadata = versions.current.levels[compaction.level].find(({ number }) => number === table.number);
		if (metadata === undefined) return [];
		await versions.apply(
			{
				compactionPointers: pointersAfter(compaction),
				deletedTables: [[compaction.level, table.number]],
				addedTables: [[compaction.outputLevel, metadata]],
			},
			() => this.#store.installView(),
		);
		return [table];
	}

	async #merge(compaction: Compaction, job: LoggedJob, report: Report): Promise<TableSummary[]> {
		const { engine, versions, counters } = this.#store;
		const onProgress = (doneBytes: number) => {
			job.progress(doneBytes);
			report('progress', doneBytes, []);
		};
		const outputs = await this.#slot.run(engine.compact(this.#jobOf(compaction), onProgress));
		await openOutputs(this.#store, outputs);
		await versions.apply(
			{
				compactionPointers: pointersAfter(compaction),
				deletedTables: compaction.inputs.flatMap(({ level, tables }) =>
					tables.map(({ number }): [number, number] => [level, number]),
				),
				addedTables: outputs.map((table) => [compaction.outputLevel, table]),
			},
			() => this.#store.installView(),
		);
		counters.compactionReadBytes += bytesOf(compaction.inputs.flatMap((input) => input.tables));
		counters.compactedBytes += bytesOf(outputs);
		return outputs;
	}

	#jobOf(compaction: Compaction): CompactionJob {
		const { environment, versions, files, snapshots } = this.#store;
		const table = this.#store.tableOptions(compaction.outputLevel);
		const runs = compaction.inputs.flatMap(({ level, tables }) => {
			const numbers = tables.map((table) => table.number);
			return level === 0 ? numbers.map((number) => [number]) : [numbers];
		});
		// Outputs hold no more than the inputs, but other block options may make them larger.
		const inputBytes = bytesOf(compaction.inputs.flatMap((input) => input.tables));
		const numberCount = 2 * Math.ceil(inputBytes / table.tableSize) + 4;
		return {
			runs: runs.filter((run) => run.length > 0),
			snapshots: snapshots.sequences(),
			keepTombstones: rangesBelow(this.#shape(), compaction),
			output: {
				directory: files.tableDirectory,
				level: compaction.outputLevel,
				firstNumber: versions.allocate(numberCount),
				numberCount,
				createdAt: environment.clock.nanoseconds(),
				table,
			},
		};
	}
}

/** Where the next compaction of the level goes on: behind the last key of this one. Level 0 gives all it has and needs none. */
function pointersAfter({ level, inputs }: Compaction): [number, Uint8Array][] {
	const last = inputs[0].tables.at(-1);
	return level === 0 || last === undefined ? [] : [[level, last.largest]];
}

function bytesOf(tables: readonly { size: number }[]): number {
	return tables.reduce((sum, table) => sum + table.size, 0);
}
