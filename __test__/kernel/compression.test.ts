/** Compressed tables: every kernel reads what every kernel wrote, blocks are the same under every codec, and damage is told. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import { nodeFileSystem } from '../../ts/fs/node-file-system';
import { decompress } from '../../ts/kernel/js/compression/decompress';
import { FileCache } from '../../ts/kernel/js/file-cache';
import { sealBlock } from '../../ts/kernel/js/table/format';
import { Table } from '../../ts/kernel/js/table/reader';
import {
	COMPRESSION_LZ4,
	COMPRESSION_NONE,
	COMPRESSION_SNAPPY,
	COMPRESSION_ZSTD,
	type CompressionId,
	type Kernel,
	type TableSpec,
	type TableSummary,
} from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { forgeTable, reseal, sealWithXxHash64 } from './forge';
import {
	apply,
	cursorOptions,
	internalKey,
	jobOutput,
	type Operation,
	Random,
	readAll,
	tableSpec,
	temporaryDirectory,
} from './support';

const root = temporaryDirectory();
const ids: CompressionId[] = [COMPRESSION_LZ4, COMPRESSION_SNAPPY, COMPRESSION_ZSTD];
const FLAGS_FROM_END = 20;
/** The highest bit of a block's codec. */
const CRC32_CHECKSUM = 0x80;

/** Kernels and what they can write. */
const writers = kernels.flatMap((kernel) =>
	ids.filter((id) => kernel.canCompress(id)).map((id) => ({ kernel, id, name: kernel.name })),
);

let nextFile = 1;

/** The first of a thousand file numbers that nobody uses. */
function takeFiles(): number {
	nextFile += 1000;
	return nextFile;
}

/** Writes a table of these operations, with sequence numbers from 1. */
async function write(
	kernel: Kernel,
	operations: readonly Operation[],
	options: Parameters<typeof jobOutput>[3],
): Promise<{ summary: TableSummary; spec: TableSpec }> {
	const engine = kernel.createEngine({ cacheBytes: 0 });
	engine.createMemtable(1, 1 << 26);
	apply(engine, 1, operations);
	const output = jobOutput(root, takeFiles(), 0, options);
	const [summary] = (await engine.flush({ memtable: 1, snapshots: [], output }).done) as [TableSummary];
	await engine.close();
	return { summary, spec: tableSpec(root, summary) };
}

/** The entries of a table, by scan. */
async function read(kernel: Kernel, spec: TableSpec): Promise<unknown> {
	const engine = kernel.createEngine({ cacheBytes: 1 << 20 });
	try {
		await engine.openTables([spec]);
		engine.installView([], [[spec.number]]);
		const cursor = engine.openCursor(cursorOptions());
		try {
			return await readAll(cursor, 'sync', 1 << 16);
		} finally {
			cursor.close();
		}
	} finally {
		await engine.close();
	}
}

/** The data blocks of a table, decompressed, and how each is stored. */
function blocksOf(spec: TableSpec): { raw: string[]; stored: number[] } {
	const table = Table.open(new FileCache(nodeFileSystem, 1), spec);
	const bytes = readFileSync(spec.path);
	const resident = table.load();
	const places = Array.from({ length: resident.blockCount }, (_, block) => resident.handle(block));
	const raw = places.map((handle) => table.file.readBlock(handle).toString('hex'));
	const stored = places.map(({ offset, size }) => bytes[offset + size] & ~CRC32_CHECKSUM);
	table.release();
	return { raw, stored };
}

/** Values of several kinds: records, texts, runs, repetitions from far away, and noise. */
function operationsOf(seed: number, count: number): Operation[] {
	const random = new Random(seed);
	const far = random.bytes(300);
	const value = (i: number): Buffer => {
		switch (random.below(6)) {
			case 0:
				return random.bytes(random.below(300));
			case 1:
				return Buffer.alloc(random.below(3000), random.below(256));
			case 2:
				return Buffer.concat([far, random.bytes(random.below(20)), far.subarray(random.below(300))]);
			case 3:
				return Buffer.alloc(random.below(2000), random.bytes(1 + random.below(70)));
			default:
				return Buffer.from(
					JSON.stringify({ id: i, name: `user ${random.below(50)}`, tags: ['a', 'b'], score: random.below(1000) }),
				);
		}
	};
	return Array.from({ length: count }, (_, i) => ({ key: Buffer.from(`user:${String(i).padStart(6, '0')}`), value: value(i) }));
}

