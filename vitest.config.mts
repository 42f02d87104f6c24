import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		// Tests of the scripts, which are ES modules, are .mts.
		include: ['__test__/**/*.test.ts', '__test__/**/*.test.mts'],
		// Processes, not threads: a test may change the environment, and an addon is loaded as an application would load it.
		pool: 'forks',
		testTimeout: 60_000,
		hookTimeout: 60_000,
		coverage: {
			provider: 'v8',
			include: ['ts/**/*.ts'],
			reporter: ['text', 'json-summary'],
			reportsDirectory: 'coverage',
			reportOnFailure: true,
			thresholds: { lines: 90 },
		},
	},
});
