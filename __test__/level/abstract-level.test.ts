/** The suite that abstract-level publishes, whole, on each kernel: once as it is, once with every write flushed and compacted. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kernelNames } from '../support/stores';

/** Fewer would mean that the suite skips what VarveLevel claims to support. */
const LEAST_ASSERTIONS = 5168;

interface Outcome {
	code: number | null;
	/** The lines of failed assertions. */
	failures: string[];
	passed: number;
	compactions: number;
	stderr: string;
}

function runSuite(kernel: string, mode: string): Promise<Outcome> {
	const program = join(__dirname, 'abstract-suite.mjs');
	const child = spawn(process.execPath, [program, mode], { env: { ...process.env, VARVE_KERNEL: kernel } });
	let stdout = '';
	let stderr = '';
	child.stdout.on('data', (text: Buffer) => {
		stdout += text;
	});
	child.stderr.on('data', (text: Buffer) => {
		stderr += text;
	});
	return new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (code) => {
			const lines = stdout.split('\n');
			const count = (name: string) => Number(stdout.match(new RegExp(`^# ${name} +(\\d+)$`, 'm'))?.[1] ?? Number.NaN);
			const failures = lines.filter((line) => line.startsWith('not ok'));
			resolve({ code, failures, passed: count('pass'), compactions: count('compactions'), stderr });
		});
	});
}

describe.each(kernelNames)('the suite of abstract-level (%s)', (kernel) => {
	it('passes', async () => {
		const { code, failures, passed, stderr } = await runSuite(kernel, 'plain');
		expect(failures).toEqual([]);
		expect(stderr).toBe('');
		expect(passed).toBeGreaterThanOrEqual(LEAST_ASSERTIONS);
		expect(code).toBe(0);
	}, 300_000);

	it('passes when every write is flushed and compacted', async () => {
		const { code, failures, passed, compactions, stderr } = await runSuite(kernel, 'compacting');
		expect(failures).toEqual([]);
		expect(stderr).toBe('');
		expect(passed).toBeGreaterThanOrEqual(LEAST_ASSERTIONS);
		expect(compactions).toBeGreaterThan(1000);
		expect(code).toBe(0);
	}, 300_000);
});
