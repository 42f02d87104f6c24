/** The kernels, as `npm run build` has made them. */
import { createRequire } from 'node:module';

/** @typedef {import('./measure.mjs').KernelName} KernelName */
/** @typedef {import('../dist/kernel/kernel.js').Kernel} Kernel */

/** @type {typeof import('../dist/kernel/load.js')} */
const { loadKernel } = createRequire(import.meta.url)('../dist/kernel/load.js');

/**
 * Those that can be measured here; says so when the native one is missing.
 * @returns {Promise<Map<KernelName, Kernel>>}
 */
export async function availableKernels() {
	const js = await loadKernel('js');
	try {
		return new Map([
			['native', await loadKernel('native')],
			['js', js],
		]);
	} catch (error) {
		console.log(`${/** @type {Error} */ (error).message}\n`);
		return new Map([['js', js]]);
	}
}
