/** What the other scripts share: the root of the repository, running commands, and whether Rust is there. */
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Is there a cargo that works? */
export function hasCargo() {
	return spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * Runs a command in the root of the repository with inherited output.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, onOutput?: (text: string) => void }} [options] `onOutput` also gets what the command prints.
 * @returns {Promise<number>} exit code; 1 when a signal ended it
 */
export function run(command, args, { env, onOutput } = {}) {
	return new Promise((resolve, reject) => {
		const stdio = onOutput === undefined ? 'inherit' : 'pipe';
		const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['inherit', stdio, stdio] });
		child.stdout?.on('data', (data) => {
			process.stdout.write(data);
			onOutput?.(String(data));
		});
		child.stderr?.pipe(process.stderr, { end: false });
		child.on('error', reject);
		child.on('close', (code) => resolve(code ?? 1));
	});
}

/**
 * Runs a script of package.json.
 * @param {string} name
 */
export function runScript(name) {
	const npm = process.env.npm_execpath;
	// Under npm, this very npm; it is a JavaScript file, which needs no shell on any system.
	if (npm !== undefined) return run(process.execPath, [npm, 'run', '--silent', name]);
	return run('npm', ['run', '--silent', name]);
}
