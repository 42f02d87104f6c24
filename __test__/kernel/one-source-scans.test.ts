/** Scans for which one table is the only source: a kernel may take its entries in runs. */
import { describe, expect, it } from 'vitest';
import type { KernelEngine } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import {
	apply,
	cursorOptions,
	jobOutput,
	type Operation,
	Random,
	readAll,
	type TextEntry,
	tableSpec,
	temporaryDirectory,
} from './support';

interface Version {
	sequence: number;
	value: string | undefined;
}

const NOW = 1_700_000_000_000;

describe.each(kernels)('scans of one table by the $name kernel', (kernel) => {
	const directory = temporaryDirectory();

	/** A table in which keys have several versions, each of which a snapshot sees; what was written to it. */
	async function writeTable(engine: KernelEngine, random: Random, number: number) {
		const versions = new Map<string, Version[]>();
		const snapshots: number[] = [];
		let sequence = 0;
		engine.setTime(NOW);
		engine.createMemtable(1, 1 << 20);
		for (let batch = 0; batch < 12; batch++) {
			const operations: Operation[] = [];
			for (let i = 0; i < 30; i++) {
				const key = random.chance(0.5) ? random.key() : Buffer.from(`key ${random.below(60)}`);
				const value = random.chance(0.2) ? undefined : random.bytes(random.below(random.chance(0.1) ? 300 : 40));
				const expiresAt = random.chance(0.1) ? NOW + random.pick([-1, 1]) : undefined;
				operations.push({ key, value, expiresAt });
				const isThere = value !== undefined && (expiresAt === undefined || expiresAt > NOW);
				const ofKey = versions.get(key.toString('latin1')) ?? [];
				ofKey.push({ sequence: sequence + operations.length, value: isThere ? value.toString('latin1') : undefined });
				versions.set(key.toString('latin1'), ofKey);
			}
			apply(engine, sequence + 1, operations);
			sequence += operations.length;
			snapshots.push(sequence - random.below(30));
		}
		const [table] = await engine.flush({ memtable: 1, snapshots, output: jobOutput(directory, number) }).done;
		if (table === undefined) throw new Error('no table was written');
		await engine.openTables([tableSpec(directory, table)]);
		engine.dropMemtable(1);
		engine.createMemtable(2, 1000);
		engine.installView([2], [[], [table.number]]);
		return { versions, snapshots: [...snapshots, sequence] };
	}

	it.each([1, 2, 3, 4])('sees what its sequence number and its bounds allow (seed %i)', async (seed) => {
		const random = new Random(seed);
		const engine = kernel.createEngine({ cacheBytes: 1 << 20 });
		const { versions, snapshots } = await writeTable(engine, random, 100 * seed);
		const keys = [...versions.keys()].sort();
		for (const sequence of snapshots) {
			const upper = random.chance(0.5) ? Buffer.from(random.pick(keys), 'latin1') : undefined;
			const lower = random.chance(0.5) ? Buffer.from(random.pick(keys), 'latin1') : undefined;
			const expected: TextEntry[] = [];
			for (const key of keys) {
				const value = versions.get(key)?.findLast((version) => version.sequence <= sequence)?.value;
				const isWithin =
					(upper === undefined || key < upper.toString('latin1')) && (lower === undefined || key >= lower.toString('latin1'));
				if (value !== undefined && isWithin) expected.push([key, value]);
			}
			for (const chunkSize of [50, 700, 100_000]) {
				for (const reverse of [false, true]) {
					const cursor = engine.openCursor(cursorOptions({ sequence, lower, upper, reverse }));
					const entries = await readAll(cursor, random.pick(['sync', 'async']), chunkSize, random.pick([1, 7, 32]));
					expect(entries).toEqual(reverse ? expected.toReversed() : expected);
					cursor.close();
				}
			}
		}
		await engine.close();
	});
});
