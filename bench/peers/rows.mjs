/** The rows of the comparison: their titles, units, and how far ahead of the best peer each kernel must be. */

/**
 * @typedef {object} Row
 * @property {string} title
 * @property {string} workload that yields it; 'prepare' for the filling of the stores that others read
 * @property {'rate' | 'milliseconds' | 'microseconds' | 'bytes'} unit of a rate more is better, of the others less
 * @property {number} demanded how many times better than the best peer the native kernel must be, at least
 * @property {boolean} reads the TypeScript kernel must reach half of the native one
 */

/**
 * @param {string} title
 * @param {string} workload
 * @param {number} demanded
 * @returns {Row}
 */
const write = (title, workload, demanded) => ({ title, workload, unit: 'rate', demanded, reads: false });

/**
 * @param {string} title
 * @param {string} workload
 * @param {number} demanded
 * @returns {Row}
 */
const read = (title, workload, demanded) => ({ title, workload, unit: 'rate', demanded, reads: true });

/**
 * @param {string} title
 * @param {string} workload
 * @param {'milliseconds' | 'microseconds' | 'bytes'} unit
 * @returns {Row}
 */
const cost = (title, workload, unit) => ({ title, workload, unit, demanded: 1, reads: false });

/** @type {Readonly<Record<string, Row>>} */
export const rows = {
	'fill-sequential': write('fill sequential, batches of 1,000', 'fill-sequential', 1.5),
	'fill-random': write('fill random, batches of 1,000', 'fill-random', 2),
	'put-one': write('put awaited one by one', 'put-one', 4),
	'put-64': write('put, 64 in flight', 'put-64', 4),
	'put-sync': write('putSync', 'put-sync', 4),
	'put-fsync-one': write('put with fsync, one by one', 'put-fsync-one', 1),
	'put-fsync-64': write('put with fsync, 64 in flight', 'put-fsync-64', 4),
	'get-one': read('random await get, one by one', 'get-one', 1.5),
	'get-64': read('random await get, 64 in flight', 'get-64', 1.5),
	'get-sync-buffer': read('random getSync, Buffer', 'get-sync-buffer', 1.3),
	'get-sync-string': read('random getSync, string', 'get-sync-string', 1.3),
	'get-sync-reused': read('random getSync into a reused buffer', 'get-sync-reused', 1.3),
	'missing-await': read('missing key, await', 'missing-await', 3),
	'missing-sync': read('missing key, sync', 'missing-sync', 4),
	'get-many': read('getMany of 100, keys', 'get-many', 2),
	'scan-buffers': read('full scan forward, buffers', 'scan-buffers', 3),
	'scan-strings': read('full scan forward, strings', 'scan-strings', 1.5),
	'scan-backward': read('full scan backward', 'scan-backward', 2.5),
	'seek-10': read('random seek and next 10', 'seek-10', 3),
	overwrite: write('overwrite random, batches of 1,000', 'overwrite', 2),
	'get-after-overwrite': read('then random get', 'overwrite', 1.3),
	'delete-all': write('delete all, batches of 1,000', 'delete-all', 2),
	mixed: read('mixed, nine gets and a put, awaited', 'mixed', 1),
	'1k-fill': write('1 KB values: fill random', '1k-fill', 1.5),
	'1k-get': read('1 KB values: random get', '1k-get', 1.5),
	'1k-scan': read('1 KB values: scan', '1k-scan', 1.5),
	'4k-fill': write('4 KB values: fill random', '4k-fill', 1.5),
	'4k-get': read('4 KB values: random get', '4k-get', 1.5),
	'4k-scan': read('4 KB values: scan', '4k-scan', 1.5),
	'uncached-get': read('data 10 times the cache: random get', 'uncached-get', 1.2),
	'uncached-scan': read('data 10 times the cache: scan', 'uncached-scan', 1.2),
	'disk-after-fill': cost('bytes on disk after fill, settled', 'prepare', 'bytes'),
	'disk-after-overwrite': cost('bytes on disk after overwrite, settled', 'overwrite', 'bytes'),
	open: cost('open of a filled store to the first read', 'open', 'milliseconds'),
	'put-p99': cost('p99 of an awaited put', 'put-latency', 'microseconds'),
	'fill-stall': cost('largest stall in a random fill', 'fill-random', 'milliseconds'),
};
