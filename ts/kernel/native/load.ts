/**
 * Finds and loads the native addon: a development build beside package.json, else the optional package for this platform.
 *
 * Invariants:
 *  1. This module can be bundled, as CommonJS or as an ES module. The binary stays outside, and is looked for from the bundle.
 *  2. Nothing here throws when the module is imported.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Kernel } from '../kernel';
import type { NativeAddon } from './addon';
import { NativeKernel } from './kernel';

/** Files of the repository or of an installed package that have this module. The bundle of a user is neither, and nothing is loaded from the folders above it. */
const OWN_FILE = /^(.*[\\/])(?:(?:ts|dist)[\\/]kernel[\\/]native[\\/]load\.[jt]s|dist[\\/]varve\.js)$/s;

/** Platforms that binaries are built for, by platform and architecture. */
const TRIPLES: Record<string, string> = {
	'linux x64': 'linux-x64',
	'linux arm64': 'linux-arm64',
	'darwin x64': 'darwin-x64',
	'darwin arm64': 'darwin-arm64',
	'win32 x64': 'win32-x64-msvc',
	'win32 arm64': 'win32-arm64-msvc',
};

/** Bytes at the start of a program that name its loader, with some to spare. */
const HEAD_BYTES = 4096;

let addon: NativeAddon | undefined;
let kernel: NativeKernel | undefined;

/** What binaries for this platform are called, as in `linux-x64-gnu`; undefined when there are none. */
export function nativeTriple(): string | undefined {
	const triple = TRIPLES[`${process.platform} ${process.arch}`];
	if (triple === undefined || process.platform !== 'linux') return triple;
	return `${triple}-${hasGlibc() ? 'gnu' : 'musl'}`;
}

/** By the loader that the program names in its first bytes: it takes a hundredth of the time of a report. */
function hasGlibc(): boolean {
	const loader = /\/ld-(linux|musl)/.exec(headOf(process.execPath));
	return loader === null ? reportsGlibc() : loader[1] === 'linux';
}

function headOf(path: string): string {
	try {
		const head = Buffer.alloc(HEAD_BYTES);
		const fd = openSync(path, 'r');
		try {
			return head.toString('latin1', 0, readSync(fd, head, 0, HEAD_BYTES, 0));
		} finally {
			closeSync(fd);
		}
	} catch {
		return '';
	}
}

/** Leaves the network out of the report: it would look up the name of every peer of an open socket, and wait for the answers. */
function reportsGlibc(): boolean {
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
	const request = developmentBuild(triple) ?? `varve-${triple}`;
	const { version } = require('../../../package.json') as { version: string };
	const loaded = requireFrom(request, triple);
	if (loaded.version === version) return loaded;
	throw new Error(
		`the binary ${request} is of version ${loaded.version}, and this package of version ${version}; install them together`,
	);
}

function developmentBuild(triple: string): string | undefined {
	const packageRoot = typeof __filename === 'string' ? OWN_FILE.exec(__filename)?.[1] : undefined;
	if (packageRoot === undefined) return undefined;
	const path = `${packageRoot}varve.${triple}.node`;
	return existsSync(path) ? path : undefined;
}

function requireFrom(request: string, triple: string): NativeAddon {
	try {
		return requireAtRunTime()(request) as NativeAddon;
	} catch (cause) {
		const { code, message } = cause as NodeJS.ErrnoException;
		const reason = code === 'MODULE_NOT_FOUND' ? `the optional package varve-${triple} is not installed` : message;
		throw new Error(reason, { cause });
	}
}

/**
 * A `require` that no bundler follows. A bundle of ES modules has no file name, but a `require` where it was made with one
 * (docs/bundling.md).
 */
function requireAtRunTime(): NodeJS.Require {
	return typeof __filename === 'string' ? createRequire(__filename) : require;
}
