/**
 * The compactor: one background job at a time, chosen by the picker, until every level is in shape.
 *
 * Invariants:
 *  1. Inputs leave the version in the same edit in which the outputs enter it; their files go when no reader needs them.
 *  2. A failed job leaves no output, keeps its inputs, is reported, and is tried again after a while.
 *  3. Tables that newer range deletes have emptied are dropped, unread, before anything is merged.
 *  4. A full compaction that a user asked for waits for the job in flight and goes before the picker's next.
 */

import { Deferred } from '../commit/deferred';
import type { HalfOpenRange } from '../iterator/range';
import type { CompactionJob, TableSummary } from '../kernel/kernel';
import { endOf, userKeyOf } from '../manifest/table-metadata';
import { BackgroundLoop, type BackgroundWork } from '../store/background-loop';
import { type JobNumbers, JobSlot, openOutputs, type StoreContext } from '../store/context';
import {
	type Compaction,
	type KeyRange,
	pickCompaction,
	pickFullCompaction,
	rangesBelow,
	type TableShape,
	type TreeShape,
} from './picker';

const EMPTY = new Uint8Array(0);

interface FullRequest {
	range: KeyRange;
	done: Deferred<void>;
}

export class Compactor implements BackgroundWork {
	readonly #store: StoreContext;
	readonly #jobs: JobNumbers;
	readonly #onProgress: () => void;
	readonly #slot = new JobSlot();
	readonly #requests: FullRequest[] = [];
	readonly #loop: BackgroundLoop;

	/** @param onProgress called after each compaction: level 0 may have shrunk. */
	constructor(store: StoreContext, jobs: JobNumbers, onProgress: () => void) {
		this.#store = store;
		this.#jobs = jobs;
		this.#onProgress = onProgress;
		this.#loop = new BackgroundLoop('compaction', this, store.environment.clock, store.health);
	}

	/** Starts on what is due unless a job is in flight. */
	schedule(): void {
		this.#loop.schedule();
	}

	/** Merges all tables overlapping a range into the deepest level that has any. */
	full({ lower, upper }: HalfOpenRange): Promise<void> {
		const { refusal } = this.#loop;
		if (refusal !== undefined) return Promise.reject(refusal);
		const range = { smallest: lower ?? EMPTY, end: upper ?? EMPTY };
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
		return this.#requests.length > 0 || this.#covered().length > 0 || this.#pick() !== undefined;
	}

	async step(): Promise<void> {
		const covered = this.#covered();
		if (covered.length > 0) {
			await this.#drop(covered);
			return;
		}
		const request = this.#requests.shift();
		const compaction = request === undefined ? this.#pick() : pickFullCompaction(this.#shape(), request.range);
		try {
			if (compaction !== undefined) await this.#compact(compaction);
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
				end: endOf(table),
			})),
		);
	}

	#pick(): Compaction | undefined {
		const { options, versions } = this.#store;
		return pickCompaction(this.#shape(), options, versions.compactionPointers);
	}

	/** Numbers of the tables that nobody can see anything of. */
	#covered(): number[] {
		return this.#store.engine.coveredTables(this.#store.snapshots.sequences());
	}

	async #drop(covered: readonly number[]): Promise<void> {
		const { versions, counters } = this.#store;
		const deletedTables = versions.current.levels.flatMap((tables, level) =>
			tables.filter(({ number }) => covered.includes(number)).map(({ number }): [number, number] => [level, number]),
		);
		await versions.apply({ deletedTables }, () => this.#store.installView());
		counters.droppedTables += deletedTables.length;
		this.#onProgress();
	}

	async #compact(compaction: Compaction): Promise<void> {
		const { events, counters, environment } = this.#store;
		const inputs = compaction.inputs.flatMap((input) => input.tables);
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
		if (compaction.trivialMove) {
			await this.#move(compaction);
			report('end', 0, inputs);
		} else {
			const outputs = await this.#merge(compaction, (done) => report('progress', done, []));
			counters.compactionReadBytes += detail.inputBytes;
			counters.compactedBytes += bytesOf(outputs);
			report('end', detail.inputBytes, outputs);
		}
		counters.compactions++;
		this.#onProgress();
	}

	async #move(compaction: Compaction): Promise<void> {
		const { versions } = this.#store;
		const [table] = compaction.inputs[0].tables;
		const metadata = versions.current.levels[compaction.level].find(({ number }) => number === table.number);
		if (metadata === undefined) return;
		await versions.apply(
			{
				compactionPointers: pointersAfter(compaction),
				deletedTables: [[compaction.level, table.number]],
				addedTables: [[compaction.outputLevel, metadata]],
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
				deletedTables: compaction.inputs.flatMap(({ level, tables }) =>
					tables.map(({ number }): [number, number] => [level, number]),
				),
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
		const inputBytes = bytesOf(compaction.inputs.flatMap((input) => input.tables));
		const numberCount = 2 * Math.ceil(inputBytes / tableOptions.tableSize) + 4;
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
				table: tableOptions,
			},
		};
	}
}

/** Where the next compaction of the level goes on: behind the end of this one. Level 0 gives all it has and needs none. */
function pointersAfter({ level, inputs }: Compaction): [number, Uint8Array][] {
	const last = inputs[0].tables.at(-1);
	return level === 0 || last === undefined ? [] : [[level, last.end.length === 0 ? last.smallest : last.end]];
}

function bytesOf(tables: readonly Pick<TableShape, 'size'>[]): number {
	return tables.reduce((sum, table) => sum + table.size, 0);
}
