/** The manifest: what it says after every cut and every flip, and what Version refuses. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../ts/fs/node-file-system';
import { ConfigError, CorruptionError } from '../../ts/index';
import { crc32 } from '../../ts/kernel/js/crc32';
import { LogWriter } from '../../ts/log/log-writer';
import { writeCurrent } from '../../ts/manifest/current';
import { ManifestWriter, recoverManifest } from '../../ts/manifest/manifest';
import { applyEdit, type ManifestState, snapshotEdit } from '../../ts/manifest/state';
import { parseTableFileName, type TableMetadata, tableFileName } from '../../ts/manifest/table-metadata';
import { Version } from '../../ts/manifest/version';
import { decodeVersionEdit, encodeVersionEdit, type VersionEdit } from '../../ts/manifest/version-edit';
import { Random, temporaryDirectory, testSeed } from '../support/stores';

const place = (directory: string) => ({ fileSystem: nodeFileSystem, directory, crc32 });

const internalKey = (userKey: string, sequence = 1) => {
	const trailer = Buffer.alloc(8);
	trailer.writeBigUInt64LE((BigInt(sequence) << 8n) | 1n);
	return Buffer.concat([Buffer.from(userKey), trailer]);
};

const table = (number: number, smallest: string, largest: string, sequence = number): TableMetadata => ({
	number,
	birthLevel: 0,
	createdAt: 1_700_000_000_000_000_000n + BigInt(number),
	size: 1000 + number,
	entries: 10,
	tombstones: number % 3,
	rangeDeletes: number % 2,
	smallestSequence: sequence,
	largestSequence: sequence + 5,
	smallestKey: internalKey(smallest, sequence),
	largestKey: internalKey(largest, sequence + 5),
});

const edit = (changes: Partial<VersionEdit>): VersionEdit => ({
	compactionPointers: [],
	deletedTables: [],
	addedTables: [],
	...changes,
});

const initial: ManifestState = {
	version: Version.empty,
	configuration: { version: 1, json: '{"options":{}}' },
	logNumber: 2,
	nextFileNumber: 3,
	lastSequence: 0,
	compactionPointers: new Map(),
};

/** Edits that fit each other, at random. */
function randomEdits(random: Random, count: number): VersionEdit[] {
	let version = Version.empty;
	let number = 10;
	return Array.from({ length: count }, () => {
		const changes = edit({ nextFileNumber: number + 10, lastSequence: number, logNumber: number });
		const level = random.below(7);
		const start = `k${String(random.below(900)).padStart(3, '0')}`;
		changes.addedTables.push([level, table(number++, start, `${start}z`)]);
		const victims = version.levels.flatMap((tables, from) => tables.map((one): [number, number] => [from, one.number]));
		const overlapping = version.levels[level].filter((one) => level > 0 && one.smallestKey.subarray(0, -8).toString() === start);
		changes.deletedTables.push(...overlapping.map((one): [number, number] => [level, one.number]));
		if (victims.length > 0 && random.below(3) === 0) {
			const victim = random.pick(victims);
			if (!changes.deletedTables.some(([, deleted]) => deleted === victim[1])) changes.deletedTables.push(victim);
		}
		if (random.below(2) === 0) changes.compactionPointers.push([level, Buffer.from(start)]);
		version = version.apply(changes);
		return changes;
	});
}

/** What can be compared of a state. */
const shape = (state: ManifestState | undefined) =>
	state && {
		...state,
		version: state.version.levels.map((tables) =>
			tables.map((one) => encodeVersionEdit(edit({ addedTables: [[0, one]] })).toString()),
		),
		compactionPointers: [...state.compactionPointers].map(([level, key]) => [level, Buffer.from(key).toString('hex')]),
	};

async function written(edits: VersionEdit[]): Promise<{ directory: string; path: string; states: ManifestState[] }> {
	const directory = temporaryDirectory();
	const manifest = ManifestWriter.create(place(directory), initial, 1);
	const states = [manifest.state];
	for (const one of edits) {
		manifest.append(one);
		await manifest.sync();
		states.push(manifest.state);
	}
	manifest.close();
	return { directory, path: join(directory, 'MANIFEST-000001'), states };
}

