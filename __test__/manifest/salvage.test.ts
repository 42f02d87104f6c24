/** The manifest of a damaged store: the live one, else the newest one that begins with a whole snapshot. */
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../ts/errors';
import { crc32 } from '../../ts/kernel/js/crc32';
import { manifestFileName, writeCurrent } from '../../ts/manifest/current';
import { salvageManifest } from '../../ts/manifest/salvage';
import { encodeVersionEdit } from '../../ts/manifest/version-edit';
import { logOf } from '../support/logs';
import { MemoryFileSystem } from '../support/memory-file-system';

const DIRECTORY = '/data';
const none = { compactionPointers: [], deletedTables: [], addedTables: [] };
const snapshot = (lastSequence: number, formatVersion = 1) =>
	encodeVersionEdit({
		...none,
		formatVersion,
		configuration: { version: 1, json: '{}' },
		logNumber: 1,
		nextFileNumber: 9,
		lastSequence,
	});
const edit = (lastSequence: number) => encodeVersionEdit({ ...none, lastSequence });

/** A directory with manifests of these records. */
function directory(manifests: Record<number, Uint8Array[]>, current?: number): MemoryFileSystem {
	const fileSystem = new MemoryFileSystem();
	fileSystem.makeDirectorySync(DIRECTORY);
	for (const [number, records] of Object.entries(manifests)) {
		fileSystem.writeFile(`${DIRECTORY}/${manifestFileName(Number(number))}`, logOf(records, Number(number)).bytes);
	}
	if (current !== undefined) writeCurrent(fileSystem, DIRECTORY, current);
	return fileSystem;
}

const salvage = (fileSystem: MemoryFileSystem) => {
	const found = salvageManifest({ fileSystem, directory: DIRECTORY, crc32 });
	return found === undefined ? undefined : [found.state.lastSequence, found.whole];
};

describe('salvageManifest', () => {
	it('reads the one that CURRENT names, else the newest', () => {
		const manifests = { 1: [snapshot(1), edit(10)], 2: [snapshot(2), edit(20)], 3: [edit(3)] };
		expect(salvage(directory(manifests, 1))).toEqual([10, true]);
		expect(salvage(directory(manifests))).toEqual([20, true]);
		expect(salvage(directory(manifests, 3))).toEqual([20, true]);
		const dangling = directory(manifests);
		dangling.writeFile(`${DIRECTORY}/CURRENT`, Buffer.from('MANIFEST-000007\n'));
		expect(salvage(dangling)).toEqual([20, true]);
		expect(salvage(directory({ 3: [edit(3)] }))).toBeUndefined();
		expect(salvage(directory({}))).toBeUndefined();
	});

	it('reads a damaged one up to the damage', () => {
		const bytes = logOf([snapshot(1), edit(10), edit(20), edit(30)], 1, true);
		const damaged = Buffer.from(bytes.bytes);
		damaged[bytes.ends[1] + 8] ^= 1;
		const fileSystem = new MemoryFileSystem();
		fileSystem.makeDirectorySync(DIRECTORY);
		fileSystem.writeFile(`${DIRECTORY}/${manifestFileName(1)}`, damaged);
		expect(salvage(fileSystem)).toEqual([10, false]);
		expect(salvage(directory({ 1: [snapshot(1), edit(10), Buffer.from([99]), edit(20)] }))).toEqual([10, false]);
	});

	it('refuses the manifest of a newer Varve', () => {
		expect(() => salvage(directory({ 1: [snapshot(1)], 2: [snapshot(2, 2)] }))).toThrow(ConfigError);
	});
});
