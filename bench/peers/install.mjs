/** Installs the peers into a folder of their own, outside of what Varve depends on. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isVarve, stores } from './stores/index.mjs';

const packages = fileURLToPath(new URL('packages', import.meta.url));

/**
 * Installs those of the given stores that are not there in the version that is asked for.
 * @param {readonly string[]} names of stores
 * @returns {Record<string, string>} why stores could not be installed
 */
export function installPeers(names) {
	/** @type {{ optionalDependencies: Record<string, string> }} */
	const { optionalDependencies } = JSON.parse(readFileSync(`${packages}/package.json`, 'utf8'));
	const peers = names.filter((name) => !isVarve(name));
	const missing = () =>
		peers.filter((name) => installedVersion(stores[name].packageName) !== optionalDependencies[stores[name].packageName]);
	if (missing().length === 0) return {};
	console.log(`Installing ${missing().join(', ')} for the comparison ...`);
	const { status } = spawnSync('npm', ['install', '--prefix', packages, '--no-audit', '--no-fund', '--no-package-lock'], {
		stdio: ['ignore', 'ignore', 'ignore'],
		shell: process.platform === 'win32',
	});
	return Object.fromEntries(missing().map((name) => [name, `npm could not install it (exit code ${status})`]));
}

/**
 * @param {string} name of a package
 * @returns {string | undefined} its version in the peers' folder
 */
export function installedVersion(name) {
	const file = `${packages}/node_modules/${name}/package.json`;
	return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined;
}
