/** Packs the packages as they are published and installs them, without a registry, into empty folders. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { nativeTriple } from '../../ts/kernel/native/load';

export const root = resolve(__dirname, '../..');
const programs = join(__dirname, 'programs');

/** What `npm pack` made. */
export interface Tarball {
	path: string;
	/** Paths inside the package. */
	files: string[];
}

/** What a program printed. */
export interface Outcome {
	code: number | null;
	stdout: string;
	stderr: string;
}

export function readJson<T>(path: string): T {
	return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** Packs the package in `directory`. */
export function pack(directory: string, destination: string): Tarball {
	const output = npm(['pack', '--ignore-scripts', '--json', '--pack-destination', destination], directory);
	const [{ filename, files }] = JSON.parse(output) as [{ filename: string; files: { path: string }[] }];
	return { path: join(destination, filename), files: files.map((file) => file.path) };
}

/**
 * Packs the package that carries the binary of this machine, as a release makes it.
 * @returns undefined when the binary has not been built.
 */
export function packNative(destination: string): Tarball | undefined {
	const triple = nativeTriple();
	const binary = join(root, `varve.${triple}.node`);
	if (triple === undefined || !existsSync(binary)) return undefined;
	const folder = join(destination, 'binary');
	cpSync(join(root, 'npm', triple), folder, { recursive: true });
	copyFileSync(binary, join(folder, `varve.${triple}.node`));
	return pack(folder, destination);
}

/** Makes a folder with the tarballs installed, as well as what the main package depends on, and the programs beside them. */
export function install(folder: string, tarballs: Tarball[]): void {
	mkdirSync(folder);
	writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
	const paths = [...tarballs, ...packDependencies(folder)].map((tarball) => tarball.path);
	const cache = join(folder, 'empty-cache');
	npm(['install', '--offline', '--cache', cache, '--ignore-scripts', '--no-audit', '--no-fund', ...paths], folder);
	cpSync(programs, folder, { recursive: true });
}

/** Packs the dependencies of the main package, and theirs, as they are installed here. */
function packDependencies(destination: string): Tarball[] {
	const packed = new Map<string, Tarball>();
	const visit = (names: string[]) => {
		for (const name of names) {
			if (packed.has(name)) continue;
			const folder = join(root, 'node_modules', name);
			packed.set(name, pack(folder, destination));
			visit(dependenciesOf(folder));
		}
	};
	visit(dependenciesOf(root));
	return [...packed.values()];
}

function dependenciesOf(folder: string): string[] {
	return Object.keys(readJson<{ dependencies?: object }>(join(folder, 'package.json')).dependencies ?? {});
}

/** Runs a program in a folder as a user would who has no Rust. */
export function runProgram(folder: string, program: string, args: string[] = []): Outcome {
	const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
		cwd: folder,
		env: environment(),
		encoding: 'utf8',
	});
	return { code: status, stdout, stderr };
}

function npm(args: string[], cwd: string): string {
	const script = process.env.npm_execpath;
	const [command, leading] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []];
	// Only npm itself, not a JavaScript file, needs the shell of Windows.
	const shell = command === 'npm' && process.platform === 'win32';
	return execFileSync(command, [...leading, ...args], { cwd, env: environment(), encoding: 'utf8', stdio: 'pipe', shell });
}

/** The environment without cargo, without what npm and vitest put there, and with the kernel left to the store. */
function environment(): NodeJS.ProcessEnv {
	const kept = Object.entries(process.env).filter(([name]) => !/^(VARVE_|VITEST|NODE_OPTIONS|npm_(?!execpath))/i.test(name));
	const path = (process.env.PATH ?? '')
		.split(delimiter)
		.filter((at) => !existsSync(join(at, 'cargo')) && !existsSync(join(at, 'cargo.exe')));
	return { ...Object.fromEntries(kept), PATH: [dirname(process.execPath), ...path].join(delimiter) };
}
