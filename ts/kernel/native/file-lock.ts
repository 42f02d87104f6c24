/** The operating system's lock on a file, through the addon. */
import { call } from './errors';
import { loadAddon } from './load';

/** Takes the exclusive lock on a file, making it when it is missing; `undefined` when somebody else has it. */
export function tryLockFile(path: string): { release(): void } | undefined {
	return call(() => loadAddon().tryLockFile(path));
}
