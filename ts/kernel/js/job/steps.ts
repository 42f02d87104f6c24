/** From a request to the body of its job. */
import { compactionSteps } from './compaction';
import { flushSteps } from './flush';
import type { JobEnvironment, JobRequest, JobSteps } from './job';

export function jobSteps(request: JobRequest, environment: JobEnvironment): JobSteps {
	return request.kind === 'flush' ? flushSteps(request, environment) : compactionSteps(request, environment);
}