describe.each(writers)('tables of the $name kernel with compression $id', ({ kernel, id }) => {
	it.each([1, 2, 3, 4, 5, 6])('hold the same blocks as without, and every kernel reads them, seed %d', async (seed) => {
		const random = new Random(seed);
		const operations = operationsOf(seed, 1 + random.below(600));
		const options = { blockSize: 64 << random.below(14), restartInterval: 1 + random.below(16) };
		const plain = await write(kernel, operations, options);
		const level = 1 + random.below(8);
		const packed = await write(kernel, operations, { ...options, compression: id, compressionLevel: level });
		const blocks = blocksOf(packed.spec);
		expect(blocks.raw).toEqual(blocksOf(plain.spec).raw);
		expect(packed.summary.rawDataBytes).toBe(plain.summary.storedDataBytes);
		expect(plain.summary.size - packed.summary.size).toBeGreaterThanOrEqual(
			packed.summary.rawDataBytes - packed.summary.storedDataBytes,
		);
		const right = await read(kernel, plain.spec);
		for (const reader of kernels) expect(await read(reader, packed.spec)).toEqual(right);
	});

	it('are cut where they are cut without', async () => {
		const results: string[][] = [];
		for (const compression of [COMPRESSION_NONE, id] as const) {
			const engine = kernel.createEngine({ cacheBytes: 0 });
			engine.createMemtable(1, 1 << 22);
			apply(engine, 1, operationsOf(7, 400));
			const table = { compression, tableSize: 20_000, blockSize: 1000 };
			const flushed = await engine.flush({ memtable: 1, snapshots: [], output: jobOutput(root, takeFiles(), 0, table) }).done;
			await engine.openTables(flushed.map((summary) => tableSpec(root, summary)));
			const runs = [flushed.map(({ number }) => number)];
			const output = jobOutput(root, takeFiles(), 1, table);
			const tables = await engine.compact({ runs, snapshots: [], keepTombstones: [], output }).done;
			results.push(tables.map((summary) => `${Buffer.from(summary.smallestKey).toString('hex')} ${summary.rawDataBytes}`));
			await engine.close();
		}
		expect(results[0]?.length).toBeGreaterThan(4);
		expect(results[1]).toEqual(results[0]);
	});

	it('say by a required flag that a block is compressed, so that older versions refuse them', async () => {
		const { spec } = await write(kernel, operationsOf(1, 200), { compression: id });
		expect(blocksOf(spec).stored).toContain(id);
		// 8: its entries have fingerprints.
		expect(readFileSync(spec.path).readUInt32LE(spec.size - FLAGS_FROM_END)).toBe(1 | 8);
	});

	it('store what does not shrink by an eighth as it is', async () => {
		const random = new Random(3);
		const noise = Array.from({ length: 50 }, (_, i) => ({ key: Buffer.from([i]), value: random.bytes(500) }));
		const plain = await write(kernel, noise, { blockSize: 2000 });
		const packed = await write(kernel, noise, { blockSize: 2000, compression: id });
		expect(readFileSync(packed.spec.path)).toEqual(readFileSync(plain.spec.path));
		const mixed = noise.concat(
			Array.from({ length: 50 }, (_, i) => ({ key: Buffer.from([100 + i]), value: Buffer.alloc(500, 'a') })),
		);
		const { spec } = await write(kernel, mixed, { blockSize: 2000, compression: id });
		expect([...new Set(blocksOf(spec).stored)].sort()).toEqual([COMPRESSION_NONE, id]);
	});

	it('with flipped bytes behind a sound checksum give a typed error, or what the bytes say', async () => {
		const { spec } = await write(kernel, operationsOf(11, 60), { blockSize: 1 << 20, compression: id });
		const bytes = readFileSync(spec.path);
		const table = Table.open(new FileCache(nodeFileSystem, 1), spec);
		const size = table.load().blockSize(0);
		table.release();
		const random = new Random(5);
		const path = join(root, `resealed-${kernel.name}-${id}.sst`);
		let refused = 0;
		for (let round = 0; round < 300; round++) {
			const damaged = Buffer.from(bytes);
			for (let i = random.below(3); i >= 0; i--)
				damaged[random.below(round % 2 === 0 ? Math.min(size, 40) : size)] = random.below(256);
			reseal(damaged, 0, size);
			writeFileSync(path, damaged);
			for (const reader of kernels) {
				try {
					await read(reader, { ...spec, path });
				} catch (error) {
					expect(error).toBeInstanceOf(CorruptionError);
					expect(error).toMatchObject({ path, offset: expect.any(Number) });
					refused++;
				}
			}
		}
		expect(refused).toBeGreaterThan(50);
	});
});

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]);
const frame = (size: number, ...blocks: number[]): number[] => [0x28, 0xb5, 0x2f, 0xfd, 0xa0, ...int32(size), ...blocks];
const int32 = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
const blockHead = (last: number, type: number, size: number): number[] => int32((size << 3) | (type << 1) | last).slice(0, 3);

