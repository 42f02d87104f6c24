/** Compactions under a limit of their rate: for each kernel. */
import { describe, expect, it } from 'vitest';
import { COMPRESSION_LZ4 } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { apply, jobOutput, tableSpec, temporaryDirectory } from './support';

const ENTRIES = 5_000;
/** Blocks of it are much smaller when they are compressed. */
const VALUE = Buffer.alloc(100, 'silt');
/** Far from what would be noticed: half a megabyte is written. */
const BYTES_PER_SECOND = 10_000_000;

describe.each(kernels)('a compaction on the $name kernel', (kernel) => {
	const directory = temporaryDirectory();

	it('ends under a limit of its rate, though blocks shrink when they are done', async () => {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		engine.createMemtable(1, 2 << 20);
		const operations = Array.from({ length: ENTRIES }, (_, i) => ({ key: Buffer.from(`key${i}`), value: VALUE }));
		apply(engine, 1, operations);
		const table = { compression: COMPRESSION_LZ4, blockSize: 30_000, tableSize: 4 << 20 } as const;
		const flush = engine.flush({ memtable: 1, snapshots: [], output: jobOutput(directory, 1000, 0, table) });
		const inputs = await flush.done;
		await engine.openTables(inputs.map((input) => tableSpec(directory, input)));
		engine.setJobRate(BYTES_PER_SECOND);
		const runs = [inputs.map(({ number }) => number)];
		const compaction = engine.compact({ runs, snapshots: [], keepTombstones: [], output: jobOutput(directory, 2000, 1, table) });
		const [output] = await compaction.done;
		expect(output.entries).toBe(ENTRIES);
		expect(output.storedDataBytes).toBeLessThan(output.rawDataBytes / 4);
		await engine.close();
	});
});
