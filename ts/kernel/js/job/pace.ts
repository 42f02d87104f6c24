/**
 * Takes a job from slice to slice, at the pace that is allowed: between two slices its thread does other work, and a job that waits
 * sleeps as long as the rate limiter demands.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { TableSummary } from '../../kernel';
import type { JobEnvironment, JobProgress, JobRequest } from './job';
import type { RateLimiter } from './rate-limiter';
import { jobSteps } from './steps';

/** Longest sleep between two looks at whether the job was cancelled. */
const LONGEST_SLEEP_MS = 20;

/** Runs a job to its end. */
export async function runJob(
	request: JobRequest,
	environment: JobEnvironment,
	limiter: RateLimiter,
	onProgress: (progress: JobProgress) => void,
): Promise<TableSummary[]> {
	const steps = jobSteps(request, environment);
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
