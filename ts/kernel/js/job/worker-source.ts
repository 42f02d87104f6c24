/**
 * The program of the job thread, as text: a bundler carries a string along like any other module, and would leave a file behind.
 *
 * Run from its source or a compiled file, it names the compiled worker. In what is published the build puts the whole worker here
 * (`scripts/bundle.mjs`), which needs nothing but Node.js.
 */
import { join } from 'node:path';

const compiled = join(__dirname, '..', '..', '..', '..', 'dist', 'kernel', 'js', 'job', 'worker.js');

export const workerSource: string = `require(${JSON.stringify(compiled)})`;