describe('the manifest', () => {
	it('is not there in a directory without a store', () => {
		expect(recoverManifest(place(temporaryDirectory()))).toBeUndefined();
	});

	const seed = testSeed();
	it(`comes back as it was, 100 random histories, seed ${seed}`, async () => {
		const random = new Random(seed);
		for (let history = 0; history < 100; history++) {
			const { directory, states } = await written(randomEdits(random, 1 + random.below(12)));
			expect(shape(recoverManifest(place(directory))?.state)).toEqual(shape(states.at(-1)));
		}
	});

	it('holds a state that existed, at every length it is cut to', async () => {
		const { directory, path, states } = await written(randomEdits(new Random(1), 6));
		const bytes = readFileSync(path);
		const known = states.map((state) => JSON.stringify(shape(state)));
		let last = -1;
		for (let length = 0; length < bytes.length; length++) {
			writeFileSync(path, bytes.subarray(0, length));
			let state: string;
			try {
				state = JSON.stringify(shape(recoverManifest(place(directory))?.state));
			} catch (error) {
				expect(error).toBeInstanceOf(CorruptionError);
				expect(last).toBe(-1);
				continue;
			}
			const index = known.indexOf(state);
			expect(index).toBeGreaterThanOrEqual(Math.max(0, last));
			last = index;
		}
		expect(last).toBe(states.length - 2);
	});

	it('is refused, or holds a state that existed, at every byte that is flipped', async () => {
		const { directory, path, states } = await written(randomEdits(new Random(2), 4));
		const bytes = readFileSync(path);
		const known = new Set(states.map((state) => JSON.stringify(shape(state))));
		let refused = 0;
		for (let at = 0; at < bytes.length; at++) {
			const flipped = Buffer.from(bytes);
			flipped[at] ^= 1 << (at % 8);
			writeFileSync(path, flipped);
			try {
				expect(known.has(JSON.stringify(shape(recoverManifest(place(directory))?.state)))).toBe(true);
			} catch (error) {
				expect(error).toBeInstanceOf(CorruptionError);
				expect(error).toMatchObject({ path });
				refused++;
			}
		}
		// Only in the last record is a flip the same as a write that was cut short.
		expect(refused).toBeGreaterThan(bytes.length / 2);
	});

	it('goes on in a new file when it has grown long, and removes the old one', async () => {
		const directory = temporaryDirectory();
		const manifest = ManifestWriter.create(place(directory), initial, 1);
		manifest.append(edit({ addedTables: [[1, table(5, 'a', 'b')]], nextFileNumber: 6 }));
		await manifest.sync();
		expect(manifest.isLong).toBe(false);
		manifest.rotate(7);
		manifest.append(edit({ addedTables: [[1, table(8, 'c', 'd')]], nextFileNumber: 9 }));
		await manifest.sync();
		manifest.close();
		expect(readdirSync(directory).sort()).toEqual(['CURRENT', 'MANIFEST-000007']);
		const state = recoverManifest(place(directory))?.state;
		expect(state?.version.levels[1].map(({ number }) => number)).toEqual([5, 8]);
		expect(state?.version.describe()).toBe('L1: 5["a"–"b", 10] 8["c"–"d", 10]');
	});

	it('of a newer format, or without a snapshot at its beginning, is refused', () => {
		const write = (record: VersionEdit) => {
			const directory = temporaryDirectory();
			const log = new LogWriter(nodeFileSystem.create(join(directory, 'MANIFEST-000001')), 1, crc32);
			const bytes = encodeVersionEdit(record);
			log.append(bytes, 0, bytes.length);
			log.close();
			writeCurrent(nodeFileSystem, directory, 1);
			return () => recoverManifest(place(directory));
		};
		expect(write({ ...snapshotEdit(initial), formatVersion: 2 })).toThrow(ConfigError);
		expect(write({ ...snapshotEdit(initial), formatVersion: 2 })).toThrow(/newer Varve.*format version 2.*up to 1/);
		expect(write(edit({ logNumber: 1 }))).toThrow(/no snapshot/);
		expect(write(snapshotEdit(initial))()).toBeDefined();
	});
});

