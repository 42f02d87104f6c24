/** From the bounds a user gives to one half-open range [lower, upper), the only form that the kernels know. */
import { compareBytes, prefixEnd, successor, toBytes } from '../bytes';
import { ConfigError } from '../errors';
import { checkBytes } from '../limits';
import type { Bytes, RangeOptions } from '../types';

/** Keys from `lower` (inclusive) to `upper` (exclusive); undefined is unbounded. */
export interface HalfOpenRange {
	lower: Uint8Array | undefined;
	upper: Uint8Array | undefined;
}

/**
 * The range that all bounds describe together. It may be empty.
 * @throws ConfigError when two bounds of the same side are given, or one is no key.
 */
export function halfOpenRange(options: RangeOptions): HalfOpenRange {
	exclusive(options, 'gt', 'gte');
	exclusive(options, 'lt', 'lte');
	const gt = bound(options.gt, 'bound');
	const lte = bound(options.lte, 'bound');
	const prefix = bound(options.prefix, 'prefix');
	return {
		lower: greatest(gt === undefined ? bound(options.gte, 'bound') : successor(gt), prefix),
		upper: least(lte === undefined ? bound(options.lt, 'bound') : successor(lte), prefix && prefixEnd(prefix)),
	};
}

function exclusive(options: RangeOptions, a: 'gt' | 'lt', b: 'gte' | 'lte'): void {
	if (options[a] === undefined || options[b] === undefined) return;
	throw new ConfigError(`The bounds '${a}' and '${b}' contradict each other: give one of them.`);
}

function bound(value: Bytes | undefined, what: 'bound' | 'prefix'): Uint8Array | undefined {
	if (value === undefined) return undefined;
	checkBytes(value, what);
	return typeof value === 'string' ? toBytes(value) : Buffer.from(value);
}

function greatest(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
	if (a === undefined || b === undefined) return a ?? b;
	return compareBytes(a, b) >= 0 ? a : b;
}

function least(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
	if (a === undefined || b === undefined) return a ?? b;
	return compareBytes(a, b) <= 0 ? a : b;
}
