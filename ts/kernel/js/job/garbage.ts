/**
 * Collecting the garbage of a thread.
 *
 * A job leaves a memtable in shared memory and buffers behind, and next to nothing in the heap. The runtime does not count shared memory when it
 * decides whether to collect, so the thread of a few jobs a minute would keep one memtable after the other.
 *
 * Invariant: programs see no function `gc` that was not there before. The flag that shows it to new contexts is set for the making of one.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What collects all garbage of the calling thread: some milliseconds for the small heap of a job's thread. */
export function garbageCollector(): () => void {
	if (globalThis.gc !== undefined) return globalThis.gc;
	setFlagsFromString('--expose-gc');
	try {
		return runInNewContext('gc') as () => void;
	} finally {
		setFlagsFromString('--no-expose-gc');
	}
}
