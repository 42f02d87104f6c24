/**
 * Writes dist/kernel/js/job/worker-source.js: the worker and all it needs as one string.
 *
 * A bundled application has no file that a worker could be started from. A string needs none.
 */
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { root } from './toolchain.mjs';

const { outputFiles } = await build({
	entryPoints: [path.join(root, 'ts', 'kernel', 'js', 'job', 'worker.ts')],
	bundle: true,
	platform: 'node',
	target: 'node20',
	format: 'cjs',
	minify: true,
	write: false,
});

const target = path.join(root, 'dist', 'kernel', 'js', 'job', 'worker-source.js');
writeFileSync(target, `'use strict';\nexports.workerSource = ${JSON.stringify(outputFiles[0].text)};\n`);
rmSync(`${target}.map`, { force: true });
