/** Builds dist/ and, where cargo is there, the native kernel. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { hasCargo, root, runScript } from './toolchain.mjs';

// tsc leaves the output of deleted sources behind, and what lies in dist/ is published.
rmSync(path.join(root, 'dist'), { recursive: true, force: true });
await step('build:ts');
if (hasCargo()) await step('build:native');
else console.log('cargo was not found: the native kernel is left out, the TypeScript kernel runs.');

/** @param {string} name */
async function step(name) {
	const code = await runScript(name);
	if (code !== 0) process.exit(code);
}
