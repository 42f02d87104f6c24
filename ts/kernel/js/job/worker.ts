/**
 * The program of a thread for jobs.
 *
 * Invariants:
 *  1. Every request gets exactly one answer, after any number of progress reports.
 *  2. Replies come on a port of their own and are counted in shared memory, so that the other side can wait for one without returning
 *     to its event loop.
 *  3. Between two jobs the thread keeps nothing of the first.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { nodeFileSystem } from '../../../fs/node-file-system';
import type { TableSummary } from '../../kernel';
import { type PortableError, packError } from './errors';
import { garbageCollector } from './garbage';
import type { JobProgress, JobRequest } from './job';
import { runJob, SharedSteps } from './pace';
import { RateLimiter, type RateState } from './rate-limiter';
import type { WarmBlock } from './warming';

/** A job to run, and the rate that it shares with others. */
export interface WorkerRequest {
	request: JobRequest;
	cancelled: Int32Array;
	rate: RateState;
}

export type WorkerReply =
	| { progress: JobProgress }
	| { blocks: WarmBlock[] }
	| { tables: TableSummary[] }
	| { error: PortableError };

/** Where replies go; what the thread is started with. */
export interface ReplyChannel {
	port: MessagePort;
	/** How many were sent, modulo 2^32. */
	count: Int32Array;
}

const collectGarbage = garbageCollector();

function reply(answer: WorkerReply): void {
	const { port, count } = workerData as ReplyChannel;
	port.postMessage(answer, 'blocks' in answer ? answer.blocks.map(({ bytes }) => bytes.buffer) : []);
	Atomics.add(count, 0, 1);
	Atomics.notify(count, 0);
}

parentPort?.on('message', ({ request, cancelled, rate }: WorkerRequest) => {
	let blocks: WarmBlock[] = [];
	const keepBlock = (block: WarmBlock) => void blocks.push(block);
	const passBlocks = () => {
		if (blocks.length > 0) reply({ blocks });
		blocks = [];
	};
	const steps = new SharedSteps(request, { fileSystem: nodeFileSystem, cancelled, keepBlock });
	const report = (progress: JobProgress) => {
		passBlocks();
		reply({ progress });
	};
	runJob(steps, new RateLimiter(rate), report)
		.then(
			(tables) => {
				passBlocks();
				reply({ tables });
			},
			(error: unknown) => reply({ error: packError(error) }),
		)
		// Nothing refers to the job any more in a turn of its own.
		.finally(() => setImmediate(collectGarbage));
});
