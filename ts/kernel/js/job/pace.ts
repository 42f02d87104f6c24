/**
 * Takes a job from slice to slice, at the pace that is allowed: between two slices its thread does other work, and a job that waits
 * sleeps as long as the rate limiter demands. Or without pace, for somebody who waits for it.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { TableSummary } from '../../kernel';
import type { JobEnvironment, JobProgress, JobRequest, JobSteps } from './job';
import type { RateLimiter } from './rate-limiter';
import { jobSteps } from './steps';

/** Longest sleep between two looks at whether the job was cancelled. */
const LONGEST_SLEEP_MS = 20;

/** The steps of a job that several may take: each goes on where another has stopped, and all come to the same end. */
export class SharedSteps {
	private steps: JobSteps | undefined;
	private end: (() => IteratorReturnResult<TableSummary[]>) | undefined;

	constructor(
		readonly request: JobRequest,
		readonly environment: JobEnvironment,
	) {}

	next(): IteratorResult<JobProgress, TableSummary[]> {
		if (this.end !== undefined) return this.end();
		try {
			this.steps ??= jobSteps(this.request, this.environment);
			const step = this.steps.next();
			if (step.done === true) this.end = () => step;
			return step;
		} catch (error) {
			this.end = () => {
				throw error;
			};
			throw error;
		}
	}

	/** Takes all that are left. */
	finish(): TableSummary[] {
		for (;;) {
			const step = this.next();
			if (step.done === true) return step.value;
		}
	}
}

/** Runs a job to its end. */
export async function runJob(
	steps: SharedSteps,
	limiter: RateLimiter,
	onProgress: (progress: JobProgress) => void,
): Promise<TableSummary[]> {
	const { request, environment } = steps;
	let written = 0;
	for (;;) {
		await setImmediate();
		const step = steps.next();
		if (step.done === true) return step.value;
		onProgress(step.value);
		if (request.kind === 'flush') continue;
		await sleep(limiter.take(step.value.written - written, process.hrtime.bigint()), environment.cancelled);
		written = step.value.written;
	}
}

async function sleep(milliseconds: number, cancelled: Int32Array): Promise<void> {
	for (let left = milliseconds; left > 0 && Atomics.load(cancelled, 0) === 0; left -= LONGEST_SLEEP_MS) {
		await setTimeout(Math.min(left, LONGEST_SLEEP_MS));
	}
}
