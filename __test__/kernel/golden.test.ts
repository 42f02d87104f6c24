/**
 * The golden vectors, through the kernel interface: every kernel computes and writes exactly these bytes. They are made by
 * `crates/varve-core/tests/core/golden.rs`.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decompress } from '../../ts/kernel/js/compression/decompress';
import { xxHash64 as hashOf } from '../../ts/kernel/js/primitives';
import { decodeFooter, encodeFooter } from '../../ts/kernel/js/table/footer';
import type { FilterPolicyName, Kernel, KernelEngine, TableOptions, TableSummary } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { tableSpec, temporaryDirectory } from './support';

type HexPair = [string, string];
interface Handle {
	offset: number;
	size: number;
}
interface Output {
	name: string;
	bytes: string;
	summary: Omit<Record<keyof TableSummary, number | string>, 'blobReferences' | 'expiry'> &
		Pick<TableSummary, 'blobReferences' | 'expiry'>;
}
/** Flushes of memtables, and a compaction of what they wrote. */
interface Jobs {
	createdAt: string;
	options: TableOptions;
	flushes: { records: string[]; snapshots: number[]; number: number; outputs: Output[] }[];
	compaction: {
		runs: number[][];
		snapshots: number[];
		keepTombstones: HexPair[];
		level: number;
		number: number;
		outputs: Output[];
	};
}
interface Vectors {
	crc32: { input: string; initial: number; crc32: number }[];
	xxHash64: { input: string; xxHash64: string }[];
	filters: {
		policy: FilterPolicyName;
		keys: string[];
		milliBitsPerKey: number;
		probes: number;
		filter: string;
		passedOf30Others: string[];
	}[];
	blocks: {
		entries: HexPair[];
		blockByRestartInterval: Record<string, string>;
		empty: string;
		dataBlockAtInterval3: string;
		foundInDataBlock: { target: string; found: HexPair | null }[];
		seeksAtInterval3: { target: string; found: HexPair | null }[];
	};
	merge: { restartInterval: number; blocks: string[]; merged: string };
	footer: {
		metaindex: Handle;
		index: Handle;
		footer: string;
		compressedFooter: string;
		footerWithRangeDeletes: string;
		footerWithBoth: string;
	};
	compression: { id: number; length: number; xxHash64: string; stored: string }[];
	jobs: Jobs;
	rangeDeletes: Jobs;
	expiry: Jobs;
}

const vectors = JSON.parse(readFileSync(join(__dirname, '../golden/vectors.json'), 'utf8')) as Vectors;
const unhex = (text: string): Buffer => Buffer.from(text, 'hex');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhexPair = ([a, b]: HexPair): [Buffer, Buffer] => [unhex(a), unhex(b)];
const hexPair = ([a, b]: [Uint8Array, Uint8Array]): HexPair => [hex(a), hex(b)];

/** Names, bytes and summaries of what a job wrote, as they stand in the vectors. */
function describeOutputs(directory: string, summaries: TableSummary[]): Output[] {
	return summaries.map((summary) => {
		const { path } = tableSpec(directory, summary);
		const { smallestKey, largestKey, createdAt } = summary;
		const plain = { ...summary, createdAt: `${createdAt}`, smallestKey: hex(smallestKey), largestKey: hex(largestKey) };
		return { name: basename(path), bytes: hex(readFileSync(path)), summary: plain };
	});
}

async function open(engine: KernelEngine, directory: string, summaries: TableSummary[]): Promise<void> {
	await engine.openTables(summaries.map((summary) => tableSpec(directory, summary)));
}

/** Runs the flushes and the compaction of the vectors; answers the outputs of each. */
async function runJobs(kernel: Kernel, directory: string, jobs: Jobs): Promise<Output[][]> {
	const { createdAt, options, flushes, compaction } = jobs;
	const output = { directory, numberCount: 100, createdAt: BigInt(createdAt), table: options };
	const engine = kernel.createEngine({ cacheBytes: 0 });
	const results: Output[][] = [];
	for (const { records, snapshots, number } of flushes) {
		engine.createMemtable(number, 1 << 20);
		for (const record of records.map(unhex)) engine.apply(record, 0, record.length);
		const job = { memtable: number, snapshots, output: { ...output, level: 0, firstNumber: number } };
		const summaries = await engine.flush(job).done;
		await open(engine, directory, summaries);
		results.push(describeOutputs(directory, summaries));
	}
	const { runs, snapshots, level, number } = compaction;
	const keepTombstones = compaction.keepTombstones.map(unhexPair);
	const job = { runs, snapshots, keepTombstones, output: { ...output, level, firstNumber: number } };
	results.push(describeOutputs(directory, await engine.compact(job).done));
	await engine.close();
	return results;
}

