/**
 * Finds and loads the native addon: a development build beside package.json, else the optional package for this platform.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Kernel } from '../kernel';
import type { NativeAddon } from './addon';
import { NativeKernel } from './kernel';

/** The root of the package: two folders above both ts/kernel/native and dist/kernel/native. */
const ROOT = join(__dirname, '..', '..', '..');

/** Platforms that binaries are built for, by platform and architecture. */
const TRIPLES: Record<string, string> = {
	'linux x64': 'linux-x64',
	'linux arm64': 'linux-arm64',
	'darwin x64': 'darwin-x64',
	'darwin arm64': 'darwin-arm64',
	'win32 x64': 'win32-x64-msvc',
	'win32 arm64': 'win32-arm64-msvc',
};

let addon: NativeAddon | undefined;
let kernel: NativeKernel | undefined;

/** What binaries for this platform are called, as in `linux-x64-gnu`; undefined when there are none. */
export function nativeTriple(): string | undefined {
	const triple = TRIPLES[`${process.platform} ${process.arch}`];
	if (triple === undefined || process.platform !== 'linux') return triple;
	return `${triple}-${hasGlibc() ? 'gnu' : 'musl'}`;
}

/** Leaves the network out of the report: it would look up the name of every peer of an open socket, and wait for the answers. */
function hasGlibc(): boolean {
	const report: NodeJS.ProcessReport & { excludeNetwork?: boolean | undefined } = process.report;
	const before = report.excludeNetwork;
	report.excludeNetwork = true;
	try {
		const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
		return header?.glibcVersionRuntime !== undefined;
	} finally {
		report.excludeNetwork = before;
	}
}

/**
 * The native addon.
 * @throws Error that says why there is none.
 */
export function loadAddon(): NativeAddon {
	addon ??= requireAddon();
	return addon;
}

/**
 * The native kernel.
 * @throws Error that says why there is none.
 */
export function loadNativeKernel(): Kernel {
	kernel ??= new NativeKernel(loadAddon());
	return kernel;
}

function requireAddon(): NativeAddon {
	const triple = nativeTriple();
	if (triple === undefined) throw new Error(`there is no binary for ${process.platform} ${process.arch}`);
	const local = join(ROOT, `varve.${triple}.node`);
	const request = existsSync(local) ? local : `varve-${triple}`;
	const { version } = require(join(ROOT, 'package.json')) as { version: string };
	const loaded = requireFrom(request, triple);
	if (loaded.version === version) return loaded;
	throw new Error(
		`the binary ${request} is of version ${loaded.version}, and this package of version ${version}; install them together`,
	);
}

function requireFrom(request: string, triple: string): NativeAddon {
	try {
		return require(request) as NativeAddon;
	} catch (cause) {
		const { code, message } = cause as NodeJS.ErrnoException;
		const reason = code === 'MODULE_NOT_FOUND' ? `the optional package varve-${triple} is not installed` : message;
		throw new Error(reason, { cause });
	}
}
