/**
 * What the store takes from the world outside: files, time and the lock on its directory. Tests put their own in its place and
 * can so replay any failure.
 */
import type { FileSystem } from './fs/file-system';
import { nodeFileSystem } from './fs/node-file-system';
import { nativeFileLock } from './kernel/load';
import { acquireLock, type DirectoryLock } from './lock/lock';

/** Time. */
export interface Clock {
	/** Nanoseconds since the epoch, never going back within a process. */
	nanoseconds(): bigint;
	/** Milliseconds on a clock that only goes forward; for durations. */
	milliseconds(): number;
	/**
	 * Calls back once after `delay` milliseconds; returns a function that cancels it.
	 * @param keepAlive keep the process from ending meanwhile, because somebody waits for it. Default false.
	 */
	schedule(callback: () => void, delay: number, keepAlive?: boolean): () => void;
}

/** Everything from outside, for one store. */
export interface Environment {
	fileSystem: FileSystem;
	clock: Clock;
	/** Locks a directory against a second open, or throws a LockedError. */
	lock(directory: string): DirectoryLock;
}

/** The latest time that was told. */
let latest = 0n;

/** The clock of the machine. */
export const systemClock: Clock = {
	// Entries expire by it: it must not fall behind, as clocks that only go forward do while the machine sleeps.
	nanoseconds: () => {
		const now = BigInt(Date.now()) * 1_000_000n;
		if (now > latest) latest = now;
		return latest;
	},
	milliseconds: () => performance.now(),
	schedule: (callback, delay, keepAlive = false) => {
		const timer = setTimeout(callback, delay);
		if (!keepAlive) timer.unref();
		return () => clearTimeout(timer);
	},
};

/** The world as it is. */
export const systemEnvironment: Environment = {
	fileSystem: nodeFileSystem,
	clock: systemClock,
	lock: (directory) => {
		const tryLockFile = nativeFileLock();
		return acquireLock(tryLockFile === undefined ? { directory } : { directory, tryLockFile });
	},
};