describe.each(kernels)('golden vectors of the $name kernel', (kernel) => {
	const root = temporaryDirectory();

	it('CRC-32', () => {
		for (const { input, initial, crc32 } of vectors.crc32) expect(kernel.crc32(unhex(input), initial)).toBe(crc32);
	});

	it('xxHash64', () => {
		for (const { input, xxHash64 } of vectors.xxHash64) expect(kernel.xxHash64(unhex(input))).toBe(BigInt(`0x${xxHash64}`));
	});

	it('filter blocks', () => {
		for (const { policy, keys, milliBitsPerKey, probes, filter, passedOf30Others } of vectors.filters) {
			const bytes = kernel.buildFilter(policy, keys.map(unhex), milliBitsPerKey, probes);
			expect(hex(bytes)).toBe(filter);
			for (const key of keys) expect(kernel.filterMayContain(policy, bytes, unhex(key))).toBe(true);
			const others = Array.from({ length: 30 }, (_, i) => Buffer.from(`other${i}`));
			expect(others.filter((key) => kernel.filterMayContain(policy, bytes, key)).map(hex)).toEqual(passedOf30Others);
		}
	});

	it('blocks', () => {
		const { entries, blockByRestartInterval, empty } = vectors.blocks;
		expect(Object.keys(blockByRestartInterval).length).toBeGreaterThan(2);
		for (const [interval, block] of Object.entries(blockByRestartInterval)) {
			expect(hex(kernel.encodeBlock(entries.map(unhexPair), Number(interval)))).toBe(block);
			expect(kernel.decodeBlock(unhex(block)).map(hexPair)).toEqual(entries);
		}
		expect(hex(kernel.encodeBlock([], 16))).toBe(empty);
		expect(kernel.decodeBlock(unhex(empty))).toEqual([]);
	});

	it('seeks in a block', () => {
		const { blockByRestartInterval, seeksAtInterval3 } = vectors.blocks;
		const block = unhex(blockByRestartInterval['3'] as string);
		for (const { target, found } of seeksAtInterval3) {
			const entry = kernel.seekBlock(block, unhex(target));
			expect(entry === undefined ? null : hexPair(entry)).toEqual(found);
		}
	});

	it('data blocks', () => {
		const { entries, dataBlockAtInterval3, foundInDataBlock } = vectors.blocks;
		const block = unhex(dataBlockAtInterval3);
		expect(hex(kernel.encodeDataBlock(entries.map(unhexPair), 3))).toBe(dataBlockAtInterval3);
		expect(kernel.decodeBlock(block).map(hexPair)).toEqual(entries);
		expect(foundInDataBlock.some(({ found }) => found !== null)).toBe(true);
		for (const { target, found } of foundInDataBlock) {
			const entry = kernel.findInBlock(block, unhex(target));
			expect(entry === undefined ? null : hexPair(entry)).toEqual(found);
		}
	});

	it('merges of blocks', () => {
		const { restartInterval, blocks, merged } = vectors.merge;
		expect(hex(kernel.mergeBlocks(blocks.map(unhex), restartInterval))).toBe(merged);
	});

	it.each(['jobs', 'rangeDeletes', 'expiry'] as const)('whole tables, by flush and by compaction (%s)', async (name) => {
		const directory = join(root, name);
		mkdirSync(directory);
		const { flushes, compaction } = vectors[name];
		expect(await runJobs(kernel, directory, vectors[name])).toEqual([
			...flushes.map(({ outputs }) => outputs),
			compaction.outputs,
		]);
	});
});

describe('golden vectors of the footer', () => {
	it('are what the TypeScript codec writes and reads', () => {
		const { metaindex, index, footer, compressedFooter, footerWithRangeDeletes, footerWithBoth } = vectors.footer;
		for (const [bytes, compressed, rangeDeletes] of [
			[footer, false, false],
			[compressedFooter, true, false],
			[footerWithRangeDeletes, false, true],
			[footerWithBoth, true, true],
		] as const) {
			expect(hex(encodeFooter({ metaindex, index, compressed, rangeDeletes, valuePointers: false, fingerprints: false }))).toBe(
				bytes,
			);
			expect(decodeFooter(unhex(bytes), 'table', 2 ** 50)).toEqual({
				metaindex,
				index,
				compressed,
				rangeDeletes,
				valuePointers: false,
				fingerprints: false,
			});
		}
	});
});

describe('golden vectors of compressed blocks', () => {
	it.each(vectors.compression)('are decoded by TypeScript, codec $id to $length bytes', ({ id, length, xxHash64, stored }) => {
		const bytes = unhex(stored);
		const raw = decompress(id, bytes, 0, bytes.length, Buffer.alloc, 'table', 0);
		expect(raw.length).toBe(length);
		expect(hashOf(raw)).toBe(BigInt(`0x${xxHash64}`));
	});
});
