/** Tells of one compaction from its begin to its end: in the job log, and by events. */
import type { StoreContext } from '../store/context';
import type { LoggedJob } from '../store/job-log';
import { type Compaction, inputTables } from './compaction';
import { bytesOf } from './tree';

export class CompactionReport {
	readonly #store: StoreContext;
	readonly #plan: { level: number; outputLevel: number; inputTables: number; inputBytes: number; parts: number };
	readonly #job: LoggedJob;

	/** @param parts see `JobStats.parts` */
	constructor(store: StoreContext, compaction: Compaction, parts: number) {
		const { level, outputLevel, reason } = compaction;
		const inputs = inputTables(compaction);
		this.#store = store;
		this.#plan = { level, outputLevel, inputTables: inputs.length, inputBytes: bytesOf(inputs), parts };
		this.#job = store.jobs.begin({ kind: 'compaction', reason, ...this.#plan });
		this.#emit('begin', 0, []);
	}

	progress(doneBytes: number): void {
		this.#job.progress(doneBytes);
		this.#emit('progress', doneBytes, []);
	}

	/**
	 * @param doneBytes bytes of input that were read: none for what was moved or dropped
	 * @param blobBytes bytes of blob files that were written
	 */
	succeeded(doneBytes: number, outputs: readonly { size: number }[], blobBytes: number): void {
		this.#job.succeeded(outputs, blobBytes);
		this.#emit('end', doneBytes, outputs, blobBytes);
	}

	failed(error: Error): void {
		this.#job.failed(error);
	}

	#emit(state: 'begin' | 'progress' | 'end', doneBytes: number, outputs: readonly { size: number }[], blobBytes = 0): void {
		const outputBytes = bytesOf(outputs) + blobBytes;
		const detail = { outputTables: outputs.length, outputBytes, milliseconds: this.#job.milliseconds() };
		this.#store.events.emit('compaction', { job: this.#job.number, ...this.#plan, state, doneBytes, ...detail });
	}
}
