/**
 * Starts jobs, on a worker thread or in slices on the calling thread.
 *
 * Invariants:
 *  1. The worker starts with the first job, one for each runner. It keeps the process alive only while a job is in flight.
 *  2. Each job settles exactly once: with the worker's answer, or with an IOError when the worker dies. The next job then gets a
 *     new worker.
 *  3. `close` cancels all jobs, waits until they have settled, and ends the worker.
 */
import { Worker } from 'node:worker_threads';
import { IOError } from '../../../errors';
import type { FileSystem } from '../../../fs/file-system';
import type { ProgressListener, RunningJob, TableSummary } from '../../kernel';
import { unpackError } from './errors';
import type { JobRequest } from './job';
import { removeOutputs } from './output';
import { runJob } from './pace';
import { RateLimiter } from './rate-limiter';
import type { WorkerReply, WorkerRequest } from './worker';
import { workerSource } from './worker-source';

export type JobMode = 'worker' | 'inline';

interface JobInFlight {
	request: JobRequest;
	onProgress: ProgressListener | undefined;
	resolve(tables: TableSummary[]): void;
	reject(error: Error): void;
}

export class JobRunner {
	private worker: Worker | undefined;
	private readonly inFlight = new Map<number, JobInFlight>();
	private readonly running = new Set<RunningJob>();
	private nextId = 1;
	private readonly limiter = new RateLimiter();
	private rate = 0;

	constructor(
		private readonly fileSystem: FileSystem,
		private readonly mode: JobMode,
	) {}

	run(request: JobRequest, onProgress?: ProgressListener): RunningJob {
		const cancelled = new Int32Array(new SharedArrayBuffer(4));
		const done =
			this.mode === 'inline'
				? runJob(request, { fileSystem: this.fileSystem, cancelled }, this.limiter, (step) => onProgress?.(step.done, step.total))
				: this.runOnWorker(request, cancelled, onProgress);
		const job: RunningJob = {
			done,
			cancel: () => {
				Atomics.store(cancelled, 0, 1);
			},
		};
		this.running.add(job);
		const forget = () => {
			this.running.delete(job);
		};
		done.then(forget, forget);
		return job;
	}

	/** Bytes a second that compactions may write together; 0 takes the limit off. */
	setRate(bytesPerSecond: number): void {
		this.rate = bytesPerSecond;
		this.limiter.setRate(bytesPerSecond);
		this.worker?.postMessage({ rate: bytesPerSecond } satisfies WorkerRequest);
	}

	async close(): Promise<void> {
		const jobs = [...this.running];
		for (const job of jobs) job.cancel();
		await Promise.allSettled(jobs.map((job) => job.done));
		const { worker } = this;
		this.worker = undefined;
		await worker?.terminate();
	}

	private runOnWorker(
		request: JobRequest,
		cancelled: Int32Array,
		onProgress: ProgressListener | undefined,
	): Promise<TableSummary[]> {
		const id = this.nextId++;
		return new Promise((resolve, reject) => {
			this.inFlight.set(id, { request, onProgress, resolve, reject });
			try {
				this.worker ??= this.startWorker();
				this.worker.ref();
				this.worker.postMessage({ id, request, cancelled } satisfies WorkerRequest);
			} catch (error) {
				this.settle(id);
				reject(new IOError(`the job thread cannot be started: ${(error as Error).message}`, { cause: error }));
			}
		});
	}

	private startWorker(): Worker {
		// Flags of the process are not for this program: `--input-type=module` would take it for an ES module.
		const worker = new Worker(workerSource, { eval: true, execArgv: [] });
		let cause: unknown;
		worker.on('message', (reply: WorkerReply) => this.receive(reply));
		worker.on('error', (error) => {
			cause = error;
		});
		worker.on('exit', (code) => this.workerDied(worker, code, cause));
		worker.postMessage({ rate: this.rate } satisfies WorkerRequest);
		worker.unref();
		return worker;
	}

	private receive(reply: WorkerReply): void {
		const job = this.inFlight.get(reply.id);
		if (job === undefined) return;
		if ('progress' in reply) {
			job.onProgress?.(reply.progress.done, reply.progress.total);
			return;
		}
		this.settle(reply.id);
		if ('tables' in reply) job.resolve(reply.tables);
		else job.reject(unpackError(reply.error));
	}

	private workerDied(worker: Worker, code: number, cause: unknown): void {
		if (this.worker !== worker) return;
		this.worker = undefined;
		for (const [id, job] of this.inFlight) {
			this.inFlight.delete(id);
			removeOutputs(this.fileSystem, job.request.output);
			job.reject(new IOError(`the job thread ended unexpectedly with code ${code}; its outputs were removed`, { cause }));
		}
	}

	private settle(id: number): void {
		this.inFlight.delete(id);
		if (this.inFlight.size === 0) this.worker?.unref();
	}
}
