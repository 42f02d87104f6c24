/** An application in one file, as docs/bundling.md says: the store inside, and at most the binary beside it. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, pack, packNative, root, runProgram, type Tarball } from './packages';

const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
const BUNDLES = [
	{ format: 'cjs', name: 'app.cjs', banner: '' },
	{ format: 'esm', name: 'app.mjs', banner: REQUIRE },
] as const;

const folder = mkdtempSync(join(tmpdir(), 'varve-bundling-'));
const source = join(folder, 'source');
let native: Tarball | undefined;

beforeAll(() => {
	if (!existsSync(join(root, 'dist', 'index.mjs'))) throw new Error('dist/ is missing: run `npm run build` first.');
	install(source, [pack(root, folder)]);
	native = packNative(folder);
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

describe.each(BUNDLES)('a bundle as $format', ({ format, name, banner }) => {
	async function bundleInto(target: string): Promise<void> {
		const { warnings } = await build({
			entryPoints: [join(source, 'bundled.mjs')],
			outfile: join(target, name),
			bundle: true,
			platform: 'node',
			format,
			banner: { js: banner },
			logLevel: 'silent',
		});
		expect(warnings).toEqual([]);
	}

	describe('alone in its folder', () => {
		const alone = join(folder, `alone-${format}`);

		beforeAll(async () => {
			mkdirSync(alone);
			await bundleInto(alone);
			expect(readdirSync(alone)).toEqual([name]);
		});

		it('flushes and compacts on the job thread of the TypeScript kernel', () => {
			const { code, stdout, stderr } = runProgram(alone, name, ['js']);
			expect(stderr).toBe('');
			expect(stdout).toMatch(/^kernel: js, jobs of the job thread: [1-9]\d*\nOK\n$/);
			expect(code).toBe(0);
		});

		it('keeps the flags of the process from the job thread', () => {
			const flags = ['--input-type=module', '--eval', `await import('./${name}')`, name, 'js'];
			const { code, stdout } = runProgram(alone, flags[0], flags.slice(1));
			expect(stdout).toMatch(/\nOK\n$/);
			expect(code).toBe(0);
		});

		it('says that the binary is missing', () => {
			const { code, stdout, stderr } = runProgram(alone, name, ['auto']);
			expect(stderr).toMatch(/VARVE_KERNEL_FALLBACK.*the optional package varve-\S+ is not installed/);
			expect(stdout).toMatch(/^kernel: js,.*\nOK\n$/);
			expect(code).toBe(0);
		});
	});

	it('runs on the native kernel with nothing but the binary beside it', async (context) => {
		if (native === undefined && process.env.VARVE_REQUIRE_NATIVE !== '1')
			return context.skip('the native kernel has not been built');
		if (native === undefined) throw new Error('The native kernel has not been built, or npm/ has no package for this platform.');
		const beside = join(folder, `beside-${format}`);
		install(beside, [native]);
		await bundleInto(beside);
		const { code, stdout, stderr } = runProgram(beside, name, ['native']);
		expect(stderr).toBe('');
		expect(stdout).toBe('kernel: native, jobs of the job thread: 0\nOK\n');
		expect(code).toBe(0);
	}, 120_000);
});
