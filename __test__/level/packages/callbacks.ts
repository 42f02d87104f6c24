/**
 * The interface of abstract-level 1, with callbacks, in front of a database of abstract-level 3: as much of it as the host of many-level 2
 * calls. A missing entry is an error there.
 */
import type { AbstractBatchOperation } from 'abstract-level';
import type { Level } from './support';

type Callback<T> = (error: unknown, result?: T) => void;

type Options = Record<string, unknown>;

type BatchOperation = AbstractBatchOperation<Level, string, string>;

/** An iterator over entries, keys or values. */
interface PromiseIterator {
	nextv(size: number): Promise<unknown[]>;
	seek(target: Buffer, options: Options): void;
	close(): Promise<void>;
}

/** Makes a promise report to a callback. What the callback throws is the process's to handle, as it always was. */
function report<T>(promise: Promise<T>, callback: Callback<T>): void {
	promise.then(
		(result) => setImmediate(callback, null, result),
		(error: unknown) => setImmediate(callback, error),
	);
}

async function getOrThrow(level: Level, key: Buffer, options: Options): Promise<unknown> {
	const value = await level.get(key as unknown as string, options);
	if (value === undefined) throw Object.assign(new Error('Entry not found'), { code: 'LEVEL_NOT_FOUND' });
	return value;
}

function iteratorWithCallbacks(iterator: PromiseIterator) {
	return {
		nextv: (size: number, callback: Callback<unknown[]>) => report(iterator.nextv(size), callback),
		seek: (target: Buffer, options: Options) => iterator.seek(target, options),
		close: (callback: Callback<void>) => report(iterator.close(), callback),
	};
}

/** What a package made for abstract-level 1 can be given instead of the level. */
export function withCallbacks(level: Level): object {
	const iterators = level as unknown as Record<'iterator' | 'keys' | 'values', (options: Options) => PromiseIterator>;
	return {
		supports: level.supports,
		open: (options: Options, callback: Callback<void>) => report(level.open(options), callback),
		get: (key: Buffer, options: Options, callback: Callback<unknown>) => report(getOrThrow(level, key, options), callback),
		getMany: (keys: string[], options: Options, callback: Callback<unknown>) => report(level.getMany(keys, options), callback),
		put: (key: string, value: string, options: Options, callback: Callback<void>) =>
			report(level.put(key, value, options), callback),
		del: (key: string, options: Options, callback: Callback<void>) => report(level.del(key, options), callback),
		batch: (operations: BatchOperation[], options: Options, callback: Callback<void>) =>
			report(level.batch(operations, options), callback),
		clear: (options: Options, callback: Callback<void>) => report(level.clear(options), callback),
		iterator: (options: Options) => iteratorWithCallbacks(iterators.iterator(options)),
		keys: (options: Options) => iteratorWithCallbacks(iterators.keys(options)),
		values: (options: Options) => iteratorWithCallbacks(iterators.values(options)),
	};
}
