/**
 * Claims: the lines of LOCK, and whether their claimants live.
 *
 * A claimant keeps LOCK open. Alive means: that process still has this very file open under that descriptor. This is exact on Linux for
 * all processes one can see, and everywhere within one process, whose threads share their descriptors (Node closes those of a thread
 * that ends). Elsewhere another process counts as alive while its id is in use.
 */
import * as fs from 'node:fs';
import { hostname } from 'node:os';

/** One line of LOCK. */
export interface Claim {
	pid: number;
	/** Descriptor under which the claimant has LOCK open. */
	fd: number;
	/** Tells the claim from all others. */
	token: string;
	/** Within which process ids mean something: boot and pid namespace on Linux, else the host. */
	namespace: string;
	/** The claimant also holds the operating system's lock on the file. */
	osLock: boolean;
}

/** What identifies an open file. */
export interface FileIdentity {
	dev: number;
	ino: number;
}

/** The claims in a text, in their order. Lines that are none (torn by a crash) are left out. */
export function parseClaims(text: string): Claim[] {
	return text.split('\n').flatMap((line) => {
		if (line === '') return [];
		try {
			const claim = JSON.parse(line) as Partial<Claim> | null;
			return isClaim(claim) ? [claim] : [];
		} catch {
			return [];
		}
	});
}

function isClaim(value: Partial<Claim> | null): value is Claim {
	return (
		typeof value === 'object' &&
		value !== null &&
		Number.isInteger(value.pid) &&
		Number.isInteger(value.fd) &&
		typeof value.token === 'string' &&
		typeof value.namespace === 'string' &&
		typeof value.osLock === 'boolean'
	);
}

let namespace: string | undefined;

/** The namespace of this process, which never changes. */
export function ownNamespace(): string {
	namespace ??= readNamespace();
	return namespace;
}

function readNamespace(): string {
	try {
		const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
		return `${boot} ${fs.readlinkSync('/proc/self/ns/pid')}`;
	} catch {
		// No Linux, or no /proc.
		return hostname();
	}
}

/**
 * Does the claimant live?
 * @param later claims that stand behind it in the file
 * @param own the claim of the one who asks
 */
export function isAlive(claim: Claim, later: readonly Claim[], own: Claim, file: FileIdentity): boolean {
	if (claim.namespace !== own.namespace) {
		// Its process cannot be seen from here. Both holding the lock of the operating system is impossible: then it is gone.
		return !(claim.osLock && own.osLock);
	}
	// A later claim under the same descriptor: it was closed in between.
	if (later.some((other) => other.pid === claim.pid && other.fd === claim.fd)) return false;
	if (claim.pid === process.pid) return sameFile(() => fs.fstatSync(claim.fd), file) ?? false;
	if (!processExists(claim.pid)) return false;
	if (process.platform !== 'linux') return true;
	return sameFile(() => fs.statSync(`/proc/${claim.pid}/fd/${claim.fd}`), file) ?? true;
}

/** Is it that file? `undefined` when that may not be seen. */
function sameFile(stat: () => FileIdentity, file: FileIdentity): boolean | undefined {
	try {
		const { dev, ino } = stat();
		return dev === file.dev && ino === file.ino;
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		return code === 'ENOENT' || code === 'EBADF' || code === 'ESRCH' ? false : undefined;
	}
}

function processExists(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}
