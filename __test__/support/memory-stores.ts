/** Whole stores on a file system in memory, on the TypeScript kernel with its jobs on the calling thread: the same in every run. */
import { openStore } from '../../ts/database/open';
import type { Clock, Environment } from '../../ts/environment';
import type { FileSystem } from '../../ts/fs/file-system';
import { createJsKernel } from '../../ts/kernel/js/index';
import { READ_UTF8 } from '../../ts/kernel/kernel';
import type { DirectoryLock } from '../../ts/lock/lock';
import type { Store } from '../../ts/store/store';
import type { Durability, OpenOptions } from '../../ts/types';

export const ROOT = '/data/store';

/** So small that a few dozen batches flush and compact; without compression, which would make of repeated texts nothing at all. */
export const smallest = {
	memtableSize: 4096,
	tableSize: 4096,
	blockSize: 256,
	levelBaseSize: 8192,
	levelMultiplier: 2,
	level0CompactionTrigger: 2,
	compactionThreads: 3,
	compression: 'none',
	cacheSize: 0,
} as const satisfies OpenOptions;

/** Time that passes by a millisecond a look; what is scheduled happens in the next turn. */
export function steppedClock(): Clock {
	let now = 0;
	return {
		nanoseconds: () => BigInt(++now) * 1_000_000n,
		milliseconds: () => ++now,
		schedule: (callback) => {
			const handle = setImmediate(callback);
			return () => clearImmediate(handle);
		},
	};
}

/** A store and what it reported in the background. */
export interface MemoryStore {
	store: Store;
	errors: Error[];
}

const unclean = new WeakSet<FileSystem>();

/** Nobody else is there. As the real lock it knows whether the owner before has let go of a file system in order. */
export function memoryLock(fileSystem: FileSystem): DirectoryLock {
	const isClean = !unclean.has(fileSystem);
	unclean.add(fileSystem);
	return {
		isClean,
		release: (clean) => {
			if (clean) unclean.delete(fileSystem);
		},
	};
}

export async function openMemoryStore(fileSystem: FileSystem, options: OpenOptions = {}): Promise<MemoryStore> {
	const environment: Environment = { fileSystem, clock: steppedClock(), lock: () => memoryLock(fileSystem) };
	const store = await openStore(ROOT, options, environment, createJsKernel({ fileSystem, jobs: 'inline' }));
	const errors: Error[] = [];
	store.events.on('backgroundError', (error) => errors.push(error));
	return { store, errors };
}

/** A batch: values by key, undefined for a delete. */
export type Change = ReadonlyMap<string, string | undefined>;

export function write(store: Store, change: Change, durability: Durability): Promise<void> {
	return store.commits.add((encoder) => {
		for (const [key, value] of change) {
			if (value === undefined) encoder.delete(key);
			else encoder.put(key, value);
		}
	}, durability);
}

/** The values of keys that have one. */
export function contents(store: Store, keys: readonly string[]): Map<string, string> {
	const values = store.reader.getManySync(keys, store.sequence, READ_UTF8) as (string | undefined)[];
	return new Map(keys.flatMap((key, i) => (values[i] === undefined ? [] : [[key, values[i] as string]])));
}

/** What is there after changes, in order. */
export function stateAfter(changes: readonly Change[]): Map<string, string> {
	const state = new Map<string, string>();
	for (const change of changes) {
		for (const [key, value] of change) {
			if (value === undefined) state.delete(key);
			else state.set(key, value);
		}
	}
	return state;
}
