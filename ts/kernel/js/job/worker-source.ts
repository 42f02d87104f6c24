/**
 * The program of the job thread, as text: a bundler carries a string along like any other module, and would leave a file behind.
 *
 * Run from its source (tests), it names the compiled worker. In `dist` the build puts the whole worker here
 * (`scripts/write-worker-source.mjs`), which needs nothing but Node.js.
 */
import { join } from 'node:path';

const compiled = join(__dirname, '..', '..', '..', '..', 'dist', 'kernel', 'js', 'job', 'worker.js');

export const workerSource: string = `require(${JSON.stringify(compiled)})`;
