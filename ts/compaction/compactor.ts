/**
 * The compactor: background jobs that the strategy names, several at a time, until the tree is in shape.
 *
 * Invariants:
 *  1. Inputs leave the version in the same edit in which the outputs enter it; their files go when no reader needs them.
 *  2. Compactions that run side by side share no table and write to no common span: the strategy is told the ones that run.
 *  3. A failed job leaves no output, keeps its inputs, is reported, and is tried again after a while.
 *  4. A compaction that a user asked for goes before the strategy's next, as soon as running ones are out of its way.
 */
import { Deferred } from '../commit/deferred';
import { ConfigError } from '../errors';
import type { CompactionJob, TableSummary } from '../kernel/kernel';
import type { Version } from '../manifest/version';
import { BackgroundLoop, type BackgroundWork } from '../store/background-loop';
import { JobSlot, openOutputs, type StoreContext } from '../store/context';
import type { LoggedJob } from '../store/job-log';
import { type Compaction, dropTables, inputTables, rangesBelow } from './compaction';
import type { KeyRange } from './key-range';
import { RunningCompactions } from './running';
import { type CompactionStrategy, makeStrategy } from './strategy';
import { bytesOf, type TreeView } from './tree';

interface FullRequest {
	range: KeyRange | undefined;
	done: Deferred<void>;
}

/** What is to be done next. */
interface Task {
	compaction: Compaction | undefined;
	request: FullRequest | undefined;
}

/** Tells of a job's begin, progress and end. */
type Report = (state: 'begin' | 'progress' | 'end', doneBytes: number, outputs: readonly { size: number }[]) => void;

export class Compactor {
	readonly #store: StoreContext;
	readonly #strategy: CompactionStrategy;
	readonly #onProgress: () => void;
	readonly #running: RunningCompactions;
	readonly #requests: FullRequest[] = [];
	readonly #lanes: BackgroundLoop[];
	#paused = false;
	/** Asked for before every group of writes, and the same as long as the version is. */
	#debt: { version: Version | undefined; bytes: number } = { version: undefined, bytes: 0 };

	/** @param onProgress called after each compaction: level 0 may have shrunk. */
	constructor(store: StoreContext, lanes: number, onProgress: () => void) {
		this.#store = store;
		this.#strategy = makeStrategy(store.options);
		this.#onProgress = onProgress;
		this.#running = new RunningCompactions(store);
		this.#lanes = Array.from({ length: lanes }, () => this.#makeLane());
	}

