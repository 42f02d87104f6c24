/**
 * A thread for jobs, one after the other.
 *
 * Invariants:
 *  1. The worker starts with the first job, and keeps the process alive only while a job is in flight.
 *  2. Each job settles exactly once: with the worker's answer, or with an IOError when the worker dies. The next job then gets a
 *     new worker.
 */
import { Worker } from 'node:worker_threads';
import { IOError } from '../../../errors';
import type { FileSystem } from '../../../fs/file-system';
import type { ProgressListener, TableSummary } from '../../kernel';
import { unpackError } from './errors';
import type { JobRequest } from './job';
import { removeOutputs } from './output';
import type { WorkerReply, WorkerRequest } from './worker';
import { workerSource } from './worker-source';

interface JobInFlight {
	request: JobRequest;
	onProgress: ProgressListener | undefined;
	resolve(tables: TableSummary[]): void;
	reject(error: Error): void;
}

export class JobThread {
	private worker: Worker | undefined;
	private inFlight: JobInFlight | undefined;

	constructor(private readonly fileSystem: FileSystem) {}

	/** Is there no job in flight? */
	get isIdle(): boolean {
		return this.inFlight === undefined;
	}

	/** Runs a job; only while idle. */
	run(message: WorkerRequest, onProgress: ProgressListener | undefined): Promise<TableSummary[]> {
		return new Promise((resolve, reject) => {
			this.inFlight = { request: message.request, onProgress, resolve, reject };
			try {
				this.worker ??= this.startWorker();
				this.worker.ref();
				this.worker.postMessage(message);
			} catch (error) {
				this.settle();
				reject(new IOError(`the job thread cannot be started: ${(error as Error).message}`, { cause: error }));
			}
		});
	}

	/** Ends the thread; only while idle. */
	async end(): Promise<void> {
		const { worker } = this;
		this.worker = undefined;
		await worker?.terminate();
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
		worker.unref();
		return worker;
	}

	private receive(reply: WorkerReply): void {
		const job = this.inFlight;
		if (job === undefined) return;
		if ('progress' in reply) {
			job.onProgress?.(reply.progress.done, reply.progress.total);
			return;
		}
		this.settle();
		if ('tables' in reply) job.resolve(reply.tables);
		else job.reject(unpackError(reply.error));
	}

	private workerDied(worker: Worker, code: number, cause: unknown): void {
		if (this.worker !== worker) return;
		this.worker = undefined;
		const job = this.inFlight;
		this.inFlight = undefined;
		if (job === undefined) return;
		removeOutputs(this.fileSystem, job.request.output);
		job.reject(new IOError(`the job thread ended unexpectedly with code ${code}; its outputs were removed`, { cause }));
	}

	private settle(): void {
		this.inFlight = undefined;
		this.worker?.unref();
	}
}
