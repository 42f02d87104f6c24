/**
 * What the workloads need of a store, and how peers are loaded.
 *
 * Every adapter in this folder exports one `Adapter`. A method that a store has no API for is absent, and `missing` tells why. Methods may
 * answer with a value or with a promise, whichever the store does: the workloads await both.
 */
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** @typedef {Buffer | string} Bytes */
/** @typedef {'buffer' | 'string'} Form in what form keys and values come out */

/**
 * @typedef {object} Opening
 * @property {string} directory
 * @property {boolean} sync fsync before a write is acknowledged; otherwise a write survives the end of the process only
 * @property {number} cacheBytes limit of the store's own cache
 * @property {Form} form
 * @property {string} [varve] file of the Varve to measure; default: this package
 */

/** @typedef {(key: Bytes, value: Bytes) => void} Visit */

/**
 * @typedef {object} BenchStore
 * @property {(keys: Bytes[], values: Bytes[]) => unknown} putBatch writes all or none
 * @property {(keys: Bytes[]) => unknown} deleteBatch
 * @property {(key: Bytes, value: Bytes) => unknown} put
 * @property {(key: Bytes) => unknown} get the value or `undefined`, or a promise of it
 * @property {(keys: Bytes[]) => unknown} getMany an array of values, or a promise of it
 * @property {(reverse: boolean, visit: Visit) => unknown} scan all entries in order
 * @property {(from: Bytes, limit: number, visit: Visit) => unknown} range the first entries at or after a key
 * @property {(key: Bytes, value: Bytes) => void} [putSync]
 * @property {(key: Bytes) => Bytes | undefined} [getSync]
 * @property {(key: Bytes) => Bytes | undefined} [getReused] the value in a buffer that the next read overwrites
 * @property {() => unknown} settle brings the tree into the shape in which it stays
 * @property {() => unknown} close
 */

/** @typedef {'putSync' | 'getSync' | 'getReused' | 'fsync'} Capability */

/**
 * @typedef {object} Adapter
 * @property {string} title
 * @property {string} packageName
 * @property {Form} keyForm in what form the store takes keys best, where the workload does not ask for strings
 * @property {boolean} formsDiffer a filled store of strings is another than one of buffers
 * @property {string} settings what is set, and why
 * @property {Partial<Record<Capability, string>>} missing why there is none
 * @property {(opening: Opening) => Promise<BenchStore>} open
 */

const fromPeers = createRequire(new URL('../packages/package.json', import.meta.url));

/**
 * A package of the peers' own folder.
 * @param {string} name
 * @returns {unknown}
 */
export function loadPeer(name) {
	return fromPeers(name);
}

/** @param {string} name */
export function peerVersion(name) {
	/** @type {{ version: string }} */
	const { version } = fromPeers(`${name}/package.json`);
	return version;
}

/**
 * Bytes that the files below a directory take on the disk.
 * @param {string} directory
 * @returns {number}
 */
export function diskBytes(directory) {
	return readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
		const place = path.join(directory, entry.name);
		return sum + (entry.isDirectory() ? diskBytes(place) : statSync(place).blocks * 512);
	}, 0);
}
