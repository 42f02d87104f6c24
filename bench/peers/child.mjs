/** A process of one measurement: takes a `Job` as its argument, sends an `Outcome` to its parent. */
import { runJob } from './job.mjs';

const outcome = await runJob(JSON.parse(process.argv[2]));
process.send?.(outcome, () => process.exit(0));