const hostile: [what: string, id: number, stored: number[]][] = [
	['an unknown codec', 4, [1, 2, 3]],
	['no bytes', COMPRESSION_LZ4, []],
	['a raw length of 4 GiB', COMPRESSION_LZ4, [...varint(2 ** 32 - 1), 0]],
	['a raw length that does not end', COMPRESSION_LZ4, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
	['a raw length that so few bytes cannot make', COMPRESSION_LZ4, [...varint(100_000), 0x10, 65]],
	['a raw length that is too short', COMPRESSION_LZ4, [2, 0x30, 65, 65, 65]],
	['a raw length that is too long', COMPRESSION_LZ4, [4, 0x30, 65, 65, 65]],
	['an offset of zero', COMPRESSION_LZ4, [9, 0x10, 65, 0, 0, 0x40, 1, 2, 3, 4]],
	['an offset before the start', COMPRESSION_LZ4, [9, 0x10, 65, 2, 0, 0x40, 1, 2, 3, 4]],
	['a match that is too long', COMPRESSION_LZ4, [9, 0x1f, 65, 1, 0, 255, 255, 0, 0]],
	['a match length that does not end', COMPRESSION_LZ4, [200, 1, 0x1f, 65, 1, 0, 255, 255]],
	['literals that are not there', COMPRESSION_LZ4, [60, 0xf0, 45, 1]],
	['half an offset', COMPRESSION_LZ4, [20, 0x10, 65, 1]],
	['a match at the end', COMPRESSION_LZ4, [5, 0x10, 65, 1, 0]],
	['no bytes', COMPRESSION_SNAPPY, []],
	['a raw length of 4 GiB', COMPRESSION_SNAPPY, [...varint(2 ** 32 - 1), 0, 65]],
	['a raw length that so few bytes cannot make', COMPRESSION_SNAPPY, [...varint(1000), 0, 65]],
	['a raw length that is too short', COMPRESSION_SNAPPY, [1, 4, 65, 65]],
	['a raw length that is too long', COMPRESSION_SNAPPY, [3, 4, 65, 65]],
	['a literal of 4 GiB', COMPRESSION_SNAPPY, [50, 0xfc, 0xff, 0xff, 0xff, 0xff, 65, 65]],
	['a literal of 2 GiB', COMPRESSION_SNAPPY, [50, 0xfc, 0xff, 0xff, 0xff, 0x7f, 65, 65]],
	['a literal that runs backwards', COMPRESSION_SNAPPY, [50, 0xfc, 0xfa, 0xff, 0xff, 0xff, 65, 65]],
	['a literal length that is not there', COMPRESSION_SNAPPY, [50, 0xf8, 1]],
	['an offset of zero', COMPRESSION_SNAPPY, [6, 0, 65, 0x02 | (4 << 2), 0, 0]],
	['an offset before the start', COMPRESSION_SNAPPY, [6, 0, 65, 0x02 | (4 << 2), 2, 0]],
	['a negative offset', COMPRESSION_SNAPPY, [6, 0, 65, 0x03 | (4 << 2), 0xff, 0xff, 0xff, 0xff]],
	['a copy that is too long', COMPRESSION_SNAPPY, [3, 0, 65, 0x02 | (4 << 2), 1, 0]],
	['half an offset', COMPRESSION_SNAPPY, [6, 0, 65, 0x02 | (4 << 2), 1]],
	['no bytes', COMPRESSION_ZSTD, []],
	['another magic number', COMPRESSION_ZSTD, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
	['no content size', COMPRESSION_ZSTD, [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, ...blockHead(1, 0, 1), 65]],
	['a dictionary', COMPRESSION_ZSTD, [0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, 1, ...blockHead(1, 0, 1), 65]],
	['a content size of 4 GiB', COMPRESSION_ZSTD, frame(0xffffffff, ...blockHead(1, 1, 100), 65)],
	['a content size that is too short', COMPRESSION_ZSTD, frame(1, ...blockHead(1, 0, 2), 65, 65)],
	['a content size that is too long', COMPRESSION_ZSTD, frame(3, ...blockHead(1, 0, 2), 65, 65)],
	['a run beyond its end', COMPRESSION_ZSTD, frame(3, ...blockHead(1, 1, 2 ** 20), 65)],
	['an unknown type of block', COMPRESSION_ZSTD, frame(2, ...blockHead(1, 3, 2), 65, 65)],
	['no last block', COMPRESSION_ZSTD, frame(2, ...blockHead(0, 0, 2), 65, 65)],
	['something behind its end', COMPRESSION_ZSTD, [...frame(2, ...blockHead(1, 0, 2), 65, 65), 0]],
	['a second frame', COMPRESSION_ZSTD, [...frame(2, ...blockHead(1, 0, 2), 65, 65), ...frame(0, ...blockHead(1, 0, 0))]],
	// One run of literals, and 32,512 sequences out of no bits.
	['sequences without bits', COMPRESSION_ZSTD, frame(9, ...blockHead(1, 2, 8), 0x19, 65, 0xff, 0xff, 0xff, 0x54, 51, 51)],
	['an offset before the start', COMPRESSION_ZSTD, frame(9, ...blockHead(1, 2, 9), 0x19, 65, 1, 0x54, 3, 10, 2, 0, 0x10)],
	['literals that take over no code', COMPRESSION_ZSTD, frame(9, ...blockHead(1, 2, 5), 0x93, 0x40, 0, 1, 0)],
	['a code that does not fit', COMPRESSION_ZSTD, frame(9, ...blockHead(1, 2, 8), 0x92, 0x00, 1, 0x83, 0xff, 0xff, 1, 0)],
];

describe.each(kernels)('the $name kernel refuses a block', (kernel) => {
	it.each(hostile)('with %s (compression %i) behind a sound checksum', async (_, id, stored) => {
		const path = join(root, `hostile-${kernel.name}.sst`);
		const bytes = forgeTable(id, Buffer.from(stored));
		writeFileSync(path, bytes);
		const spec = { number: 1, path, size: bytes.length };
		await expect(read(kernel, spec)).rejects.toBeInstanceOf(CorruptionError);
		await expect(read(kernel, spec)).rejects.toMatchObject({ path, offset: 0, message: expect.stringMatching(/compression/) });
		const engine = kernel.createEngine({ cacheBytes: 0 });
		await engine.openTables([spec]);
		const job = { runs: [[1]], snapshots: [], keepTombstones: [], output: jobOutput(root, takeFiles(), 1) };
		await expect(engine.compact(job).done).rejects.toMatchObject({ path, offset: 0 });
		await engine.close();
	});

	it('that is no data block and compressed', async () => {
		const { spec } = await write(kernel, operationsOf(1, 3), {});
		const bytes = readFileSync(spec.path);
		const indexAt = Number(bytes.readBigUInt64LE(spec.size - 36));
		const indexSize = bytes.readUInt32LE(spec.size - 28);
		bytes[indexAt + indexSize] = COMPRESSION_LZ4;
		reseal(bytes, indexAt, indexSize);
		const path = join(root, `meta-${kernel.name}.sst`);
		writeFileSync(path, bytes);
		await expect(read(kernel, { ...spec, path })).rejects.toMatchObject({ path, offset: indexAt });
	});

	it('by its checksum, before it is decompressed', async () => {
		const { spec } = await write(kernel, operationsOf(1, 200), { compression: COMPRESSION_LZ4 });
		const bytes = readFileSync(spec.path);
		const path = join(root, `unsealed-${kernel.name}.sst`);
		// A raw length of 4 GiB: its decoder would say that it is malformed.
		bytes.fill(0xff, 0, 4);
		writeFileSync(path, bytes);
		await expect(read(kernel, { ...spec, path })).rejects.toThrow(/checksum/);
	});
});

describe.each(kernels)('the $name kernel', (kernel) => {
	const forge = (seal: typeof sealWithXxHash64) => {
		const key = internalKey('key', 1);
		return forgeTable(COMPRESSION_NONE, Buffer.from(kernel.encodeBlock([[key, Buffer.from('value')]], 16)), key, seal);
	};
	const readOf = (bytes: Buffer) => {
		const path = join(root, `older-${kernel.name}.sst`);
		writeFileSync(path, bytes);
		return read(kernel, { number: 1, path, size: bytes.length });
	};

	it('reads blocks of older versions, whose checksum is xxHash64', async () => {
		const bytes = forge(sealWithXxHash64);
		expect(await readOf(bytes)).toEqual(await readOf(forge(sealBlock)));
		bytes[5] ^= 1;
		await expect(readOf(bytes)).rejects.toThrow(/checksum/);
	});

	it('takes neither checksum for the other', async () => {
		for (const seal of [sealBlock, sealWithXxHash64]) {
			const bytes = forge(seal);
			bytes[dataSize(bytes)] ^= CRC32_CHECKSUM;
			await expect(readOf(bytes)).rejects.toThrow(/checksum/);
		}
	});

	it('checks the zeros behind a CRC-32', async () => {
		const bytes = forge(sealBlock);
		bytes[dataSize(bytes) + 8] = 1;
		await expect(readOf(bytes)).rejects.toThrow(/checksum/);
	});
});

/** Size of the data block of a table that has one. */
function dataSize(bytes: Buffer): number {
	const path = join(root, 'measured.sst');
	writeFileSync(path, bytes);
	const table = Table.open(new FileCache(nodeFileSystem, 1), { number: 1, path, size: bytes.length });
	const size = table.load().blockSize(0);
	table.release();
	return size;
}

describe('the TypeScript decoders', () => {
	const huge: [id: number, stored: number[]][] = [
		[COMPRESSION_LZ4, [...varint(2 ** 32 - 1), 0x10, 65]],
		[COMPRESSION_LZ4, [...varint(2000), 0x10, 65]],
		[COMPRESSION_SNAPPY, [...varint(2 ** 30), 0, 65]],
		[COMPRESSION_ZSTD, frame(0xffffffff, ...blockHead(1, 1, 100), 65)],
	];

	it.each(huge)('take no memory for what so few bytes cannot make (compression %i, %j)', (id, stored) => {
		const bytes = Buffer.from(stored);
		const take = () => expect.unreachable('memory was taken') as never;
		expect(() => decompress(id, bytes, 0, bytes.length, take, 'table', 0)).toThrow(CorruptionError);
	});
});
