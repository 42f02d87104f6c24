/** Tables on disk for the suites of the caches: keys in order, values of 100 bytes, and engines that read them. */
import {
	COMPRESSION_NONE,
	type CompressionId,
	type EngineOptions,
	type Kernel,
	type KernelEngine,
	type TableSpec,
} from '../../ts/kernel/kernel';
import { apply, jobOutput, tableSpec } from './support';

export const keyAt = (i: number) => Buffer.from(`key-${String(i).padStart(6, '0')}`);
export const valueAt = (i: number) => Buffer.from(`value ${i}`.padEnd(100, '.'));

export const eager = ({ number, path, size }: TableSpec): TableSpec => ({ number, path, size });

export class WrittenTables {
	private nextNumber = 1;

	constructor(
		private readonly kernel: Kernel,
		readonly directory: string,
	) {}

	/** Writes a table of the keys first … end − 1; it is not opened. */
	async write(first: number, end: number, blockSize = 1024, compression: CompressionId = COMPRESSION_NONE): Promise<TableSpec> {
		const engine = this.kernel.createEngine({ cacheBytes: 0 });
		engine.createMemtable(1, 1 << 22);
		const operations = Array.from({ length: end - first }, (_, i) => ({ key: keyAt(first + i), value: valueAt(first + i) }));
		apply(engine, 1, operations);
		const output = jobOutput(this.directory, this.nextNumber++, 0, { blockSize, compression });
		const [summary] = await engine.flush({ memtable: 1, snapshots: [], output }).done;
		await engine.close();
		if (summary === undefined) throw new Error('the flush wrote nothing');
		return { ...tableSpec(this.directory, summary), lazy: summary };
	}

	/** Writes the keys from 0 on into many small tables of one block; answers these, and the number of keys. */
	async writeMany(count: number): Promise<{ specs: TableSpec[]; keys: number }> {
		const keys = 4 * count;
		const whole = await this.write(0, keys);
		const output = { ...jobOutput(this.directory, this.nextNumber, 1, { blockSize: 400, tableSize: 400 }), numberCount: keys };
		this.nextNumber += keys;
		const specs: TableSpec[] = [];
		await this.withTables([eager(whole)], { cacheBytes: 0 }, async (engine) => {
			const job = { runs: [[whole.number]], snapshots: [], keepTombstones: [], output };
			for (const summary of await engine.compact(job).done) {
				specs.push({ ...tableSpec(this.directory, summary), lazy: summary });
			}
		});
		return { specs, keys };
	}

	/** An engine with tables in level 1. */
	async withTables(specs: TableSpec[], options: EngineOptions, work: (engine: KernelEngine) => Promise<void>): Promise<void> {
		const engine = this.kernel.createEngine(options);
		try {
			await engine.openTables(specs);
			engine.installView([], [[], specs.map(({ number }) => number)]);
			await work(engine);
		} finally {
			await engine.close();
		}
	}
}