	/** Starts on what is due, as far as there are lanes free. */
	schedule(): void {
		for (const lane of this.#lanes) lane.schedule();
	}

	/** Merges all tables overlapping a range (undefined: all) into one level. */
	full(range: KeyRange | undefined): Promise<void> {
		const [{ refusal }] = this.#lanes;
		if (refusal !== undefined) return Promise.reject(refusal);
		if (this.#paused)
			return Promise.reject(new ConfigError('Compactions are paused. Call resumeCompactions() before compact().'));
		const request: FullRequest = { range, done: new Deferred() };
		this.#requests.push(request);
		for (const lane of this.#lanes) lane.hurry();
		return request.done.promise;
	}

	/** Cancels the jobs in flight and waits for them. */
	async stop(): Promise<void> {
		await Promise.all(this.#lanes.map((lane) => lane.stop()));
	}

	/** No further compaction begins until {@link resume}; those in flight go on. */
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

	/** Bytes that must be rewritten before the tree is in shape. */
	get debt(): number {
		const { current } = this.#store.versions;
		if (this.#debt.version !== current) this.#debt = { version: current, bytes: this.#strategy.debt(this.#running.tree()) };
		return this.#debt.bytes;
	}

	/** A lane does one compaction at a time, and waits by itself after one that failed. */
	#makeLane(): BackgroundLoop {
		const slot = new JobSlot();
		const work: BackgroundWork = {
			isDue: () => this.#next() !== undefined,
			step: () => this.#step(slot),
			cancel: () => slot.cancel(),
			isAwaited: () => this.#requests.length > 0,
			giveUp: (reason) => {
				for (const request of this.#requests.splice(0)) request.done.reject(reason);
			},
		};
		return new BackgroundLoop('compaction', work, this.#store.environment.clock, this.#store.health);
	}

	#next(): Task | undefined {
		if (this.#paused) return undefined;
		const tree = this.#running.tree();
		const emptied = this.#dropEmptied(tree);
		if (emptied !== undefined) return { compaction: emptied, request: undefined };
		const [request] = this.#requests;
		if (request !== undefined) {
			const compaction = this.#strategy.pickFull(tree, request.range);
			return compaction === 'blocked' ? undefined : { compaction, request };
		}
		const compaction = this.#strategy.pick(tree);
		return compaction && { compaction, request };
	}

	/** Tables of which range deletes have left nothing that anybody can see go first: there is less to merge then. */
	#dropEmptied(tree: TreeView): Compaction | undefined {
		const { engine, snapshots } = this.#store;
		const numbers = engine.coveredTables(snapshots.sequences());
		if (numbers.length === 0) return undefined;
		const idle = tree.levels.flat().filter((table) => numbers.includes(table.number) && !tree.busy.has(table.number));
		return idle.length === 0 ? undefined : dropTables(tree, new Set(idle), 'rangeDelete');
	}

	async #step(slot: JobSlot): Promise<void> {
		const task = this.#next();
		if (task === undefined) return;
		const { compaction, request } = task;
		if (request !== undefined) this.#requests.shift();
		try {
			if (compaction !== undefined) await this.#compact(compaction, slot);
			request?.done.resolve();
		} catch (error) {
			request?.done.reject(this.#lanes[0].refusal ?? error);
			throw error;
		}
	}

	async #compact(compaction: Compaction, slot: JobSlot): Promise<void> {
		const { level, outputLevel, reason } = compaction;
		const inputs = inputTables(compaction);
		const plan = { level, outputLevel, inputTables: inputs.length, inputBytes: bytesOf(inputs) };
		const job = this.#store.jobs.begin({ kind: 'compaction', reason, ...plan });
		const report: Report = (state, doneBytes, outputs) => {
			const detail = { outputTables: outputs.length, outputBytes: bytesOf(outputs), milliseconds: job.milliseconds() };
			this.#store.events.emit('compaction', { job: job.number, ...plan, state, doneBytes, ...detail });
		};
		const finished = this.#running.begin(compaction);
		// There may be more that can run beside it.
		this.schedule();
		report('begin', 0, []);
		try {
			const outputs =
				compaction.kind === 'merge' ? await this.#merge(compaction, slot, job, report) : await this.#relink(compaction);
			job.succeeded(outputs);
			report('end', compaction.kind === 'merge' ? plan.inputBytes : 0, outputs);
		} catch (error) {
			job.failed(error as Error);
			throw error;
		} finally {
			finished();
		}
		this.#store.counters.compactions++;
		this.#onProgress();
	}

	/** Moves or drops the inputs: an edit, and nothing else. */
	async #relink(compaction: Compaction): Promise<TableSummary[]> {
		const numbers = new Set(inputTables(compaction).map((table) => table.number));
		const moved = this.#store.versions.current.levels.flat().filter((table) => numbers.has(table.number));
		const outputs = compaction.kind === 'move' ? moved : [];
		await this.#install(compaction, outputs);
		if (compaction.kind === 'drop') this.#store.counters.droppedTables += moved.length;
		return outputs;
	}

	async #merge(compaction: Compaction, slot: JobSlot, job: LoggedJob, report: Report): Promise<TableSummary[]> {
		const { engine, counters } = this.#store;
		const onProgress = (doneBytes: number) => {
			job.progress(doneBytes);
			report('progress', doneBytes, []);
		};
		const outputs = await slot.run(engine.compact(this.#jobOf(compaction), onProgress));
		await openOutputs(this.#store, outputs);
		await this.#install(compaction, outputs);
		counters.compactionReadBytes += bytesOf(inputTables(compaction));
		counters.compactedBytes += bytesOf(outputs);
		return outputs;
	}

	async #install({ level, outputLevel, inputs, pointer }: Compaction, outputs: readonly TableSummary[]): Promise<void> {
		await this.#store.versions.apply(
			{
				compactionPointers: pointer === undefined ? [] : [[level, pointer]],
				deletedTables: inputs.flatMap((input) => input.tables.map(({ number }): [number, number] => [input.level, number])),
				addedTables: outputs.map((table) => [outputLevel, table]),
			},
			() => this.#store.installView(),
		);
	}

	#jobOf(compaction: Compaction): CompactionJob {
		const { environment, versions, files, tableOptions, snapshots } = this.#store;
		const runs = compaction.inputs.flatMap(({ level, tables }) => {
			const numbers = tables.map((table) => table.number);
			return level === 0 ? numbers.map((number) => [number]) : [numbers];
		});
		// Outputs hold no more than the inputs, but other block options may make them larger.
		const numberCount = 2 * Math.ceil(bytesOf(inputTables(compaction)) / tableOptions.tableSize) + 4 + compaction.cuts.length;
		return {
			runs,
			snapshots: snapshots.sequences(),
			keepTombstones: rangesBelow(this.#running.tree(), compaction),
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
