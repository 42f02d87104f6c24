/** What stays in the block cache of a kernel, compared with a model that is told which blocks are asked for. */
import { describe, expect, it } from 'vitest';
import type { KernelEngine, TableSpec } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { ReferenceCache } from './reference-cache';
import { apply, cursorOptions, get, Random, readAll, temporaryDirectory } from './support';
import { eager, keyAt, valueAt, WrittenTables } from './written-tables';

/** Of a block in its file: compression (1) and checksum (8). */
const TRAILER_SIZE = 9;
const KEYS = 6000;

interface PlacedBlock {
	offset: number;
	size: number;
}

/** For each key the block that holds it. */
function blocksOf(engine: KernelEngine, { number }: TableSpec): PlacedBlock[] {
	const offsets = Array.from({ length: KEYS }, (_, i) => engine.approximateOffset(number, keyAt(i)));
	const ends = [...new Set(offsets), engine.approximateOffset(number, keyAt(KEYS))];
	const blocks = new Map(
		ends.slice(1).map((end, i) => [ends[i], { offset: ends[i] as number, size: end - (ends[i] as number) - TRAILER_SIZE }]),
	);
	return offsets.map((offset) => blocks.get(offset) as PlacedBlock);
}

describe.each(kernels)('block cache of the $name kernel', (kernel) => {
	const tables = new WrittenTables(kernel, temporaryDirectory());

	/** A table, and how its blocks are asked for: of the engine, and of the model. */
	async function compare(capacity: number, work: (steps: Steps) => Promise<void>): Promise<void> {
		const spec = await tables.write(0, KEYS);
		await tables.withTables([eager(spec)], { cacheBytes: capacity }, async (engine) => {
			await work(new Steps(engine, spec, blocksOf(engine, spec), new ReferenceCache(capacity)));
		});
	}

	class Steps {
		constructor(
			readonly engine: KernelEngine,
			private readonly spec: TableSpec,
			private readonly blocks: PlacedBlock[],
			private readonly model: ReferenceCache<PlacedBlock>,
		) {}

		lookup(i: number): void {
			expect(get(this.engine, keyAt(i))).toEqual(valueAt(i));
			this.ask(this.blocks[i] as PlacedBlock);
		}

		async scan(): Promise<void> {
			expect((await readAll(this.engine.openCursor(cursorOptions()), 'sync', 1 << 16)).length).toBe(KEYS);
			for (const block of new Set(this.blocks)) this.ask(block);
		}

		setCapacity(bytes: number): void {
			this.engine.setCacheCapacity(bytes);
			this.model.setCapacity(bytes);
			expect(this.engine.stats().cacheCapacity).toBe(bytes);
		}

		check(): void {
			const { cacheHits, cacheMisses, cacheBytes, cacheCapacity, blockReads } = this.engine.stats();
			const { hits, misses, bytes } = this.model;
			expect({ cacheHits, cacheMisses, cacheBytes, blockReads }).toEqual({
				cacheHits: hits,
				cacheMisses: misses,
				cacheBytes: bytes,
				blockReads: misses,
			});
			expect(cacheBytes).toBeLessThanOrEqual(cacheCapacity);
		}

		private ask(block: PlacedBlock): void {
			if (this.model.get(this.spec.number, block.offset) === undefined) {
				this.model.put(this.spec.number, block.offset, block, block.size);
			}
		}
	}

	it('keeps a hot set through scans of many times its size', async () => {
		await compare(100_000, async (steps) => {
			const hot = () => {
				for (let i = 0; i < 400; i++) steps.lookup(i);
			};
			for (let round = 0; round < 5; round++) hot();
			for (let round = 0; round < 3; round++) {
				await steps.scan();
				steps.check();
				const { blockReads } = steps.engine.stats();
				hot();
				expect(steps.engine.stats().blockReads).toBe(blockReads);
			}
		});
	});

	it.each([0, 3000, 50_000, 300_000])(
		'hits and misses as the model, lookups and scans mixed, from a capacity of %d',
		async (capacity) => {
			const random = new Random(capacity + 7);
			await compare(capacity, async (steps) => {
				for (let step = 0; step < 3000; step++) {
					if (random.chance(0.002)) await steps.scan();
					else if (random.chance(0.003)) steps.setCapacity(random.below(2 * capacity + 1));
					else steps.lookup(random.below(random.chance(0.8) ? 300 : KEYS));
					if (step % 50 === 0) steps.check();
				}
				steps.check();
			});
		},
	);

	it('shrinks at once, keeps nothing at 0, and grows again', async () => {
		await compare(200_000, async (steps) => {
			const { engine } = steps;
			await steps.scan();
			expect(engine.stats().cacheBytes).toBeGreaterThan(190_000);
			steps.setCapacity(20_000);
			steps.check();
			expect(engine.stats().cacheBytes).toBeGreaterThan(15_000);
			steps.setCapacity(0);
			expect(engine.stats().cacheBytes).toBe(0);
			steps.lookup(0);
			expect(engine.stats().cacheBytes).toBe(0);
			steps.setCapacity(1 << 20);
			await steps.scan();
			const { blockReads } = engine.stats();
			await steps.scan();
			expect(engine.stats().blockReads).toBe(blockReads);
			steps.check();
		});
	});

	it('is of no use after the engine was closed', async () => {
		const engine = kernel.createEngine({ cacheBytes: 1000 });
		await engine.close();
		expect(() => engine.setCacheCapacity(0)).toThrow(/closed/);
	});

	it('has the memory of memtables and tables beside it in the statistics', async () => {
		const spec = await tables.write(0, KEYS);
		const engine = kernel.createEngine({ cacheBytes: 0 });
		expect(engine.stats()).toMatchObject({ tableMemory: 0, memtables: 0, memtableMemory: 0 });
		await engine.openTables([eager(spec)]);
		const { tableMemory } = engine.stats();
		// At least ten bits a key of the filter, and a key and a handle for each of about 660 blocks.
		expect(tableMemory).toBeGreaterThan((KEYS * 10) / 8 + 600 * 20);
		expect(tableMemory).toBeLessThan(spec.size / 4);
		engine.createMemtable(1, 1 << 20);
		const empty = engine.stats().memtableMemory;
		apply(
			engine,
			1,
			Array.from({ length: 1000 }, (_, i) => ({ key: keyAt(i), value: valueAt(i) })),
		);
		const { memtableMemory } = engine.stats();
		expect(memtableMemory - empty).toBeGreaterThan(1000 * (10 + 100 + 12));
		expect(memtableMemory).toBeLessThan(1000 * (10 + 100 + 64));
		engine.dropTables([spec.number]);
		engine.createMemtable(2, 1 << 20);
		engine.dropMemtable(1);
		expect(engine.stats()).toMatchObject({ tableMemory: 0, memtables: 1, memtableMemory: empty });
		await engine.close();
	});
});
