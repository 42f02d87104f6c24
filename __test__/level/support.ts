/** What the tests of VarveLevel share. */
import { afterEach } from 'vitest';
import type { DatabaseOptions } from '../../ts/level/index';
import { VarveLevel } from '../../ts/level/index';
import { temporaryDirectory } from '../support/stores';

const opened: VarveLevel<unknown, unknown>[] = [];
afterEach(async () => {
	for (const level of opened.splice(0)) await level.close().catch(() => undefined);
});

/** A VarveLevel that is closed after the test; not opened yet. */
export function makeLevel<K = string, V = string>(
	options: DatabaseOptions<K, V>,
	location: string = temporaryDirectory(),
): VarveLevel<K, V> {
	const level = new VarveLevel<K, V>(location, options);
	opened.push(level as unknown as VarveLevel<unknown, unknown>);
	return level;
}

/** An error with a code, and one underneath. */
export interface CodedError extends Error {
	code: string;
	cause?: CodedError;
}

/** The error that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<CodedError> {
	return promise.then(
		() => Promise.reject(new Error('The promise was resolved.')),
		(error: CodedError) => error,
	);
}

/** Keys `prefix000 … ` in order. */
export function numbered(count: number, prefix = 'key'): string[] {
	return Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(6, '0')}`);
}

/** Puts a value under each key in one batch. */
export async function fill(level: VarveLevel<string, string>, keys: string[], value = 'value'): Promise<void> {
	await level.batch(keys.map((key) => ({ type: 'put' as const, key, value: `${value} ${key}` })));
}
