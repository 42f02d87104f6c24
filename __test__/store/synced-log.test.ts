/** A log that is synced often is longer than what was written to it, and a log says how far it was durable: what a store makes of both. */
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import { FaultFileSystem } from '../support/fault-file-system';
import { MemoryFileSystem } from '../support/memory-file-system';
import { type Change, contents, openMemoryStore, ROOT, smallest, write } from '../support/memory-stores';

const large = { ...smallest, memtableSize: 1024 * 1024 } as const;
const KEYS = Array.from({ length: 40 }, (_, i) => `key${i}`);
const put = (key: string): Change => new Map([[key, `value of ${key}`]]);
const all = new Map(KEYS.map((key) => [key, `value of ${key}`]));

function logs(disk: MemoryFileSystem): { path: string; bytes: Buffer }[] {
	const paths = disk.listSync(`${ROOT}/wal`).sort();
	return paths.map((name) => ({ path: `${ROOT}/wal/${name}`, bytes: disk.readFileSync(`${ROOT}/wal/${name}`) }));
}

async function opened(disk = new MemoryFileSystem()) {
	const fileSystem = new FaultFileSystem(disk);
	const { store, errors } = await openMemoryStore(fileSystem, large);
	return { disk, fileSystem, store, errors };
}

async function contentsOf(disk: MemoryFileSystem): Promise<Map<string, string>> {
	const { store } = await opened(disk);
	try {
		return contents(store, KEYS);
	} finally {
		await store.close();
	}
}

describe('a log that is filled ahead', () => {
	it('counts as what was written to it, and is cut to that in the end', async () => {
		const { disk, store } = await opened();
		for (const key of KEYS) await write(store, put(key), 'always');
		const [live] = logs(disk);
		const { bytes } = store.stats().wal;
		expect(live.bytes.length).toBeGreaterThan(bytes + 1000);
		expect(live.bytes.subarray(bytes).every((byte) => byte === 0)).toBe(true);
		await store.close();
		const [closed] = logs(disk);
		expect(closed.bytes.length).toBeLessThan(bytes + 100);
		expect(await contentsOf(disk)).toEqual(all);
	});

	it('is cut when the next one is begun', async () => {
		const { disk, store } = await opened();
		for (const key of KEYS) await write(store, put(key), 'always');
		const { bytes } = store.stats().wal;
		let rotated = 0;
		store.events.on('walRotation', (event) => {
			rotated = event.bytes;
			expect(logs(disk)[0].bytes.length).toBe(bytes);
		});
		await store.flush();
		expect(rotated).toBe(bytes);
		await store.close();
	});

	it('is not cut when its process dies, and may be followed by others', async () => {
		const disk = new MemoryFileSystem();
		for (let i = 0; i < 3; i++) {
			const { store } = await opened(disk);
			for (const key of KEYS.slice(i * 12, i * 12 + 12)) await write(store, put(key), 'always');
		}
		for (const { bytes } of logs(disk)) expect(bytes.length).toBeGreaterThan(64 * 1024);
		expect([...(await contentsOf(disk.clone())).keys()]).toEqual(KEYS.slice(0, 36));
		expect([...(await contentsOf(disk.crash())).keys()]).toEqual(KEYS.slice(0, 36));
	});

	it('is not filled by writes without fsync', async () => {
		const { fileSystem, store } = await opened();
		for (const key of KEYS) await write(store, put(key), 'never');
		await store.close();
		expect(fileSystem.count('fillSync')).toBe(0);
	});

	it('takes writes on a full disk as far as they fit', async () => {
		const { disk, fileSystem, store, errors } = await opened();
		fileSystem.fail({ methods: ['fillSync'], code: 'ENOSPC', times: 100, partOf: 500 });
		for (const key of KEYS) await write(store, put(key), 'always');
		expect(errors).toEqual([]);
		expect(await contentsOf(disk.clone())).toEqual(all);
		await store.close();
		expect(await contentsOf(disk)).toEqual(all);
	});
});

describe('a log with a hole', () => {
	/** The log of a store whose writes were never synced, with a byte changed. */
	async function damaged(isClosed: boolean): Promise<MemoryFileSystem> {
		const { disk, store } = await opened();
		for (const key of KEYS) await write(store, put(key), 'never');
		const left = disk.clone();
		await store.close();
		const found = isClosed ? disk : left;
		const [{ path, bytes }] = logs(found);
		bytes[bytes.length >> 1] ^= 1;
		found.writeFile(path, bytes);
		return found;
	}

	it('is damaged where its store was closed in order', async () => {
		const disk = await damaged(true);
		await expect(opened(disk)).rejects.toThrow(CorruptionError);
		const { store } = await openMemoryStore(disk, { ...large, salvage: true });
		const found = contents(store, KEYS);
		expect([...found.keys()]).toEqual(KEYS.slice(0, found.size));
		await store.close();
	});

	it('takes the logs behind it along when what comes before is salvaged', async () => {
		const disk = new MemoryFileSystem();
		for (const part of [KEYS.slice(0, 3), KEYS.slice(3, 6), KEYS.slice(6, 9)]) {
			const { store } = await opened(disk);
			for (const key of part) await write(store, put(key), 'always');
		}
		const [{ path, bytes }] = logs(disk);
		bytes[bytes.indexOf(KEYS[1])] ^= 1;
		disk.writeFile(path, bytes);
		await expect(opened(disk.clone())).rejects.toThrow(CorruptionError);
		const { store } = await openMemoryStore(disk, { ...large, salvage: true });
		expect([...contents(store, KEYS).keys()]).toEqual(KEYS.slice(0, 1));
		expect(store.stats().undeletedFiles).toBe(0);
		await write(store, put(KEYS[20]), 'always');
		// It loses power before it is closed, and again is opened without salvage.
		expect([...(await contentsOf(disk.crash())).keys()]).toEqual([KEYS[0], KEYS[20]]);
	});

	it('ends there where nobody has said that it was durable', async () => {
		const disk = await damaged(false);
		const found = await contentsOf(disk);
		expect(found.size).toBeGreaterThan(10);
		expect(found.size).toBeLessThan(KEYS.length);
		expect([...found.keys()]).toEqual(KEYS.slice(0, found.size));
		expect(await contentsOf(disk)).toEqual(found);
	});

	it('is closed in order also where the end cannot be written, and loses nothing', async () => {
		for (const method of ['writeSync', 'sync'] as const) {
			const { disk, fileSystem, store } = await opened();
			for (const key of KEYS.slice(0, 5)) await write(store, put(key), 'always');
			const skip = method === 'sync' ? 1 : 0;
			fileSystem.fail({ methods: [method], path: /wal$/, code: 'ENOSPC', skip, partOf: 9 });
			await store.close();
			expect([...(await contentsOf(disk)).keys()]).toEqual(KEYS.slice(0, 5));
		}
	});
});
