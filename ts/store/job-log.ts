/**
 * What background jobs do and did: the ones that run, and the last ones that ended.
 *
 * Invariant: a job is listed as running until it has ended in one way or the other; memory does not grow with their number.
 */
import type { Clock } from '../environment';
import type { JobStats } from '../introspection';

/** Ended jobs that are remembered. */
const REMEMBERED = 64;

/** What is known of a job before it begins. */
export type JobPlan = Pick<JobStats, 'kind' | 'reason' | 'level' | 'outputLevel' | 'inputTables' | 'inputBytes' | 'parts'>;

/** A job that runs. */
export interface LoggedJob {
	readonly number: number;
	/** Bytes of input done. */
	progress(doneBytes: number): void;
	/** Milliseconds since it began. */
	milliseconds(): number;
	/** @param blobBytes bytes of blob files that it wrote */
	succeeded(outputs: readonly { size: number }[], blobBytes: number): void;
	failed(error: Error): void;
}

export class JobLog {
	readonly #clock: Clock;
	readonly #running = new Set<JobStats & { began: number }>();
	readonly #ended: JobStats[] = [];
	#lastNumber = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** A job begins. */
	begin(plan: JobPlan): LoggedJob {
		const began = this.#clock.milliseconds();
		const number = ++this.#lastNumber;
		const job = { job: number, ...plan, doneBytes: 0, outputTables: 0, outputBytes: 0, milliseconds: 0, error: undefined, began };
		this.#running.add(job);
		const milliseconds = () => this.#clock.milliseconds() - began;
		const end = (change: Partial<JobStats>) => {
			this.#running.delete(job);
			const { began: _, ...stats } = job;
			this.#ended.push({ ...stats, milliseconds: milliseconds(), ...change });
			if (this.#ended.length > REMEMBERED) this.#ended.shift();
		};
		return {
			number,
			milliseconds,
			progress: (doneBytes) => {
				job.doneBytes = doneBytes;
			},
			succeeded: (outputs, blobBytes) => {
				const outputBytes = outputs.reduce((sum, { size }) => sum + size, blobBytes);
				end({ doneBytes: job.inputBytes, outputTables: outputs.length, outputBytes });
			},
			failed: (error) => end({ error }),
		};
	}

	/** Jobs that run, the oldest first. */
	running(): JobStats[] {
		const now = this.#clock.milliseconds();
		return [...this.#running].map(({ began, ...stats }) => ({ ...stats, milliseconds: now - began }));
	}

	/** Jobs that ended, the oldest first. */
	ended(): JobStats[] {
		return [...this.#ended];
	}
}
