/** Filters in tables: of every policy, of none, of an unknown one, damaged; and what is counted of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import type { FilterPolicyName, KernelEngine, TableOptions, TableSpec, TableSummary } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { reseal } from './forge';
import { apply, get, jobOutput, tableSpec, temporaryDirectory } from './support';

const policies = ['blocked-bloom', 'bloom'] as const;
const COUNT = 400;
const present = Array.from({ length: COUNT }, (_, i) => Buffer.from(`key-${String(2 * i).padStart(4, '0')}`));
/** Each lies between two that are there. */
const missing = Array.from({ length: COUNT - 1 }, (_, i) => Buffer.from(`key-${String(2 * i + 1).padStart(4, '0')}`));

describe.each(kernels)('filters of the $name kernel', (kernel) => {
	const directory = temporaryDirectory();
	let nextNumber = 1;

	async function withEngine(work: (engine: KernelEngine) => Promise<void>): Promise<void> {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		try {
			await work(engine);
		} finally {
			await engine.close();
		}
	}

	async function flushed(engine: KernelEngine, table: Partial<TableOptions> = {}, keys = present): Promise<TableSpec> {
		engine.createMemtable(900, 1 << 20);
		apply(
			engine,
			1,
			keys.map((key) => ({ key, value: key })),
		);
		const output = jobOutput(directory, nextNumber++, 0, table);
		const [summary] = await engine.flush({ memtable: 900, snapshots: [], output }).done;
		engine.dropMemtable(900);
		return tableSpec(directory, summary as TableSummary);
	}

	/** Metaindex: where it is, and the blocks that it names. */
	function metaindex(bytes: Buffer) {
		const footer = bytes.length - 48;
		const at = Number(bytes.readBigUInt64LE(footer));
		const size = bytes.readUInt32LE(footer + 8);
		const entries = kernel.decodeBlock(bytes.subarray(at, at + size));
		const blocks = new Map(entries.map(([name, handle]) => [Buffer.from(name).toString(), decodeHandle(handle)]));
		return { at, size, blocks };
	}

	function written(bytes: Buffer, spec: TableSpec): TableSpec {
		const path = join(directory, `changed-${nextNumber++}.sst`);
		writeFileSync(path, bytes);
		return { ...spec, path };
	}

	/** The table with another name in its metaindex, of the same length. */
	function renamed(spec: TableSpec, from: string, to: string): TableSpec {
		const bytes = readFileSync(spec.path);
		const { at, size } = metaindex(bytes);
		expect(to.length).toBe(from.length);
		bytes.write(to, bytes.indexOf(from, at));
		reseal(bytes, at, size);
		return written(bytes, spec);
	}

	const readsRight = (engine: KernelEngine) => {
		for (const key of present) expect(get(engine, key)).toEqual(key);
		for (const key of missing) expect(get(engine, key)).toBeUndefined();
	};

	describe.each(policies)('of the policy %s', (filterPolicy) => {
		it('are named in the metaindex, and rule out nearly all that is missing, without reading a block', () =>
			withEngine(async (engine) => {
				const spec = await flushed(engine, { filterPolicy });
				expect([...metaindex(readFileSync(spec.path)).blocks.keys()]).toEqual([`filter.${filterPolicy}`, 'properties']);
				await engine.openTables([spec]);
				engine.installView([], [[spec.number]]);
				readsRight(engine);
				const [level] = engine.filterStats();
				expect(level).toMatchObject({ tables: 1, unknown: 0, keys: COUNT, probes: COUNT + missing.length });
				expect(level.negatives + level.falsePositives).toBe(missing.length);
				expect(level.falsePositives).toBeLessThan(missing.length * 0.05);
				expect(engine.stats().blockReads).toBe(COUNT + level.falsePositives);
			}));

		it('take the bits that were asked for', () =>
			withEngine(async (engine) => {
				for (const bits of [5, 10, 14]) {
					const spec = await flushed(engine, { filterPolicy, filterMilliBitsPerKey: bits * 1000 });
					await engine.openTables([spec]);
					engine.installView([], [[spec.number]]);
					const [{ bytes }] = engine.filterStats();
					expect(bytes * 8).toBeGreaterThanOrEqual(bits * COUNT);
					expect(bytes * 8).toBeLessThan(bits * COUNT + 560);
				}
			}));

		it('that are malformed refuse the table, with its path and the offset of the block', () =>
			withEngine(async (engine) => {
				const spec = await flushed(engine, { filterPolicy });
				const original = readFileSync(spec.path);
				const block = metaindex(original).blocks.get(`filter.${filterPolicy}`) as { offset: number; size: number };
				for (const [change, hostile] of hostileBlocks(filterPolicy, original.subarray(block.offset, block.offset + block.size))) {
					const bytes = Buffer.from(original);
					hostile.copy(bytes, block.offset);
					reseal(bytes, block.offset, block.size);
					const damaged = written(bytes, spec);
					const expected = expect.objectContaining({ code: 'VARVE_CORRUPTION', path: damaged.path, offset: block.offset });
					await expect(engine.openTables([damaged]), change).rejects.toThrow(expected);
				}
				expect(engine.stats().openTables).toBe(0);
			}));

		it('of another handle, behind the end of the blocks, refuse the table', () =>
			withEngine(async (engine) => {
				const spec = await flushed(engine, { filterPolicy });
				const bytes = readFileSync(spec.path);
				const { at, size } = metaindex(bytes);
				// The handle follows the name at once; 0x7f as its last byte makes the size larger than the file.
				const handle = bytes.indexOf(`filter.${filterPolicy}`, at) + `filter.${filterPolicy}`.length;
				const length = bytes.subarray(handle).indexOf('properties') - 3;
				bytes[handle + length - 1] = 0x7f;
				reseal(bytes, at, size);
				await expect(engine.openTables([written(bytes, spec)])).rejects.toThrow(CorruptionError);
			}));
	});

	it('of an unknown policy are left out, counted, and reads are right', () =>
		withEngine(async (engine) => {
			const spec = renamed(await flushed(engine), 'filter.blocked-bloom', 'filter.blocked-ribbo');
			await engine.openTables([spec]);
			engine.installView([], [[], [spec.number]]);
			readsRight(engine);
			const [, level] = engine.filterStats();
			expect(level).toEqual({ tables: 0, unknown: 1, bytes: 0, keys: COUNT, probes: 0, negatives: 0, falsePositives: 0 });
			expect(engine.stats().blockReads).toBe(COUNT + missing.length);
		}));

	it('of an unknown policy may hold anything but for the checksum', () =>
		withEngine(async (engine) => {
			const spec = renamed(await flushed(engine), 'filter.blocked-bloom', 'filter.blocked-ribbo');
			const bytes = readFileSync(spec.path);
			const block = metaindex(bytes).blocks.get('filter.blocked-ribbo') as { offset: number; size: number };
			bytes.fill(0xff, block.offset, block.offset + block.size);
			const garbled = written(bytes, spec);
			await engine.openTables([garbled]);
			engine.installView([], [[garbled.number]]);
			readsRight(engine);
		}));

	it('under a name that is no filter are a part that nobody asks for', () =>
		withEngine(async (engine) => {
			const spec = renamed(await flushed(engine), 'filter.blocked-bloom', 'gilter.blocked-bloom');
			await engine.openTables([spec]);
			engine.installView([], [[spec.number]]);
			readsRight(engine);
			expect(engine.filterStats()[0]).toMatchObject({ tables: 0, unknown: 0, probes: 0 });
		}));

	it('are left out with 0 bits, and every missing key costs a block', () =>
		withEngine(async (engine) => {
			const spec = await flushed(engine, { filterMilliBitsPerKey: 0 });
			expect([...metaindex(readFileSync(spec.path)).blocks.keys()]).toEqual(['properties']);
			await engine.openTables([spec]);
			engine.installView([], [[spec.number]]);
			readsRight(engine);
			expect(engine.filterStats()[0]).toMatchObject({ tables: 0, unknown: 0, bytes: 0, keys: COUNT, probes: 0 });
			expect(engine.stats().blockReads).toBe(COUNT + missing.length);
		}));

	it('are counted level by level, and the sums are those of the engine', () =>
		withEngine(async (engine) => {
			const upper = await flushed(engine, { filterPolicy: 'bloom' }, present.slice(0, 100));
			const deeper = await flushed(engine);
			await engine.openTables([upper, deeper]);
			engine.installView([], [[], [], [upper.number], [], [deeper.number]]);
			readsRight(engine);
			const levels = engine.filterStats();
			expect(levels).toHaveLength(7);
			const [, , second, , fourth] = levels;
			// The upper table covers the keys below its largest.
			expect(second.probes).toBe(100 + 99);
			expect(second.negatives + second.falsePositives).toBe(99);
			expect(fourth.probes).toBe(COUNT - 100 + missing.length);
			for (const level of [0, 1, 3, 5, 6]) expect(levels[level]).toMatchObject({ tables: 0, keys: 0, probes: 0 });
			const { filterProbes, filterNegatives, filterFalsePositives } = engine.stats();
			expect(filterProbes).toBe(second.probes + fourth.probes);
			expect(filterNegatives).toBe(second.negatives + fourth.negatives);
			expect(filterFalsePositives).toBe(second.falsePositives + fourth.falsePositives);
		}));
});

/** Blocks of the same size that say something impossible of themselves. */
function hostileBlocks(policy: FilterPolicyName, block: Buffer): [string, Buffer][] {
	const changed = (...bytes: [fromEnd: number, byte: number][]) => {
		const copy = Buffer.from(block);
		for (const [fromEnd, byte] of bytes) copy[copy.length - fromEnd] = byte;
		return copy;
	};
	const probes: [string, Buffer][] = [
		['no probes', changed([1, 0])],
		['31 probes', changed([1, 31])],
		['255 probes', changed([1, 255])],
	];
	if (policy === 'bloom') return probes;
	return [
		...probes,
		['no lines', changed([5, 0], [4, 0], [3, 0], [2, 0])],
		['2^32 − 1 lines', changed([5, 255], [4, 255], [3, 255], [2, 255])],
		['a line less', changed([5, (block.at(-5) as number) - 1])],
	];
}

function decodeHandle(bytes: Uint8Array): { offset: number; size: number } {
	let at = 0;
	const varint = () => {
		let value = 0;
		for (let scale = 1; ; scale *= 128) {
			const byte = bytes[at++];
			value += (byte & 127) * scale;
			if (byte < 128) return value;
		}
	};
	return { offset: varint(), size: varint() };
}
