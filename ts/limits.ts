/** Limits of the tree, of keys and of values, and the checks of what a caller passes as one. */
import { ConfigError, ResourceError } from './errors';
import type { Bytes } from './types';

/** Levels of the tree, 0 to 6. */
export const LEVELS = 7;
export const BOTTOM_LEVEL = LEVELS - 1;

/** Longest key: 1 MiB. */
export const MAX_KEY_BYTES = 1024 * 1024;
/** Longest value: 1 GiB. */
export const MAX_VALUE_BYTES = 1024 * 1024 * 1024;
/** Longest batch, as encoded: 2 GiB − 1. */
export const MAX_BATCH_BYTES = 2 ** 31 - 1;

/** Throws a ConfigError unless a key or value is a string or a Uint8Array. */
export function checkBytes(value: unknown, what: 'key' | 'value' | 'bound' | 'prefix'): asserts value is Bytes {
	if (typeof value === 'string' || value instanceof Uint8Array) return;
	const got = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
	throw new ConfigError(`A ${what} must be a string or a Uint8Array; got ${got}.`);
}

/** Throws a ResourceError for a key that is too long. */
export function checkKeyLength(length: number): void {
	if (length > MAX_KEY_BYTES) throw new ResourceError(`A key has at most ${MAX_KEY_BYTES} bytes; this one has ${length}.`);
}
