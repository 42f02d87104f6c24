/** The kernels, as `npm run build` has made them. */
import { createRequire } from 'node:module';

/** @typedef {import('./measure.mjs').KernelName} KernelName */

/** @type {{ loadKernel(choice: KernelName): import('../dist/kernel/kernel.js').Kernel }} */
export const { loadKernel } = createRequire(import.meta.url)('../dist/kernel/load.js');

/**
 * Those that can be measured here; says so when the native one is missing.
 * @returns {KernelName[]}
 */
export function availableKernels() {
	try {
		loadKernel('native');
		return ['native', 'js'];
	} catch (error) {
		console.log(`${/** @type {Error} */ (error).message}\n`);
		return ['js'];
	}
}
