/** Opening again: nothing is written after an orderly close, and nothing is built on what only the page cache may hold after any other end. */
import { readdirSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../ts/fs/node-file-system';
import { FaultFileSystem } from '../support/fault-file-system';
import { MemoryFileSystem } from '../support/memory-file-system';
import { contents, openMemoryStore, smallest, write } from '../support/memory-stores';
import { openDatabase, temporaryDirectory } from '../support/stores';

const put = (key: string, value: string) => new Map([[key, value]]);

async function opened(fileSystem: FaultFileSystem) {
	return (await openMemoryStore(fileSystem, { ...smallest, sync: 'never' })).store;
}

describe('opening again after an orderly close', () => {
	it('changes nothing on the disk, however often', async () => {
		const fileSystem = new FaultFileSystem(new MemoryFileSystem());
		const first = await opened(fileSystem);
		await write(first, put('table', '1'), 'never');
		await first.flush();
		await write(first, put('log', '1'), 'never');
		await first.close();
		const { mutations } = fileSystem;
		for (let i = 0; i < 3; i++) {
			const store = await opened(fileSystem);
			expect(contents(store, ['table', 'log'])).toEqual(new Map([...put('table', '1'), ...put('log', '1')]));
			await store.close();
		}
		expect(fileSystem.mutations).toBe(mutations);
	});

	it('goes on in the manifest that is there, until the options change', async () => {
		const fileSystem = new FaultFileSystem(new MemoryFileSystem());
		for (let i = 0; i < 3; i++) {
			const store = await opened(fileSystem);
			await write(store, put(`key${i}`, '1'), 'never');
			await store.flush();
			await store.close();
		}
		expect(fileSystem.count('create', /MANIFEST/)).toBe(1);
		const { store } = await openMemoryStore(fileSystem, { ...smallest, blockSize: 512 });
		expect(contents(store, ['key0', 'key1', 'key2']).size).toBe(3);
		await store.close();
		expect(fileSystem.count('create', /MANIFEST/)).toBe(2);
	});

	it('begins a new manifest where the end of the old one is torn', async () => {
		const path = temporaryDirectory();
		const first = await openDatabase(path, { kernel: 'js' });
		await first.put('key', 'value');
		await first.flush();
		await first.close();
		const manifest = nodeFileSystem.listSync(path).find((name) => name.startsWith('MANIFEST')) as string;
		const torn = nodeFileSystem.openAppend(`${path}/${manifest}`);
		torn.writeSync(Buffer.from('torn'), 0, 4);
		torn.closeSync();
		const second = await openDatabase(path, { kernel: 'js', encoding: 'utf8' });
		expect(await second.get('key')).toBe('value');
		await second.put('key', 'newer');
		await second.flush();
		await second.close();
		expect(nodeFileSystem.listSync(path)).not.toContain(manifest);
		const third = await openDatabase(path, { kernel: 'js', encoding: 'utf8' });
		expect(await third.get('key')).toBe('newer');
	});
});

describe('opening again after the death of a process', () => {
	it('makes what only the page cache held durable, before anything is written behind it', async () => {
		const disk = new MemoryFileSystem();
		const { store: dead } = await openMemoryStore(disk, { ...smallest, sync: 'never' });
		await write(dead, put('before', '1'), 'never');
		const { store } = await openMemoryStore(disk, smallest);
		await write(store, put('after', '1'), 'always');
		const left = await openMemoryStore(disk.crash());
		expect(contents(left.store, ['before', 'after'])).toEqual(new Map([...put('before', '1'), ...put('after', '1')]));
		await left.store.close();
	});

	it('does not go on in a manifest of which a part could not be synced', async () => {
		const disk = new MemoryFileSystem();
		const fileSystem = new FaultFileSystem(disk);
		const first = await opened(fileSystem);
		await write(first, put('before', '1'), 'always');
		fileSystem.fail({ methods: ['sync', 'syncSync'], path: /MANIFEST/, code: 'EIO' });
		await expect(first.flush()).rejects.toThrow();
		await first.close();
		const second = await opened(fileSystem);
		expect(fileSystem.count('create', /MANIFEST/)).toBe(2);
		await write(second, put('after', '1'), 'always');
		const left = await openMemoryStore(disk.crash());
		expect(contents(left.store, ['before', 'after']).size).toBe(2);
		await left.store.close();
	});
});

describe('a file of the operating system', () => {
	it.runIf(process.platform === 'linux')('has a descriptor of its own for fsyncs off the calling thread', async () => {
		const path = `${temporaryDirectory()}/file`;
		const descriptors = () => readdirSync('/proc/self/fd').filter((fd) => targetOf(fd) === path).length;
		const file = nodeFileSystem.create(path);
		expect(descriptors()).toBe(1);
		file.writeSync(Buffer.from('a'), 0, 1);
		await Promise.all([file.sync(), file.sync()]);
		file.syncSync();
		expect(descriptors()).toBe(2);
		file.closeSync();
		expect(descriptors()).toBe(0);
	});
});

function targetOf(fd: string): string | undefined {
	try {
		return readlinkSync(`/proc/self/fd/${fd}`);
	} catch {
		return undefined;
	}
}
