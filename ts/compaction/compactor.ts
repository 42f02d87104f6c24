/**
 * The compactor: background jobs that the strategy names, several at a time, until the tree is in shape.
 *
 * Invariants:
 *  1. Whatever of a compaction is in the version, the version holds the same entries; files of inputs go when no reader needs them.
 *  2. Compactions that run side by side share no table and write to no common span: the strategy is told the ones that run.
 *  3. A failed job leaves no output of its own, keeps its inputs, is reported, and is tried again after a while.
 *  4. A compaction that a user asked for goes before the strategy's next, as soon as running ones are out of its way.
 *  5. There are about as many jobs of the kernel in flight as there are lanes: a large merge takes the lanes that are free for its parts.
 */
import { Deferred } from '../commit/deferred';
import { ConfigError } from '../errors';
import type { Version } from '../manifest/version';
import { BackgroundLoop, type BackgroundWork } from '../store/background-loop';
import { JobSlot, type StoreContext } from '../store/context';
import { Alarm } from './alarm';
import { type Compaction, dropTables, inputTables, rangesBelow } from './compaction';
import type { KeyRange } from './key-range';
import { Merge } from './merge';
import { relink } from './relink';
import { CompactionReport } from './report';
import { RunningCompactions } from './running';
import { splitCompaction } from './split';
import { type CompactionDebt, type CompactionStrategy, makeStrategy } from './strategy';
import { bytesOf, type TreeView } from './tree';

interface FullRequest {
	range: KeyRange | undefined;
	done: Deferred<void>;
}

/** What becomes due so many milliseconds after it could have is done together. */
const SOON = 100;

/** A part of a merge has about this many times `tableSize` of input: less has its cost, more takes space. */
const PART_TABLES = 2;

/** What is to be done next. */
interface Task {
	compaction: Compaction | undefined;
	request: FullRequest | undefined;
}

export class Compactor {
	readonly #store: StoreContext;
	readonly #strategy: CompactionStrategy;
	readonly #onProgress: () => void;
	readonly #running: RunningCompactions;
	readonly #requests: FullRequest[] = [];
	readonly #lanes: BackgroundLoop[];
	readonly #alarm: Alarm;
	/** The version that the alarm was set for. */
	#alarmVersion: Version | undefined;
	#paused = false;
	#isScheduledSoon = false;
	/** Asked for before every group of writes, and the same as long as the version is. */
	#debt: CompactionDebt & { version: Version | undefined } = { version: undefined, bytes: 0, level0Tables: 0 };

	/** @param onProgress called after each compaction: level 0 may have shrunk. */
	constructor(store: StoreContext, lanes: number, onProgress: () => void) {
		this.#store = store;
		this.#strategy = makeStrategy(store.options);
		this.#onProgress = onProgress;
		this.#running = new RunningCompactions(store);
		this.#lanes = Array.from({ length: lanes }, () => this.#makeLane());
		this.#alarm = new Alarm(store.environment.clock, () => {
			this.#alarmVersion = undefined;
			this.schedule();
		});
	}

	/** Starts on what is due, as far as there are lanes free. */
	schedule(): void {
		for (const lane of this.#lanes) lane.schedule();
		this.#setAlarm();
	}

	/** As {@link schedule}, a moment later, and once for all calls until then: for what is seldom the cause of work, and comes often or at a bad time. */
	scheduleSoon(): void {
		if (this.#isScheduledSoon) return;
		this.#isScheduledSoon = true;
		this.#store.environment.clock.schedule(() => {
			this.#isScheduledSoon = false;
			this.schedule();
		}, SOON);
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
		this.#alarm.stop();
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

	/** How far the tree is out of shape. */
	get debt(): CompactionDebt {
		const { current } = this.#store.versions;
		if (this.#debt.version !== current) this.#debt = { version: current, ...this.#strategy.debt(this.#running.tree()) };
		return this.#debt;
	}

	/** Comes back when the time alone has made something due. */
	#setAlarm(): void {
		const { current } = this.#store.versions;
		if (this.#alarmVersion === current) return;
		this.#alarmVersion = current;
		const tree = this.#running.tree();
		this.#alarm.set(this.#strategy.nextDue(tree) - tree.now);
	}

	/** A lane does one compaction at a time, and waits by itself after one that failed. */
	#makeLane(): BackgroundLoop {
		const slot = new JobSlot();
		const work: BackgroundWork = {
			next: () => {
				const task = this.#next();
				return task && (() => this.#step(task, slot));
			},
			cancel: () => slot.cancel(),
			isAwaited: () => this.#requests.length > 0,
			giveUp: (reason) => {
				for (const request of this.#requests.splice(0)) request.done.reject(reason);
			},
		};
		return new BackgroundLoop('compaction', work, this.#store.environment.clock, this.#store.health);
	}

	get #freeLanes(): number {
		return this.#lanes.length - this.#running.jobs;
	}

	#next(): Task | undefined {
		if (this.#paused || this.#freeLanes < 1) return undefined;
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

	async #step({ compaction, request }: Task, slot: JobSlot): Promise<void> {
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
		const { engine, options } = this.#store;
		const inputs = inputTables(compaction);
		const inputBytes = bytesOf(inputs);
		// Compressed files are smaller than what they hold, others larger by filter and index.
		const heldBytes = Math.max(
			inputBytes,
			engine.rawBytes(
				inputs.map(({ number }) => number),
				false,
			),
		);
		const parts = splitCompaction(compaction, Math.floor(heldBytes / (PART_TABLES * options.tableSize)));
		const jobs = Math.min(this.#freeLanes, parts.length);
		const report = new CompactionReport(this.#store, compaction, parts.length);
		const finished = this.#running.begin(compaction, jobs);
		// There may be more that can run beside it.
		this.schedule();
		try {
			if (compaction.kind === 'merge') {
				const merge = new Merge(this.#store, compaction, parts, rangesBelow(this.#running.tree(), compaction));
				const outputs = await merge.run(jobs, slot, (doneBytes) => report.progress(doneBytes));
				report.succeeded(inputBytes, outputs, merge.blobBytes);
			} else report.succeeded(0, await relink(this.#store, compaction), 0);
		} catch (error) {
			report.failed(error as Error);
			throw error;
		} finally {
			finished();
		}
		this.#store.counters.compactions++;
		this.#onProgress();
	}
}
