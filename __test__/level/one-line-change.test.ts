/** The promise of docs/level.md: its program prints the same on classic-level and, after the change of one line, on Varve. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kernelNames, temporaryDirectory } from '../support/stores';

const root = resolve(__dirname, '../..');
const document = readFileSync(join(root, 'docs', 'level.md'), 'utf8');

function block(language: string): string {
	return document.match(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's'))?.[1] ?? '';
}

/** Lines that the change takes away, and those that it puts there. */
function changedLines(sign: '-' | '+'): string[] {
	const lines = block('diff').split('\n');
	return lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1));
}

function run(program: string, kernel: string): string {
	const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-', temporaryDirectory()], {
		cwd: root,
		input: program,
		env: { ...process.env, VARVE_KERNEL: kernel },
		encoding: 'utf8',
	});
	expect(stderr).toBe('');
	return stdout;
}

describe.each(kernelNames)('the one-line change (%s)', (kernel) => {
	it('leaves what a program prints as it was', () => {
		const [before, after] = [changedLines('-'), changedLines('+')];
		expect([before.length, after.length]).toEqual([1, 1]);
		const program = block('js');
		const changed = program.replace(before[0], after[0]);
		expect(changed).not.toBe(program);
		const expected = run(program, kernel);
		expect(expected).toMatch(/^2026 sand\n2025 silt\n/);
		expect(run(changed, kernel)).toBe(expected);
	});
});
