/**
 * The thread that runs the jobs of one engine.
 *
 * Invariants:
 *  1. Jobs that run together take turns slice by slice, so a flush is not held up by a long compaction.
 *  2. Every request gets exactly one answer, after any number of progress reports.
 */
import { setImmediate } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { nodeFileSystem } from '../../../fs/node-file-system';
import type { TableSummary } from '../../kernel';
import { type PortableError, packError } from './errors';
import type { JobProgress, JobRequest } from './job';
import { jobSteps } from './steps';

export interface WorkerRequest {
	id: number;
	request: JobRequest;
	cancelled: Int32Array;
}

export type WorkerReply =
	| { id: number; progress: JobProgress }
	| { id: number; tables: TableSummary[] }
	| { id: number; error: PortableError };

async function run({ id, request, cancelled }: WorkerRequest, reply: (message: WorkerReply) => void): Promise<void> {
	try {
		const steps = jobSteps(request, { fileSystem: nodeFileSystem, cancelled });
		for (let step = steps.next(); ; step = steps.next()) {
			if (step.done === true) {
				reply({ id, tables: step.value });
				return;
			}
			reply({ id, progress: step.value });
			await setImmediate();
		}
	} catch (error) {
		reply({ id, error: packError(error) });
	}
}

const port = parentPort;
port?.on('message', (message: WorkerRequest) => {
	void run(message, (answer) => port.postMessage(answer));
});