describe('version edits', () => {
	it('carry blob files and the references of tables to them', () => {
		const referring = { ...table(5, 'a', 'b'), blobReferences: [[7, 100] as const, [9, 2 ** 40] as const] };
		const addedTables: VersionEdit['addedTables'] = [
			[1, referring],
			[1, table(6, 'c', 'd')],
		];
		const one = edit({
			addedTables,
			addedBlobs: [
				[7, 400],
				[9, 2 ** 41],
			],
		});
		const bytes = encodeVersionEdit(one);
		expect(decodeVersionEdit(bytes)).toEqual(one);
		for (let end = 1; end < bytes.length; end++) {
			try {
				// What is cut between two fields is a whole edit, of less.
				expect(encodeVersionEdit(decodeVersionEdit(bytes.subarray(0, end)))).toEqual(bytes.subarray(0, end));
			} catch (error) {
				expect(error).toBeInstanceOf(CorruptionError);
			}
		}
		const lonely = encodeVersionEdit(edit({ addedTables: [[1, table(6, 'c', 'd')]] }));
		const misplaced = Buffer.concat([lonely, Uint8Array.of(11, 5, 1, 7, 100)]);
		expect(() => decodeVersionEdit(misplaced)).toThrow(/table 5 that do not follow/);
		const endless = Buffer.concat([lonely, Uint8Array.of(11, 6, 0xff, 0xff, 0xff, 0x7f, 7, 100)]);
		expect(() => decodeVersionEdit(endless)).toThrow(/ends in the middle/);
	});

	it('let a blob file go with the last table that refers to it', () => {
		const referring = (number: number, start: string, file: number) => ({
			...table(number, start, `${start}z`),
			blobReferences: [[file, 100] as const],
		});
		const first = Version.empty.apply(
			edit({
				addedTables: [
					[1, referring(1, 'a', 10)],
					[1, referring(2, 'b', 10)],
					[0, table(3, 'x', 'y')],
				],
				addedBlobs: [[10, 500]],
			}),
		);
		expect([...first.blobs]).toEqual([[10, 500]]);
		expect([...first.liveBlobBytes]).toEqual([[10, 200]]);
		const second = first.apply(
			edit({ deletedTables: [[1, 1]], addedTables: [[2, referring(4, 'a', 11)]], addedBlobs: [[11, 600]] }),
		);
		expect([...second.blobs]).toEqual([
			[10, 500],
			[11, 600],
		]);
		const third = second.apply(edit({ deletedTables: [[1, 2]] }));
		expect([...third.blobs]).toEqual([[11, 600]]);
		expect(() => third.apply(edit({ addedTables: [[3, referring(5, 'a', 12)]] }))).toThrow(/blob file 12, which is not listed/);
		expect([...first.blobs]).toEqual([[10, 500]]);
	});

	it('skip optional fields that are unknown, and refuse required ones', () => {
		const known = encodeVersionEdit(edit({ logNumber: 5 }));
		expect(decodeVersionEdit(Buffer.concat([Uint8Array.of(200, 2, 1, 2), known]))).toEqual(edit({ logNumber: 5 }));
		expect(() => decodeVersionEdit(Uint8Array.of(12, 1))).toThrow(/unknown field 12/);
	});

	it('count range deletes of a table in a field behind it, which tables without any have not', () => {
		const [none, some] = [0, 300].map((rangeDeletes) => ({ ...table(5, 'a', 'b'), rangeDeletes }));
		const [plain, counted] = [none, some].map((one) => Buffer.from(encodeVersionEdit(edit({ addedTables: [[1, one]] }))));
		expect(counted.subarray(0, plain.length).equals(plain)).toBe(true);
		expect(counted.subarray(plain.length).toString('hex')).toBe('09ac02');
		expect(decodeVersionEdit(Buffer.concat([counted, plain])).addedTables).toEqual([
			[1, some],
			[1, none],
		]);
		expect(() => decodeVersionEdit(counted.subarray(plain.length))).toThrow(/range deletes of no table/);
	});

	it('are read as 0.1.0 wrote them', () => {
		const fields = ['08', '01', '05', '00', '0100000000000000', 'e807', '0a', '02', '03', '04'];
		const keys = ['09', '610103000000000000', '09', '620104000000000000'];
		const [[level, one]] = decodeVersionEdit(Buffer.from([...fields, ...keys].join(''), 'hex')).addedTables;
		expect([level, one.number, one.size, one.entries, one.tombstones, one.rangeDeletes]).toEqual([1, 5, 1000, 10, 2, 0]);
		expect([one.smallestSequence, one.largestSequence]).toEqual([3, 4]);
		expect([one.smallestKey, one.largestKey].map((key) => key.subarray(0, -8).toString())).toEqual(['a', 'b']);
	});

	it('tell of entries that expire in a field that may be skipped', () => {
		const plain = edit({ addedTables: [[1, table(5, 'a', 'b')]] });
		const expiry = { entries: 3, latest: Number.MAX_SAFE_INTEGER };
		const one = edit({ addedTables: [...plain.addedTables, [1, { ...table(6, 'c', 'd'), expiry }], [2, table(7, 'a', 'b')]] });
		const bytes = encodeVersionEdit(one);
		expect(decodeVersionEdit(bytes)).toEqual(one);
		const field = (...content: number[]) =>
			Buffer.concat([encodeVersionEdit(plain), Buffer.from([128, content.length, ...content])]);
		expect(decodeVersionEdit(field(5, 2, 9)).addedTables[0][1].expiry).toEqual({ entries: 2, latest: 9 });
		for (const content of [[5, 2], [5, 2, 9, 0], [5, 0, 9], [4, 2, 9], []]) {
			expect(() => decodeVersionEdit(field(...content)), `${content}`).toThrow(CorruptionError);
		}
		expect(() => decodeVersionEdit(Uint8Array.of(128, 3, 5, 2, 9))).toThrow(CorruptionError);
	});

	it('are errors at every length they are cut to, and for what is out of range', () => {
		const one = edit({ addedTables: [[1, table(6, 'a', 'b')]] });
		const bytes = encodeVersionEdit(one);
		expect(decodeVersionEdit(bytes).addedTables[0][1]).toEqual(one.addedTables[0][1]);
		for (let length = 1; length < bytes.length; length++) {
			expect(() => decodeVersionEdit(bytes.subarray(0, length))).toThrow(CorruptionError);
		}
		expect(() => decodeVersionEdit(Uint8Array.of(3, 255, 255, 255, 255, 255, 255, 255, 127))).toThrow(/out of range/);
		expect(() => decodeVersionEdit(Uint8Array.of(7, 9, 1))).toThrow(/names level 9/);
		expect(() => decodeVersionEdit(Uint8Array.of(6, 1, 100, 0))).toThrow(/ends in the middle/);
	});
});

