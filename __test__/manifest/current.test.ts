/** CURRENT: it leads to a whole manifest at every moment, and anything else in its place is an error that says so. */
import { describe, expect, it } from 'vitest';
import { CorruptionError, IOError } from '../../ts/errors';
import { manifestFileName, parseManifestFileName, readCurrent, writeCurrent } from '../../ts/manifest/current';
import { FaultFileSystem } from '../support/fault-file-system';
import { MemoryFileSystem } from '../support/memory-file-system';
import { openMemoryStore, ROOT } from '../support/memory-stores';

const DIRECTORY = '/data';

/** A directory with manifests 1 and 2, the first of them live. */
function directory(): MemoryFileSystem {
	const fileSystem = new MemoryFileSystem();
	fileSystem.makeDirectorySync(`${DIRECTORY}/sst`);
	fileSystem.makeDirectorySync(`${DIRECTORY}/wal`);
	fileSystem.syncDirectorySync('/');
	for (const number of [1, 2]) fileSystem.writeFile(`${DIRECTORY}/${manifestFileName(number)}`, Buffer.from('m'));
	writeCurrent(fileSystem, DIRECTORY, 1);
	return fileSystem;
}

describe('CURRENT', () => {
	it('names a manifest, before and after it is replaced', () => {
		const fileSystem = directory();
		expect(fileSystem.readFileSync('/data/CURRENT').toString()).toBe('MANIFEST-000001\n');
		expect(readCurrent(fileSystem, DIRECTORY)).toBe(1);
		fileSystem.writeFile('/data/CURRENT.tmp', Buffer.from('left over from a crash'));
		writeCurrent(fileSystem, DIRECTORY, 2);
		expect(readCurrent(fileSystem, DIRECTORY)).toBe(2);
		expect(readCurrent(fileSystem.crash(), DIRECTORY)).toBe(2);
	});

	it('names the old or the new manifest, whichever call of its replacement fails or is the last', () => {
		for (let calls = 0; calls <= 6; calls++) {
			const disk = directory();
			const fileSystem = new FaultFileSystem(disk);
			fileSystem.stopAfter(calls);
			if (calls < 5) expect(() => writeCurrent(fileSystem, DIRECTORY, 2)).toThrow(IOError);
			else writeCurrent(fileSystem, DIRECTORY, 2);
			expect(readCurrent(disk.clone(), DIRECTORY)).toBe(calls < 4 ? 1 : 2);
			expect(readCurrent(disk.crash(), DIRECTORY)).toBe(calls < 5 ? 1 : 2);
		}
	});

	it.each([
		'',
		'\n',
		'MANIFEST-000001',
		'MANIFEST-000003\n',
		'MANIFEST-1\n',
		'MANIFEST-000001\n\n',
		'../MANIFEST-000001\n',
		'\u0000'.repeat(16),
	])('is refused when it holds %j', (text) => {
		const fileSystem = directory();
		fileSystem.writeFile('/data/CURRENT', Buffer.from(text));
		expect(() => readCurrent(fileSystem, DIRECTORY)).toThrow(CorruptionError);
		expect(() => readCurrent(fileSystem, DIRECTORY)).toThrow(expect.objectContaining({ path: '/data/CURRENT', offset: 0 }));
	});

	it.each(['sst/0_000003_00000000000000000001.sst', 'wal/000003.wal'])('may not be missing beside %s', (name) => {
		const fileSystem = directory();
		fileSystem.removeSync('/data/CURRENT');
		expect(readCurrent(fileSystem, DIRECTORY)).toBeUndefined();
		fileSystem.writeFile(`/data/${name}`, Buffer.alloc(0));
		expect(() => readCurrent(fileSystem, DIRECTORY)).toThrow(CorruptionError);
	});

	it('is made anew beside manifests of opens that a crash cut short', async () => {
		const fileSystem = new MemoryFileSystem();
		fileSystem.makeDirectorySync(ROOT);
		for (const number of [1, 2, 9]) fileSystem.writeFile(`${ROOT}/${manifestFileName(number)}`, Buffer.from('cut sh'));
		const { store } = await openMemoryStore(fileSystem);
		await store.close();
		expect(fileSystem.readFileSync(`${ROOT}/CURRENT`).toString()).toBe('MANIFEST-000010\n');
		expect(fileSystem.listSync(ROOT).filter((name) => name.startsWith('MANIFEST'))).toEqual(['MANIFEST-000010']);
	});
});

describe('names of manifests', () => {
	it('have at least six digits, and are read back', () => {
		for (const number of [1, 999_999, 1_000_000, Number.MAX_SAFE_INTEGER])
			expect(parseManifestFileName(manifestFileName(number))).toBe(number);
		for (const name of ['MANIFEST-1', 'MANIFEST-0000001', 'MANIFEST-000001.tmp', 'MANIFEST-9007199254740992', 'CURRENT']) {
			expect(parseManifestFileName(name)).toBeUndefined();
		}
	});
});
