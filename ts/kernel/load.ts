/** Chooses the kernel: native where a binary is found, else the TypeScript twin, saying so once. */
import { ConfigError } from '../errors';
import type { Kernel } from './kernel';
import { tryLockFile } from './native/file-lock';
import { loadNativeKernel } from './native/load';

/** What a user may ask for. */
export type KernelChoice = 'auto' | 'native' | 'js';

let jsKernel: Kernel | undefined;
let warned = false;

/**
 * The kernel for a choice. `'auto'` follows the environment variable VARVE_KERNEL where it is set. The TypeScript kernel, half of the code, is
 * loaded when it is needed.
 * @throws ConfigError when the native kernel is demanded and cannot be loaded, or the variable has another value.
 */
export async function loadKernel(choice: KernelChoice): Promise<Kernel> {
	const wanted = choice === 'auto' ? choiceOfProcess() : choice;
	if (wanted === 'js') return theJsKernel();
	try {
		return loadNativeKernel();
	} catch (cause) {
		if (wanted === 'native') {
			throw new ConfigError(
				`The native kernel cannot be loaded: ${(cause as Error).message}. Install the package for this platform, or open with kernel: 'auto'.`,
				{ cause },
			);
		}
		warnOnce((cause as Error).message);
		return theJsKernel();
	}
}

/**
 * The operating system's file lock, where the native addon brings it. On Windows it would keep the owner itself from reading and writing the
 * file through another handle.
 */
export function nativeFileLock(): typeof tryLockFile | undefined {
	if (process.platform === 'win32') return undefined;
	try {
		loadNativeKernel();
		return tryLockFile;
	} catch {
		// No addon: the claims in LOCK protect the directory alone.
		return undefined;
	}
}

function choiceOfProcess(): KernelChoice {
	const value = process.env.VARVE_KERNEL;
	if (value === undefined || value === '') return 'auto';
	if (value === 'auto' || value === 'native' || value === 'js') return value;
	throw new ConfigError(`The environment variable VARVE_KERNEL is '${value}'; it takes 'auto', 'native' or 'js'.`);
}

async function theJsKernel(): Promise<Kernel> {
	const { createJsKernel } = await import('./js/index.js');
	jsKernel ??= createJsKernel();
	return jsKernel;
}

function warnOnce(reason: string): void {
	if (warned) return;
	warned = true;
	process.emitWarning(`Varve runs on its TypeScript kernel, because the native one cannot be loaded: ${reason}`, {
		type: 'VarveKernelWarning',
		code: 'VARVE_KERNEL_FALLBACK',
	});
}
