/**
 * The kernels that every kernel suite runs over: the TypeScript one, and the native one where its binary exists. With
 * VARVE_REQUIRE_NATIVE=1 a missing binary is an error.
 *
 * Jobs of the TypeScript kernel run inline here, so that suites need no build; `js/jobs.test.ts` covers the worker.
 */
import { createJsKernel } from '../ts/kernel/js/index';
import type { Kernel } from '../ts/kernel/kernel';
import { loadNativeKernel } from '../ts/kernel/native/load';

function findNative(): Kernel[] {
	try {
		return [loadNativeKernel()];
	} catch (error) {
		if (process.env.VARVE_REQUIRE_NATIVE === '1') throw error;
		return [];
	}
}

export const kernels: Kernel[] = [createJsKernel({ jobs: 'inline' }), ...findNative()];
