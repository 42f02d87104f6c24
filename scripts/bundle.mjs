/**
 * Bundles what is published of dist/: `varve.js`, which is ts/internal.ts with all that it imports, and the entry points, which share it.
 *
 * The program of the job thread goes into the bundle as a string: an application that is bundled again has no file that a worker could be
 * started from. What tsc has put beside these files is for the tools of this repository, and for stack traces and profiles by file.
 */
import path from 'node:path';
import { build } from 'esbuild';
import { root } from './toolchain.mjs';

/** @type {import('esbuild').BuildOptions} */
const common = {
	bundle: true,
	platform: 'node',
	target: 'node20',
	format: 'cjs',
	packages: 'external',
	logLevel: 'warning',
	sourcemap: true,
};
const source = path.join(root, 'ts');

const worker = await build({
	...common,
	entryPoints: [path.join(source, 'kernel', 'js', 'job', 'worker.ts')],
	minify: true,
	sourcemap: false,
	packages: 'bundle',
	write: false,
});
await build({
	...common,
	entryPoints: [path.join(source, 'internal.ts')],
	outfile: path.join(root, 'dist', 'varve.js'),
	plugins: [replace(/[\\/]worker-source\.ts$/, `export const workerSource = ${JSON.stringify(worker.outputFiles[0].text)};`)],
});
await build({
	...common,
	entryPoints: [path.join(source, 'index.ts'), path.join(source, 'level', 'index.ts')],
	outbase: source,
	outdir: path.join(root, 'dist'),
	allowOverwrite: true,
	plugins: [shareVarve()],
});

/**
 * @param {RegExp} filter files
 * @param {string} contents what is bundled instead of them
 * @returns {import('esbuild').Plugin}
 */
function replace(filter, contents) {
	return { name: 'replace', setup: ({ onLoad }) => onLoad({ filter }, () => ({ contents })) };
}

/** The entry points ask for `varve.js` where their sources import `internal`. @returns {import('esbuild').Plugin} */
function shareVarve() {
	return {
		name: 'share-varve',
		setup: ({ onResolve }) =>
			onResolve({ filter: /^\.\.?\/internal$/ }, ({ path: request }) => ({
				path: request.replace('internal', 'varve.js'),
				external: true,
			})),
	};
}
