/**
 * Writes keys where the kernel reads them: its scratch buffer.
 *
 * Short keys are copied by a loop: for a few dozen bytes it is faster than a call into the runtime.
 */
import { copyShort, LOOP_LIMIT } from '../bytes';
import type { KernelEngine } from '../kernel/kernel';
import { checkBytes, checkKeyLength } from '../limits';
import type { Bytes } from '../types';

/** Writes `key` to the scratch buffer of `engine`; returns its length in bytes. */
export function writeKey(engine: KernelEngine, key: Bytes): number {
	return typeof key === 'string' ? writeString(engine, key) : writeBytes(engine, key);
}

function writeString(engine: KernelEngine, key: string): number {
	const units = key.length;
	let scratch = engine.keyScratch;
	if (units <= LOOP_LIMIT && units <= scratch.length) {
		let i = 0;
		for (; i < units; i++) {
			const unit = key.charCodeAt(i);
			if (unit > 0x7f) break;
			scratch[i] = unit;
		}
		if (i === units) return units;
	}
	if (units * 3 > scratch.length) {
		const length = Buffer.byteLength(key);
		checkKeyLength(length);
		engine.reserveKey(length);
		scratch = engine.keyScratch;
	}
	return scratch.write(key, 0, 'utf8');
}

function writeBytes(engine: KernelEngine, key: Uint8Array): number {
	checkBytes(key, 'key');
	const length = key.length;
	if (length > engine.keyScratch.length) {
		checkKeyLength(length);
		engine.reserveKey(length);
	}
	const scratch = engine.keyScratch;
	return copyShort(key, scratch, 0);
}

/** Packs keys as `getMany` of the kernel wants them: length (4) and bytes each. */
export function packKeys(keys: readonly Bytes[]): Uint8Array {
	let size = 0;
	for (const key of keys) {
		checkBytes(key, 'key');
		const length = typeof key === 'string' ? Buffer.byteLength(key) : key.length;
		checkKeyLength(length);
		size += 4 + length;
	}
	const packed = Buffer.allocUnsafe(size);
	let offset = 0;
	for (const key of keys) {
		const length = typeof key === 'string' ? packed.write(key, offset + 4, 'utf8') : copyShort(key, packed, offset + 4);
		packed[offset] = length;
		packed[offset + 1] = length >>> 8;
		packed[offset + 2] = length >>> 16;
		packed[offset + 3] = length >>> 24;
		offset += 4 + length;
	}
	return packed;
}
