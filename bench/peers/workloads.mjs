/**
 * What every store is made to do: one workload for each row of the comparison, or for a few that belong together.
 *
 * Invariants:
 *  1. A workload checks what it read or wrote by count and checksum; it throws when a store lost or mixed up an entry.
 *  2. Keys and values are made before the time is taken.
 *  3. It asks adapters for nothing but `BenchStore`, so that all stores do the same work.
 */

import { getMany, gets, openAndGet, scan, seekAndNext } from './reads.mjs';
import { inOrder, makeBatches, putAll } from './steps.mjs';
import { diskBytes } from './stores/store.mjs';
import { deleteAll, fill, mixed, overwrite, putLatency, puts } from './writes.mjs';

/** @typedef {import('./meter.mjs').Meter} Meter */
/** @typedef {import('./records.mjs').Records} Records */
/** @typedef {import('./stores/store.mjs').BenchStore} BenchStore */
/** @typedef {import('./stores/store.mjs').Capability} Capability */

/**
 * @typedef {object} Context
 * @property {Records} records
 * @property {Meter} meter
 * @property {string} directory of the store
 * @property {() => Promise<BenchStore>} open
 * @property {() => Promise<void>} close what is closed otherwise when the workload is done
 */

/**
 * @typedef {object} Workload
 * @property {'empty' | 'filled' | 'copy'} start an empty store; a filled, settled one that is only read; a copy of such a one
 * @property {(context: Context) => Promise<Record<string, number>>} run answers figures by the names of rows
 * @property {import('./stores/store.mjs').Form} [form] default: buffers
 * @property {Capability[]} [needs] without which a store is left out
 * @property {boolean} [sync] writes with fsync; default false
 * @property {number} [valueBytes] default 100
 * @property {number} [share] of the entries: 10 is a tenth; default 1
 * @property {number} [cacheShare] the cache is this many times smaller than the data; default: the cache that was asked for
 */

const IN_FLIGHT = 64;
const SYNC_SLICE = 64;

/** Fills a store that others read or change copies of. @type {Workload} */
export const preparation = {
	start: 'empty',
	async run({ records, meter, directory, open, close }) {
		const store = await open();
		const batches = makeBatches(records, records.shuffled(), 0);
		await meter.once(records.count, () => putAll(store, batches));
		await store.settle();
		await close();
		return { 'disk-after-fill': diskBytes(directory) };
	},
};

const large = { valueBytes: 1_024, share: 10 };
const larger = { valueBytes: 4_096, share: 40 };
const outOfCache = { cacheShare: 10 };

/** @type {Readonly<Record<string, Workload>>} */
export const workloads = {
	'fill-sequential': { start: 'empty', run: (context) => fill(context, 'fill-sequential', inOrder(context.records)) },
	'fill-random': { start: 'empty', run: (context) => fill(context, 'fill-random', context.records.shuffled()) },
	'put-one': puts('put-one', { step: (store, key, value) => store.put(key, value) }),
	'put-64': puts('put-64', { flight: IN_FLIGHT, step: (store, key, value) => store.put(key, value) }),
	'put-sync': {
		...puts('put-sync', { immediate: true, step: (store, key, value) => store.putSync?.(key, value) }),
		needs: ['putSync'],
	},
	'put-fsync-one': {
		...puts('put-fsync-one', { slice: SYNC_SLICE, step: (store, key, value) => store.put(key, value) }),
		sync: true,
		needs: ['fsync'],
	},
	'put-fsync-64': {
		...puts('put-fsync-64', { flight: IN_FLIGHT, slice: 4 * SYNC_SLICE, step: (store, key, value) => store.put(key, value) }),
		sync: true,
		needs: ['fsync'],
	},
	'get-one': gets('get-one', {}),
	'get-64': gets('get-64', { flight: IN_FLIGHT }),
	'get-sync-buffer': { ...gets('get-sync-buffer', { by: 'getSync' }), needs: ['getSync'] },
	'get-sync-string': { ...gets('get-sync-string', { by: 'getSync' }), needs: ['getSync'], form: 'string' },
	'get-sync-reused': { ...gets('get-sync-reused', { by: 'getReused' }), needs: ['getReused'] },
	'missing-await': gets('missing-await', { missing: true }),
	'missing-sync': { ...gets('missing-sync', { by: 'getSync', missing: true }), needs: ['getSync'] },
	'get-many': { start: 'filled', run: getMany },
	'scan-buffers': { start: 'filled', run: (context) => scan(context, 'scan-buffers', false) },
	'scan-strings': { start: 'filled', form: 'string', run: (context) => scan(context, 'scan-strings', false) },
	'scan-backward': { start: 'filled', run: (context) => scan(context, 'scan-backward', true) },
	'seek-10': { start: 'filled', run: seekAndNext },
	overwrite: { start: 'copy', run: overwrite },
	'delete-all': { start: 'copy', run: deleteAll },
	mixed: { start: 'copy', run: mixed },
	'1k-fill': { ...large, start: 'empty', run: (context) => fill(context, '1k-fill', context.records.shuffled()) },
	'1k-get': { ...large, ...gets('1k-get', { by: 'fastest' }) },
	'1k-scan': { ...large, start: 'filled', run: (context) => scan(context, '1k-scan', false) },
	'4k-fill': { ...larger, start: 'empty', run: (context) => fill(context, '4k-fill', context.records.shuffled()) },
	'4k-get': { ...larger, ...gets('4k-get', { by: 'fastest' }) },
	'4k-scan': { ...larger, start: 'filled', run: (context) => scan(context, '4k-scan', false) },
	'uncached-get': { ...outOfCache, ...gets('uncached-get', { by: 'fastest' }) },
	'uncached-scan': { ...outOfCache, start: 'filled', run: (context) => scan(context, 'uncached-scan', false) },
	open: { start: 'filled', run: openAndGet },
	'put-latency': { start: 'empty', run: putLatency },
};
