/** Compares the two stores: each entry with its counterpart, and a checksum over each side. */
import { createHash } from 'node:crypto';
import { number } from '../../scripts/table.mjs';
import { readChunks } from './source.mjs';

const READ_BYTES = 1024 * 1024;
/** Most bytes of a key that are printed. */
const KEY_BYTES_SHOWN = 64;

/** @typedef {import('./source.mjs').Entry} Entry */
/** @typedef {{ key: Buffer, what: string }} Difference */

/** Count and SHA-256 of entries; each is its lengths (key, value: u32, little-endian), then key, then value. */
class Checksum {
	#hash = createHash('sha256');
	#lengths = Buffer.alloc(8);
	entries = 0;
	bytes = 0;

	/** @param {Entry} entry */
	add([key, value]) {
		this.#lengths.writeUInt32LE(key.length, 0);
		this.#lengths.writeUInt32LE(value.length, 4);
		this.#hash.update(this.#lengths).update(key).update(value);
		this.entries++;
		this.bytes += key.length + value.length;
	}

	digest() {
		return { entries: this.entries, sha256: this.#hash.digest('hex') };
	}
}

/**
 * Walks both stores in order. `undefined` when the signal ended it before.
 * @param {object} work
 * @param {import('./source.mjs').Source} work.source
 * @param {import('varve').Database} work.destination
 * @param {import('./progress.mjs').Progress} work.progress
 * @param {AbortSignal} work.signal
 */
export async function verify({ source, destination, progress, signal }) {
	const left = new Checksum();
	const right = new Checksum();
	const originals = entriesOf(source);
	const copies = destination.iterator({ fillCache: false })[Symbol.asyncIterator]();
	/** @type {Difference | undefined} */
	let difference;
	try {
		for (;;) {
			const original = (await originals.next()).value ?? undefined;
			const copied = (await copies.next()).value ?? undefined;
			const entry = original ?? copied;
			if (entry === undefined) break;
			if (signal.aborted) return undefined;
			if (original !== undefined) left.add(original);
			if (copied !== undefined) right.add(copied);
			difference ??= compare(original, copied);
			if (progress.due()) await progress.report(left.entries, left.bytes, entry[0]);
		}
	} finally {
		await originals.return();
		await copies.return();
	}
	progress.finish(left.entries, left.bytes);
	return { source: left.digest(), destination: right.digest(), difference };
}

/**
 * Prints both sides, and where they differ first.
 * @param {NonNullable<Awaited<ReturnType<typeof verify>>>} result
 */
export function printResult({ source, destination, difference }) {
	console.log(`source:      ${number(source.entries)} entries, sha256 ${source.sha256}`);
	console.log(`destination: ${number(destination.entries)} entries, sha256 ${destination.sha256}`);
	if (difference === undefined) console.log('They hold the same entries.');
	else console.error(`They differ, first at the key ${describeKey(difference.key)}: ${difference.what}.`);
}

/** @param {import('./source.mjs').Source} source */
async function* entriesOf(source) {
	for await (const chunk of readChunks(source, { bytes: READ_BYTES })) yield* chunk;
}

/**
 * @param {Entry | undefined} original
 * @param {Entry | undefined} copied
 * @returns {Difference | undefined}
 */
function compare(original, copied) {
	if (original === undefined) return copied && { key: copied[0], what: 'it is only in the destination' };
	const order = copied === undefined ? -1 : Buffer.compare(original[0], copied[0]);
	if (copied === undefined || order < 0) return { key: original[0], what: 'it is missing in the destination' };
	if (order > 0) return { key: copied[0], what: 'it is only in the destination' };
	return original[1].equals(copied[1]) ? undefined : { key: original[0], what: 'the values differ' };
}

/** @param {Buffer} key */
function describeKey(key) {
	const shown = key.subarray(0, KEY_BYTES_SHOWN);
	const rest = shown.length < key.length ? `… (${number(key.length)} bytes)` : '';
	const text = shown.toString('latin1');
	return /^[ -~]+$/.test(text) ? `'${text}'${rest}` : `0x${shown.toString('hex')}${rest}`;
}
