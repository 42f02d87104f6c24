/**
 * The program of a thread for jobs.
 *
 * Invariant: every request gets exactly one answer, after any number of progress reports.
 */
import { parentPort } from 'node:worker_threads';
import { nodeFileSystem } from '../../../fs/node-file-system';
import type { TableSummary } from '../../kernel';
import { type PortableError, packError } from './errors';
import type { JobProgress, JobRequest } from './job';
import { runJob } from './pace';
import { RateLimiter, type RateState } from './rate-limiter';

/** A job to run, and the rate that it shares with others. */
export interface WorkerRequest {
	request: JobRequest;
	cancelled: Int32Array;
	rate: RateState;
}

export type WorkerReply = { progress: JobProgress } | { tables: TableSummary[] } | { error: PortableError };

const port = parentPort;

port?.on('message', ({ request, cancelled, rate }: WorkerRequest) => {
	const reply = (answer: WorkerReply) => port.postMessage(answer);
	const environment = { fileSystem: nodeFileSystem, cancelled };
	runJob(request, environment, new RateLimiter(rate), (progress) => reply({ progress })).then(
		(tables) => reply({ tables }),
		(error: unknown) => reply({ error: packError(error) }),
	);
});
