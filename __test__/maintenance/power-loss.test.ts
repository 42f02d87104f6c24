/** The power fails after every change of the disk that a repair makes: another repair brings everything back all the same. */
import { describe, expect, it } from 'vitest';
import { IOError, VarveError } from '../../ts/errors';
import type { FileSystem } from '../../ts/fs/file-system';
import { createJsKernel } from '../../ts/kernel/js/index';
import { type RepairReport, repairStore } from '../../ts/maintenance/repair';
import { FaultFileSystem } from '../support/fault-file-system';
import { MemoryFileSystem } from '../support/memory-file-system';
import {
	type Change,
	contents,
	memoryLock,
	openMemoryStore,
	ROOT,
	smallest,
	stateAfter,
	steppedClock,
	write,
} from '../support/memory-stores';
import { Random, testSeed } from '../support/stores';

const KEYS = Array.from({ length: 40 }, (_, i) => `key${i}`);

/** About half of the values lie in blob files. */
const options = { ...smallest, blobThreshold: 64 };

/** Batches of puts and deletes over few keys. */
function loadOf(random: Random): Change[] {
	return Array.from({ length: 60 }, (_, i): Change => {
		const values = Array.from({ length: 5 }, () => (random.below(4) === 0 ? undefined : `${i} ${'x'.repeat(random.below(120))}`));
		return new Map(values.map((value) => [random.pick(KEYS), value]));
	});
}

async function storeOf(load: readonly Change[]): Promise<MemoryFileSystem> {
	const disk = new MemoryFileSystem();
	const { store } = await openMemoryStore(disk, options);
	for (const [i, change] of load.entries()) {
		await write(store, change, 'always');
		if (i % 13 === 7) await store.flush();
	}
	await store.close();
	return disk;
}

function loseManifest(disk: MemoryFileSystem): void {
	for (const name of disk.listSync(ROOT)) if (/^(?:CURRENT|MANIFEST)/.test(name)) disk.removeSync(`${ROOT}/${name}`);
	disk.syncDirectorySync(ROOT);
}

function repair(fileSystem: FileSystem): Promise<RepairReport> {
	const environment = { fileSystem, clock: steppedClock(), lock: () => memoryLock(fileSystem) };
	return repairStore(ROOT, {}, environment, createJsKernel({ fileSystem, jobs: 'inline' }));
}

async function found(disk: FileSystem): Promise<Map<string, string>> {
	const { store } = await openMemoryStore(disk);
	const all = contents(store, KEYS);
	await store.close();
	return all;
}

describe('loss of power in a repair', () => {
	const seed = testSeed();

	it.each([true, false])(`loses nothing, seed ${seed}, without the manifest: %s`, async (lose) => {
		const random = new Random(seed);
		const load = loadOf(random);
		const disk = await storeOf(load);
		if (lose) loseManifest(disk);
		const expected = stateAfter(load);
		for (let changes = 0; ; changes++) {
			const live = disk.clone();
			const fileSystem = new FaultFileSystem(live);
			fileSystem.stopAfter(changes);
			const outcome = await repair(fileSystem).catch((error: unknown) => error);
			const left = live.crash(changes % 2 === 0 ? 'synced only' : random);
			const opened = await found(left.clone()).catch((error: unknown) => error);
			if (opened instanceof VarveError) expect(opened.code).toBe('VARVE_CORRUPTION');
			else expect(opened).toEqual(expected);
			expect(await repair(left)).toMatchObject({ lostTables: [], lostLogs: [] });
			expect(await found(left)).toEqual(expected);
			if (!(outcome instanceof Error)) {
				expect(changes).toBeGreaterThan(20);
				break;
			}
			expect(outcome).toBeInstanceOf(VarveError);
			expect(outcome).toBeInstanceOf(IOError);
		}
	});
});