describe('a version', () => {
	const version = Version.empty.apply(
		edit({
			addedTables: [
				[0, table(1, 'a', 'c')],
				[0, table(2, 'b', 'd')],
				[1, table(3, 'm', 'p')],
			],
		}),
	);

	it('keeps level 0 newest first and the others in key order', () => {
		const next = version.apply(edit({ addedTables: [[1, table(4, 'a', 'b')]] }));
		expect(next.levels.map((tables) => tables.map(({ number }) => number)).slice(0, 2)).toEqual([
			[2, 1],
			[4, 3],
		]);
		expect(version.levels[1].length).toBe(1);
	});

	it.each([
		['deletes what is not there', { deletedTables: [[1, 1]] }, /does not have it/],
		['adds a number twice', { addedTables: [[2, table(3, 'x', 'y')]] }, /listed twice/],
		['adds what overlaps', { addedTables: [[1, table(4, 'p', 'q')]] }, /overlap in level 1/],
		['has its keys the wrong way round', { addedTables: [[2, table(4, 'q', 'p')]] }, /smallest key/],
	] as [string, Partial<VersionEdit>, RegExp][])('refuses an edit that %s', (_, changes, message) => {
		expect(() => version.apply(edit(changes))).toThrow(CorruptionError);
		expect(() => version.apply(edit(changes))).toThrow(message);
		expect(() => applyEdit({ ...initial, version }, edit(changes))).toThrow(message);
	});
});

describe('names of tables', () => {
	it('parse back, and others do not', () => {
		const name = tableFileName(table(42, 'a', 'b'));
		expect(name).toBe('0_000042_01700000000000000042.sst');
		expect(parseTableFileName(name)).toMatchObject({ birthLevel: 0, number: 42 });
		for (const other of ['0_42_01700000000000000042.sst', '9_000042_01700000000000000042.sst', `${name}.tmp`, 'x.sst']) {
			expect(parseTableFileName(other)).toBeUndefined();
		}
	});
});
