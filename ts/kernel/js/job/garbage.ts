/**
 * Collecting the garbage of a thread.
 *
 * A job leaves a memtable in shared memory and buffers behind, and next to nothing in the heap. The runtime does not count shared memory when it
 * decides whether to collect, so the thread of a few jobs a minute would keep one memtable after the other.
 *
 * Invariants:
 *  1. Programs see no function `gc` that was not there before: the flag that shows it to new contexts is set for the making of one. It is one
 *     for the whole process; a thread that finds that another has reset it tries again.
 *  2. Where there is no such function nothing is collected, and nothing fails.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const MOST_ATTEMPTS = 100;

/** What collects all garbage of the calling thread: some milliseconds for the small heap of a job's thread. */
export function garbageCollector(): () => void {
	let collect: (() => void) | undefined = globalThis.gc;
	try {
		for (let attempt = 0; collect === undefined && attempt < MOST_ATTEMPTS; attempt++) collect = exposedCollector();
	} catch {
		// A runtime without flags, or without contexts.
	}
	return collect ?? (() => undefined);
}

function exposedCollector(): (() => void) | undefined {
	setFlagsFromString('--expose-gc');
	try {
		return runInNewContext('globalThis.gc') as (() => void) | undefined;
	} finally {
		setFlagsFromString('--no-expose-gc');
	}
}
