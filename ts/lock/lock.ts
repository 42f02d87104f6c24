/**
 * The lock on a store's directory: one `Database` at a time, in this thread, another worker or another process, on either kernel.
 *
 * Each contender opens LOCK, appends one line (its claim) and then reads the file. The first line whose claimant lives owns the
 * directory.
 *
 * Why there is exactly one winner: appends are atomic and have one order, the same for all readers; a contender reads only after its own
 * claim is in the file. Of two living claims the later contender therefore sees the earlier one, and gives way.
 *
 * Invariants:
 *  1. Never stale: a claim lives by the open descriptor of its owner (see claim.ts), which goes with the process or thread, however it ends.
 *  2. Only the owner truncates the file, when it lets go; a contender that does not find its own line starts again.
 *  3. Only the owner removes the file, when the store is destroyed. Claims are read by path: one that was written to a removed file is not
 *     found, and never wins.
 *  4. An owner that has made everything durable leaves the file empty. Whoever finds a claim of the dead in it, or no file, must take what he
 *     reads for perhaps not durable. (An empty file after a loss of power, which claims do not survive, is none: what can be read then is on the
 *     disk.)
 *
 * Where the native addon is there, the owner holds the operating system's file lock as well. It settles what the claims cannot see: an
 * owner in another container.
 */
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { IOError, LockedError, VarveError } from '../errors';
import { type Claim, isAlive, ownNamespace, parseClaims } from './claim';

const ATTEMPTS = 10;

/** The operating system's lock on one file. */
export interface OsLock {
	release(): void;
}

export interface LockOptions {
	directory: string;
	/** Takes the operating system's lock on a file; `undefined` when somebody else has it. */
	tryLockFile?: (path: string) => OsLock | undefined;
}

/** A directory that is ours. */
export interface DirectoryLock {
	/** All that can be read in the directory is durable: the owner before has said so. */
	readonly isClean: boolean;
	/**
	 * Lets go. Idempotent.
	 * @param isClean all that can be read in the directory is durable
	 */
	release(isClean: boolean): void;
}

/**
 * Locks a directory.
 * @throws LockedError when it is somebody else's, IOError when LOCK cannot be written.
 */
export function acquireLock({ directory, tryLockFile }: LockOptions): DirectoryLock {
	const path = join(directory, 'LOCK');
	const isNew = !fs.existsSync(path);
	const fd = open(path);
	let osLock: OsLock | undefined;
	let before: number;
	try {
		osLock = tryLockFile?.(path);
		if (tryLockFile !== undefined && osLock === undefined) throw locked(path, firstLiving(fs.readFileSync(path), fd, undefined));
		before = claim(path, fd, osLock !== undefined);
	} catch (error) {
		osLock?.release();
		fs.closeSync(fd);
		throw error instanceof VarveError ? error : cannotLock(path, error);
	}
	return { isClean: before === 0 && !isNew, release: releaseOnce(fd, before, osLock) };
}

function open(path: string): number {
	try {
		return fs.openSync(path, 'a+', 0o644);
	} catch (cause) {
		throw cannotLock(path, cause);
	}
}

/** Returns how many bytes of others stand before the claim. */
function claim(path: string, fd: number, osLock: boolean): number {
	const own: Claim = { pid: process.pid, fd, token: randomUUID(), namespace: ownNamespace(), osLock };
	for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
		// The newline first ends a line that a crash has torn.
		const line = `\n${JSON.stringify(own)}\n`;
		fs.writeSync(fd, line);
		const bytes = fs.readFileSync(path);
		const owner = firstLiving(bytes, fd, own);
		if (owner?.token === own.token) return bytes.indexOf(line);
		if (owner !== undefined) throw locked(path, owner);
	}
	throw locked(path, undefined);
}

/** The claim that owns the directory; `undefined` when there is none, not even one's own: the owner has truncated the file. */
function firstLiving(bytes: Buffer, fd: number, own: Claim | undefined): Claim | undefined {
	const claims = parseClaims(bytes.toString());
	const self = own ?? { pid: process.pid, fd, token: '', namespace: ownNamespace(), osLock: false };
	const file = fs.fstatSync(fd);
	return claims.find((one, index) => one.token === self.token || isAlive(one, claims.slice(index + 1), self, file));
}

/** @param before bytes of claims of the dead before one's own: they stay when the directory is not clean, and one's own stays as the first. */
function releaseOnce(fd: number, before: number, osLock: OsLock | undefined): (isClean: boolean) => void {
	let released = false;
	return (isClean) => {
		if (released) return;
		released = true;
		try {
			if (isClean || before > 0) fs.ftruncateSync(fd, isClean ? 0 : before);
		} finally {
			// Closing ends the claim, whether or not the file could be emptied.
			fs.closeSync(fd);
			osLock?.release();
		}
	};
}

function locked(path: string, owner: Claim | undefined): LockedError {
	const who = owner === undefined ? 'another Database' : `a Database in process ${owner.pid}`;
	return new LockedError(
		`The store is open in ${who}: ${path} is held. Close that one first; one store takes one Database at a time. ` +
			'(If the owner ran in another container or on another host and is surely gone, remove the file.)',
		{ path },
	);
}

function cannotLock(path: string, cause: unknown): IOError {
	return new IOError(`${path} cannot be written: ${(cause as Error).message}. The directory of a store must be writable.`, {
		cause,
		path,
	});
}
