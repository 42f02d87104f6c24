/**
 * The thread that runs the jobs of one engine.
 *
 * Invariants:
 *  1. Jobs that run together take turns slice by slice, so a flush is not held up by a long compaction.
 *  2. Every request gets exactly one answer, after any number of progress reports.
 */
import { parentPort } from 'node:worker_threads';
import { nodeFileSystem } from '../../../fs/node-file-system';
import type { TableSummary } from '../../kernel';
import { type PortableError, packError } from './errors';
import type { JobProgress, JobRequest } from './job';
import { runJob } from './pace';
import { RateLimiter } from './rate-limiter';

/** A job to run, or the rate for all jobs from now on. */
export type WorkerRequest = { id: number; request: JobRequest; cancelled: Int32Array } | { rate: number };

export type WorkerReply =
	| { id: number; progress: JobProgress }
	| { id: number; tables: TableSummary[] }
	| { id: number; error: PortableError };

const limiter = new RateLimiter();
const port = parentPort;

port?.on('message', (message: WorkerRequest) => {
	const reply = (answer: WorkerReply) => port.postMessage(answer);
	if ('rate' in message) {
		limiter.setRate(message.rate);
		return;
	}
	const { id, request, cancelled } = message;
	runJob(request, { fileSystem: nodeFileSystem, cancelled }, limiter, (progress) => reply({ id, progress })).then(
		(tables) => reply({ id, tables }),
		(error: unknown) => reply({ id, error: packError(error) }),
	);
});
