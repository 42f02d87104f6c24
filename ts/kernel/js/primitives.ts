/** The kernel's functions one by one, for tests and for benchmarks that compare kernels: thin wrappers that allocate freely. */
import { BlockBuilder, fingerprintOf } from './block/builder';
import { BlockCursor, type BlockKeys, INTERNAL_KEYS, PLAIN_KEYS } from './block/cursor';
import { writtenPolicy } from './filter/policies';
import { FilterBuilder } from './filter/policy';
import { TRAILER_SIZE } from './internal-key';
import { MergeCursor } from './merge/cursor';
import { hash, xxHash64 as hashRange } from './xxhash64';

type Entry = [key: Uint8Array, value: Uint8Array];

export function xxHash64(bytes: Uint8Array): bigint {
	hashRange(bytes, 0, bytes.length);
	return (BigInt(hash.high) << 32n) | BigInt(hash.low);
}

export function buildFilter(policy: string, keys: Uint8Array[], milliBitsPerKey: number, probes: number): Uint8Array {
	const builder = new FilterBuilder(writtenPolicy(policy), { milliBitsPerKey, probes });
	for (const key of keys) {
		hashRange(key, 0, key.length);
		builder.add(hash.low, hash.high);
	}
	return builder.finish();
}

export function filterMayContain(policy: string, filter: Uint8Array, key: Uint8Array): boolean {
	hashRange(key, 0, key.length);
	return writtenPolicy(policy).open(filter).mayContain(hash.low, hash.high);
}

export function encodeBlock(entries: Entry[], restartInterval: number): Uint8Array {
	const builder = new BlockBuilder(restartInterval);
	for (const [key, value] of entries) builder.add(key, 0, key.length, value, 0, value.length);
	return builder.finish();
}

export function encodeDataBlock(entries: Entry[], restartInterval: number): Uint8Array {
	const builder = new BlockBuilder(restartInterval);
	for (const [key, value] of entries) {
		builder.add(key, 0, key.length, value, 0, value.length);
		builder.addFingerprint(fingerprintIn(key));
	}
	return builder.finish();
}

export function decodeBlock(block: Uint8Array): Entry[] {
	const entries: Entry[] = [];
	const cursor = open(block, PLAIN_KEYS);
	cursor.verifyRestarts();
	for (cursor.seekToFirst(); cursor.valid; cursor.next()) entries.push(copyEntry(cursor));
	return entries;
}

export function seekBlock(block: Uint8Array, target: Uint8Array): Entry | undefined {
	const cursor = open(block, INTERNAL_KEYS);
	cursor.seek(target, 0, target.length);
	return cursor.valid ? copyEntry(cursor) : undefined;
}

export function findInBlock(block: Uint8Array, target: Uint8Array): Entry | undefined {
	const cursor = open(block, INTERNAL_KEYS);
	cursor.find(target, 0, target.length, fingerprintIn(target));
	return cursor.valid ? copyEntry(cursor) : undefined;
}

export function mergeBlocks(blocks: Uint8Array[], restartInterval: number): Uint8Array {
	const merge = new MergeCursor(blocks.map((block) => open(block, INTERNAL_KEYS)));
	const builder = new BlockBuilder(restartInterval);
	for (merge.seekToFirst(); merge.valid; merge.next()) {
		const { keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd } = merge;
		builder.add(keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd);
	}
	return builder.finish();
}

/** The fingerprint of the user key in an internal key. */
function fingerprintIn(key: Uint8Array): number {
	hashRange(key, 0, key.length - TRAILER_SIZE);
	return fingerprintOf(hash.low);
}

function open(block: Uint8Array, keys: BlockKeys): BlockCursor {
	const cursor = new BlockCursor(keys);
	cursor.reset(Buffer.from(block.buffer, block.byteOffset, block.byteLength));
	return cursor;
}

function copyEntry(cursor: BlockCursor): Entry {
	return [
		Buffer.from(cursor.keyBytes.subarray(0, cursor.keyEnd)),
		Buffer.from(cursor.valueBytes.subarray(cursor.valueStart, cursor.valueEnd)),
	];
}
