/**
 * Starts jobs, on threads or in slices on the calling thread.
 *
 * Invariants:
 *  1. A job has a thread to itself; threads are made when all are busy, and kept for later jobs. How many jobs run at a time is up to
 *     the caller.
 *  2. Of a job that has failed the cache keeps nothing.
 *  3. `close` cancels all jobs, waits until they have settled, and ends the threads.
 */
import type { FileSystem } from '../../../fs/file-system';
import type { JobOutput, ProgressListener, RunningJob } from '../../kernel';
import type { BlockCache } from '../cache';
import type { JobRequest } from './job';
import { runJob, SharedSteps } from './pace';
import { RateLimiter } from './rate-limiter';
import { JobThread, type StartedJob } from './thread';
import type { WarmBlock } from './warming';

export type JobMode = 'worker' | 'inline';

export class JobRunner {
	private readonly threads: JobThread[] = [];
	private readonly running = new Set<RunningJob>();
	private readonly limiter = new RateLimiter();
	private readonly keepBlock = ({ table, position, bytes }: WarmBlock): void => {
		this.cache.put(table, position, Buffer.from(bytes.buffer));
	};

	constructor(
		private readonly fileSystem: FileSystem,
		private readonly mode: JobMode,
		private readonly cache: BlockCache,
	) {}

	run(request: JobRequest, onProgress?: ProgressListener): RunningJob {
		const cancelled = new Int32Array(new SharedArrayBuffer(4));
		const started =
			this.mode === 'inline'
				? this.runInSlices(request, cancelled, onProgress)
				: this.runOnThread(request, cancelled, onProgress);
		const { done } = started;
		const job: RunningJob = {
			...started,
			cancel: () => {
				Atomics.store(cancelled, 0, 1);
			},
		};
		this.running.add(job);
		const forget = () => {
			this.running.delete(job);
		};
		done.then(forget, () => {
			forget();
			this.dropBlocks(request.output);
		});
		return job;
	}

	/** Bytes a second that compactions may write together; 0 takes the limit off. */
	setRate(bytesPerSecond: number): void {
		this.limiter.setRate(bytesPerSecond);
	}

	async close(): Promise<void> {
		const jobs = [...this.running];
		for (const job of jobs) job.cancel();
		await Promise.allSettled(jobs.map((job) => job.done));
		await Promise.all(this.threads.splice(0).map((thread) => thread.end()));
	}

	private dropBlocks({ firstNumber, numberCount }: JobOutput): void {
		for (let number = firstNumber; number < firstNumber + numberCount; number++) this.cache.dropTable(number);
	}

	private runInSlices(request: JobRequest, cancelled: Int32Array, onProgress: ProgressListener | undefined): StartedJob {
		const { fileSystem, keepBlock } = this;
		const steps = new SharedSteps(request, { fileSystem, cancelled, keepBlock });
		const done = runJob(steps, this.limiter, (step) => onProgress?.(step.done, step.total));
		return { done, waitSync: () => steps.finish() };
	}

	private runOnThread(request: JobRequest, cancelled: Int32Array, onProgress: ProgressListener | undefined): StartedJob {
		let thread = this.threads.find(({ isIdle }) => isIdle);
		if (thread === undefined) {
			thread = new JobThread(this.fileSystem, this.keepBlock);
			this.threads.push(thread);
		}
		return thread.run({ request, cancelled, rate: this.limiter.state }, onProgress);
	}
}
