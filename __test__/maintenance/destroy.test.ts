/** Destroying a store takes its files and nothing else, and may be cut short anywhere. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemEnvironment } from '../../ts/environment';
import type { FileSystem } from '../../ts/fs/file-system';
import { ConfigError, Database, IOError, LockedError } from '../../ts/index';
import { destroyStore } from '../../ts/maintenance/destroy';
import { repairStore } from '../../ts/maintenance/repair';
import { kernelNames, openDatabase, temporaryDirectory } from '../support/stores';
import { flipByte, layeredStore, snapshotOf, tablesOf } from './support';

/** The system's files, of which only so many may be removed. */
function failingAfter(removals: number): FileSystem {
	let left = removals;
	return {
		...systemEnvironment.fileSystem,
		removeSync: (path) => {
			if (left-- === 0) throw Object.assign(new Error('EIO'), { code: 'EIO', path });
			systemEnvironment.fileSystem.removeSync(path);
		},
	};
}

describe.each(kernelNames)('destroyStore (%s)', (kernel) => {
	it('removes a store, with what a repair has set aside', async () => {
		const { path } = await layeredStore(kernel);
		flipByte(tablesOf(path)[0], 20);
		await repairStore(path, { kernel });
		expect(existsSync(join(path, 'lost'))).toBe(true);
		writeFileSync(join(path, 'CURRENT.tmp'), '');
		writeFileSync(`${tablesOf(path)[0]}.tmp`, '');
		await destroyStore(path);
		expect(existsSync(path)).toBe(false);
		await destroyStore(path);
		const database = await openDatabase(path, { kernel });
		expect(await database.iterator().all()).toEqual([]);
	});

	it('leaves files with other names, and the directories they are in', async () => {
		const { path } = await layeredStore(kernel);
		const names = ['notes.txt', 'sst/readme.txt', 'wal/1.wal', 'lost/found.txt', 'MANIFEST-1', 'other/file'];
		for (const directory of ['lost', 'other']) mkdirSync(join(path, directory));
		for (const name of names) writeFileSync(join(path, name), 'mine');
		await destroyStore(path);
		const left = [...snapshotOf(path)].filter(([, bytes]) => bytes !== 'directory').map(([file]) => file);
		expect(left.sort()).toEqual(names.map((name) => join(path, name)).sort());
	});

	it('is refused while the store is open, and removes nothing', async () => {
		const { path, contents } = await layeredStore(kernel);
		const database = await openDatabase(path, { kernel, encoding: 'utf8' });
		const before = [...snapshotOf(path).keys()];
		await expect(destroyStore(path)).rejects.toThrow(LockedError);
		expect([...snapshotOf(path).keys()]).toEqual(before);
		expect((await database.iterator().all()).length).toBe(contents.size);
	});

	it('cut short anywhere, leaves what no open takes for a store with data, and what another call removes', async () => {
		for (let removals = 0; ; removals++) {
			const { path } = await layeredStore(kernel);
			const environment = { ...systemEnvironment, fileSystem: failingAfter(removals) };
			const error = await destroyStore(path, environment).catch((reason: unknown) => reason);
			if (error === undefined) {
				expect(removals).toBeGreaterThan(8);
				break;
			}
			expect(error).toBeInstanceOf(IOError);
			if (removals > 0) {
				const opened = await Database.open(path, { kernel, createIfMissing: false }).catch((reason: unknown) => reason);
				expect(opened).toMatchObject({ code: expect.stringMatching(/^VARVE_(?:CORRUPTION|NOT_FOUND)$/) });
			}
			await destroyStore(path);
			expect(existsSync(path)).toBe(false);
		}
	});
});

describe('destroyStore', () => {
	it('takes an empty directory away, and leaves one of somebody else as it is', async () => {
		const path = temporaryDirectory();
		await destroyStore(path);
		expect(existsSync(path)).toBe(false);
		const other = temporaryDirectory();
		writeFileSync(join(other, 'notes.txt'), 'mine');
		mkdirSync(join(other, 'lost'));
		await destroyStore(other);
		expect(readFileSync(join(other, 'notes.txt'), 'utf8')).toBe('mine');
		expect(existsSync(join(other, 'lost'))).toBe(true);
		await expect(destroyStore(join(other, 'notes.txt'))).rejects.toThrow(IOError);
		await expect(destroyStore('')).rejects.toThrow(ConfigError);
	});
});
