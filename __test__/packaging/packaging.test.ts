/** The packages as a user gets them: what is in them, and that they run without Rust, sources or a registry. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, pack, packNative, readJson, root, runProgram, type Tarball } from './packages';

const GREETING = ['silt', 'undefined', 'layer/2026 sand', 'layer/2025 silt'];
const PROGRAMS = ['hello.mjs', 'hello.cjs'];
const WARNING = /VARVE_KERNEL_FALLBACK/g;

const folder = mkdtempSync(join(tmpdir(), 'varve-packaging-'));
let main: Tarball;
let native: Tarball | undefined;

beforeAll(() => {
	if (!existsSync(join(root, 'dist', 'index.mjs'))) throw new Error('dist/ is missing: run `npm run build` first.');
	main = pack(root, folder);
	native = packNative(folder);
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

describe('the main package', () => {
	it('holds compiled files and documents only', () => {
		const other = main.files.filter((path) => !/^dist\/.+\.(js|mjs|d\.ts|d\.mts)$/.test(path));
		expect(other.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
	});

	it('has its code in one file, which the entry points share', () => {
		const code = main.files.filter((path) => /js$/.test(path));
		expect(code.sort()).toEqual([
			'dist/index.js',
			'dist/index.mjs',
			'dist/level/index.js',
			'dist/level/index.mjs',
			'dist/varve.js',
		]);
	});

	it('runs nothing when it is installed', () => {
		const { scripts } = readJson<{ scripts: Record<string, string> }>(join(root, 'package.json'));
		expect(Object.keys(scripts)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(pre|post)?install$|^prepare$/)]));
		expect(main.files).not.toContain('binding.gyp');
	});

	it('depends on abstract-level, an encoder and the binaries only', () => {
		const manifest = readJson<Record<string, Record<string, string> | undefined>>(join(root, 'package.json'));
		expect(Object.keys(manifest.dependencies ?? {})).toEqual(['abstract-level', 'snappyjs']);
		expect(manifest.peerDependencies ?? {}).toEqual({});
	});

	it('has a change log entry for its version', () => {
		const { version } = readJson<{ version: string }>(join(root, 'package.json'));
		expect(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')).toContain(`## [${version}]`);
	});

	it('shows in its README the program that is run here', () => {
		const readme = readFileSync(join(root, 'README.md'), 'utf8');
		const program = readFileSync(join(__dirname, 'programs', 'hello.mjs'), 'utf8');
		expect(readme).toContain(`\`\`\`js\n${program}\`\`\``);
	});
});

describe('the packages of the platforms', () => {
	const main = readJson<{ version: string; license: string; engines: object; napi: { targets: string[] } }>(
		join(root, 'package.json'),
	);
	const folders = readdirSync(join(root, 'npm'));

	it('are one for each target', () => {
		expect(folders).toHaveLength(main.napi.targets.length);
	});

	it.each(folders)('%s agrees with the main package', (triple) => {
		const { version, license, engines } = main;
		const binary = `varve.${triple}.node`;
		const manifest = readJson<object>(join(root, 'npm', triple, 'package.json'));
		expect(manifest).toMatchObject({ name: `varve-${triple}`, version, license, engines, main: binary, files: [binary] });
		expect(manifest).not.toHaveProperty('scripts');
	});
});

describe('with the binary of this platform', () => {
	const installed = join(folder, 'with-binary');

	it('runs on the native kernel, without a warning', (context) => {
		if (native === undefined && process.env.VARVE_REQUIRE_NATIVE !== '1')
			return context.skip('the native kernel has not been built');
		if (native === undefined) throw new Error('The native kernel has not been built, or npm/ has no package for this platform.');
		install(installed, [main, native]);
		for (const program of PROGRAMS) {
			const { code, stdout, stderr } = runProgram(installed, program);
			expect(stderr).toBe('');
			expect(stdout.trim().split('\n')).toEqual([...GREETING, 'kernel: native']);
			expect(code).toBe(0);
		}
	}, 120_000);
});

describe('without a binary', () => {
	const installed = join(folder, 'without-binary');
	beforeAll(() => install(installed, [main]), 120_000);

	it.each(PROGRAMS)('%s runs on the TypeScript kernel and says why, once', (program) => {
		const { code, stdout, stderr } = runProgram(installed, program);
		expect(stdout.trim().split('\n')).toEqual([...GREETING, 'kernel: js']);
		expect(stderr.match(WARNING)).toHaveLength(1);
		expect(stderr).toMatch(/native one cannot be loaded: \S/);
		expect(code).toBe(0);
	});

	it('loads abstract-level with varve/level only, which works in worker threads', () => {
		const { code, stdout, stderr } = runProgram(installed, 'level.mjs');
		expect(stdout.trim().split('\n')).toEqual(['varve alone: not loaded', 'main: silt', 'worker: silt', 'one copy']);
		expect(stderr).toMatch(WARNING);
		expect(code).toBe(0);
	});

	it('is one copy for import and require, and warns once for both', () => {
		const { code, stdout, stderr } = runProgram(installed, 'both.mjs');
		expect(stdout).toBe('one copy\n');
		expect(stderr.match(WARNING)).toHaveLength(1);
		expect(code).toBe(0);
	});
});
