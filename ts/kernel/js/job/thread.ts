/**
 * A thread for jobs, one after the other.
 *
 * Invariants:
 *  1. The worker starts with the first job, and keeps the process alive only while a job is in flight.
 *  2. Each job settles exactly once: with the worker's answer, or with an IOError when the worker dies. The next job then gets a
 *     new worker.
 *  3. Who waits on the calling thread gets what the promise of the job settles with.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { Deferred } from '../../../commit/deferred';
import { IOError } from '../../../errors';
import type { FileSystem } from '../../../fs/file-system';
import type { JobOutput, ProgressListener, RunningJob, TableSummary } from '../../kernel';
import { unpackError } from './errors';
import { removeOutputs } from './output';
import type { WarmBlock } from './warming';
import type { ReplyChannel, WorkerReply, WorkerRequest } from './worker';
import { workerSource } from './worker-source';

/**
 * Without a reply for so long a worker is taken for dead by somebody who waits on the calling thread, and who cannot be told of its
 * end. Replies come with every megabyte that was written; the longest pause is one fsync.
 */
const LONGEST_SILENCE_MS = 300_000;

/** How a job ended: throws its error. */
type Outcome = () => TableSummary[];

/** What is known of a job without what it reads: in a loop that never returns to the event loop, this stays in memory. */
interface JobInFlight {
	readonly output: JobOutput;
	readonly onProgress: ProgressListener | undefined;
	readonly done: Deferred<TableSummary[]>;
	outcome: Outcome | undefined;
}

/** A job on its way, but for what cancels it. */
export type StartedJob = Omit<RunningJob, 'cancel'>;

export class JobThread {
	private worker: Worker | undefined;
	/** Where the worker's replies arrive. */
	private replies: ReplyChannel | undefined;
	private inFlight: JobInFlight | undefined;

	/** @param keepBlock takes blocks of tables that are being written to the cache */
	constructor(
		private readonly fileSystem: FileSystem,
		private readonly keepBlock: (block: WarmBlock) => void,
	) {}

	/** Is there no job in flight? */
	get isIdle(): boolean {
		return this.inFlight === undefined;
	}

	/** Runs a job; only while idle. */
	run(message: WorkerRequest, onProgress: ProgressListener | undefined): StartedJob {
		const job: JobInFlight = { output: message.request.output, onProgress, done: new Deferred(), outcome: undefined };
		this.inFlight = job;
		try {
			this.worker ??= this.startWorker();
			this.worker.ref();
			this.replies?.port.ref();
			this.worker.postMessage(message);
		} catch (error) {
			this.fail(new IOError(`the job thread cannot be started: ${(error as Error).message}`, { cause: error }));
		}
		return { done: job.done.promise, waitSync: () => this.wait(job) };
	}

	/** Ends the thread; only while idle. */
	async end(): Promise<void> {
		const { worker } = this;
		this.worker = undefined;
		await worker?.terminate();
	}

	private startWorker(): Worker {
		const { port1, port2 } = new MessageChannel();
		const count = new Int32Array(new SharedArrayBuffer(4));
		const workerData: ReplyChannel = { port: port2, count };
		// Flags of the process are not for this program: `--input-type=module` would take it for an ES module.
		const worker = new Worker(workerSource, { eval: true, execArgv: [], workerData, transferList: [port2] });
		let cause: unknown;
		port1.on('message', (reply: WorkerReply) => this.receive(port1, reply));
		worker.on('error', (error) => {
			cause = error;
		});
		worker.on('exit', (code) => this.lose(worker, `ended unexpectedly with code ${code}`, cause));
		worker.unref();
		port1.unref();
		this.replies = { port: port1, count };
		return worker;
	}

	private receive(port: MessagePort, reply: WorkerReply): void {
		const job = this.inFlight;
		if (job === undefined || port !== this.replies?.port) return;
		if ('progress' in reply) {
			job.onProgress?.(reply.progress.done, reply.progress.total);
			return;
		}
		if ('blocks' in reply) {
			for (const block of reply.blocks) this.keepBlock(block);
			return;
		}
		if ('tables' in reply) this.succeed(reply.tables);
		else this.fail(unpackError(reply.error));
	}

	/** Takes replies as they come until the job has ended. */
	private wait(job: JobInFlight): TableSummary[] {
		while (job.outcome === undefined && this.worker !== undefined && this.replies !== undefined) {
			const { port, count } = this.replies;
			const before = Atomics.load(count, 0);
			const received = receiveMessageOnPort(port);
			if (received !== undefined) this.receive(port, received.message as WorkerReply);
			else if (Atomics.wait(count, 0, before, LONGEST_SILENCE_MS) === 'timed-out') this.abandon(this.worker);
		}
		if (job.outcome === undefined) throw new IOError('the job thread has ended');
		return job.outcome();
	}

	private abandon(worker: Worker): void {
		void worker.terminate();
		this.lose(worker, `gave no sign of life for ${LONGEST_SILENCE_MS / 1000} s`, undefined);
	}

	private lose(worker: Worker, what: string, cause: unknown): void {
		if (this.worker !== worker) return;
		this.worker = undefined;
		if (this.inFlight === undefined) return;
		removeOutputs(this.fileSystem, this.inFlight.output);
		this.fail(new IOError(`the job thread ${what}; its outputs were removed`, { cause }));
	}

	private succeed(tables: TableSummary[]): void {
		this.settle(() => tables)?.done.resolve(tables);
	}

	private fail(error: Error): void {
		const outcome = () => {
			throw error;
		};
		this.settle(outcome)?.done.reject(error);
	}

	/** The job in flight has ended. */
	private settle(outcome: Outcome): JobInFlight | undefined {
		const job = this.inFlight;
		this.inFlight = undefined;
		this.worker?.unref();
		this.replies?.port.unref();
		if (job !== undefined) job.outcome = outcome;
		return job;
	}
}
