/** One measurement: a workload on a store, in this process. */
import { Meter } from './meter.mjs';
import { Records } from './records.mjs';
import { stores } from './stores/index.mjs';
import { preparation, workloads } from './workloads.mjs';

/**
 * @typedef {object} Job
 * @property {string} store
 * @property {string} workload or 'prepare'
 * @property {string} like for 'prepare': the workload that will use the store
 * @property {number} n
 * @property {string} directory of the store
 * @property {number} cacheBytes
 * @property {number} seconds
 * @property {string} [varve] file of the Varve to measure
 */

/**
 * @typedef {object} Outcome
 * @property {Record<string, number>} figures by the names of rows
 * @property {number} operations in the time that was taken
 * @property {number} seconds
 * @property {number} gcMilliseconds in that time
 * @property {number} peakMemoryBytes of the process, at most
 */

const DEFAULT_VALUE_BYTES = 100;
const KEY_BYTES = 16;
const WARM_UP_SHARE = 0.4;

/**
 * @param {Job} job
 * @param {{ begin?: () => unknown, end?: () => unknown }} [hooks]
 * @returns {Promise<Outcome>}
 */
export async function runJob(job, hooks = {}) {
	const adapter = stores[job.store];
	const shape = workloads[job.like];
	const workload = job.workload === 'prepare' ? preparation : shape;
	const { form = 'buffer', valueBytes = DEFAULT_VALUE_BYTES, share = 1, cacheShare, sync = false } = shape;
	const outForm = job.workload === 'prepare' && !adapter.formsDiffer ? 'buffer' : form;
	const count = Math.ceil(job.n / share);
	const cacheBytes = cacheShare === undefined ? job.cacheBytes : Math.ceil((count * (KEY_BYTES + valueBytes)) / cacheShare);
	const records = new Records(count, valueBytes, outForm === 'string' ? 'string' : adapter.keyForm, outForm);
	const meter = new Meter({ seconds: job.seconds, warmUpSeconds: job.seconds * WARM_UP_SHARE, ...hooks });
	const varve = job.varve === undefined ? {} : { varve: job.varve };
	const opening = { directory: job.directory, sync, cacheBytes, form: outForm, ...varve };
	// The first open of a process loads the package: that is no work of a store.
	const first = await adapter.open({ ...opening, directory: `${job.directory}-first` });
	await first.close();
	/** @type {import('./stores/store.mjs').BenchStore | undefined} */
	let opened;
	const open = async () => {
		opened = await adapter.open(opening);
		return opened;
	};
	const close = async () => {
		await opened?.close();
		opened = undefined;
	};
	const figures = await workload.run({ records, meter, directory: job.directory, open, close });
	await close();
	const { operations, seconds, gcMilliseconds } = meter;
	return { figures, operations, seconds, gcMilliseconds, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 };
}
