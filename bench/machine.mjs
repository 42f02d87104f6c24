/** What a measurement ran on, without names of hosts or paths. */
import { statfsSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { number } from '../scripts/table.mjs';

/** @type {Record<number, string>} */
const FILE_SYSTEMS = {
	61267: 'ext4',
	16914836: 'tmpfs',
	1481003842: 'xfs',
	2435016766: 'btrfs',
	2035054128: 'overlay',
	801189825: 'zfs',
};

/**
 * @param {string} directory in which stores lie
 * @returns {string[]} lines
 */
export function describeMachine(directory) {
	const { type } = statfsSync(directory);
	const gibibytes = number(totalmem() / 1024 ** 3, 1);
	return [
		`${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${gibibytes} GiB of memory`,
		`${platform()} ${release()} ${arch()}, file system ${FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`}`,
		`Node.js ${process.version}, V8 ${process.versions.v8}`,
		`load average ${number(loadavg()[0], 1)} when it began`,
	];
}
