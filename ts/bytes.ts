/** Small helpers for byte strings. */
import { isAscii } from 'node:buffer';

/** Bytewise order, a prefix first: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
	return Buffer.compare(a, b);
}

/** Up to this length keys and values are copied by a loop: faster than a call into the runtime. */
export const LOOP_LIMIT = 48;

/** Copies what is most likely short to `target` at `at`; returns its length. */
export function copyShort(source: Uint8Array, target: Uint8Array, at: number): number {
	const { length } = source;
	if (length <= LOOP_LIMIT) for (let i = 0; i < length; i++) target[at + i] = source[i];
	else target.set(source, at);
	return length;
}

/** The bytes of a key or value as they go in. Copies nothing but strings. */
export function toBytes(value: string | Uint8Array): Uint8Array {
	return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}

/** The smallest byte string greater than `key`: the key and a zero byte. */
export function successor(key: Uint8Array): Uint8Array {
	const result = Buffer.alloc(key.length + 1);
	result.set(key);
	return result;
}

/** The smallest byte string greater than all that begin with `prefix`; undefined when there is none (empty, or all 0xff). */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
	let length = prefix.length;
	while (length > 0 && prefix[length - 1] === 0xff) length--;
	if (length === 0) return undefined;
	const result = Buffer.from(prefix.subarray(0, length));
	result[length - 1]++;
	return result;
}

type BufferOfMemory = new (memory: ArrayBufferLike, start: number, length: number) => Buffer;

/**
 * The constructor behind Buffers: `length` bytes of memory from `start` on, not copied, which the caller knows to lie within. Without the
 * checks of `subarray` a Buffer costs half.
 */
export const BufferView = (Buffer as unknown as Record<typeof Symbol.species, BufferOfMemory>)[Symbol.species];

/** The bytes as text, in which every byte is one character, to slice parts from; undefined when they are not all ASCII. */
export function asciiText(bytes: Buffer): string | undefined {
	return isAscii(bytes) ? bytes.toString('latin1') : undefined;
}
