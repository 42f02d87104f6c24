/** All kernels write the same bytes for the same jobs, and find the same places in them. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FilterPolicyName, Kernel } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { apply, jobOutput, type Operation, Random, tableSpec, temporaryDirectory } from './support';

const root = temporaryDirectory();

/** Random memtables, flushed and compacted; answers the files' bytes and the summaries. */
async function runJobs(kernel: Kernel, seed: number, directory: string): Promise<unknown[]> {
	const random = new Random(seed);
	mkdirSync(directory);
	const table = {
		blockSize: 64 << random.below(7),
		restartInterval: 1 + random.below(20),
		filterPolicy: random.pick<FilterPolicyName>(['blocked-bloom', 'bloom']),
		filterMilliBitsPerKey: random.pick([0, 1, 8000, 13_500]),
		filterProbes: 1 + random.below(10),
		tableSize: 500 << random.below(6),
	};
	const engine = kernel.createEngine({ cacheBytes: 0 });
	const runs: number[][] = [];
	const results: unknown[] = [];
	let sequence = 1;
	const snapshots: number[] = [];
	for (let run = 0; run < 4; run++) {
		engine.createMemtable(run, 1 << 22);
		for (let batch = 0; batch < 20; batch++) {
			const operations = Array.from(
				{ length: random.below(30) },
				(): Operation => ({
					key: random.chance(0.5) ? random.key() : Buffer.from(`user:${random.below(500)}`),
					value: random.chance(0.25) ? undefined : random.bytes(random.below(random.chance(0.05) ? 3000 : 50)),
					end: random.chance(0.03) ? rangeEnd(random) : undefined,
					expiresAt: random.chance(0.2) ? 1_700_000_000_000 + random.below(1000) - 500 : undefined,
				}),
			);
			apply(engine, sequence, operations);
			sequence += operations.length;
			if (random.chance(0.1)) snapshots.push(sequence - 1);
		}
		const unique = [...new Set(snapshots)];
		const outputs = await engine.flush({ memtable: run, snapshots: unique, output: jobOutput(directory, 1 + run, 0, table) })
			.done;
		await engine.openTables(outputs.map((summary) => tableSpec(directory, summary)));
		runs.unshift(outputs.map(({ number }) => number));
		results.push(outputs);
	}
	const keepTombstones: [Uint8Array, Uint8Array][] = random.chance(0.5) ? [] : [[Buffer.from('a'), Buffer.from('user:3')]];
	const some = snapshots.filter((_, i) => i % 2 === 0);
	const job = engine.compact({
		runs,
		snapshots: [...new Set(some)],
		keepTombstones,
		output: jobOutput(directory, 100, 1, table),
	});
	results.push(await job.done);
	const [lower, ...cuts] = Array.from({ length: 4 }, () => Buffer.from(`user:${random.below(500)}`)).sort(Buffer.compare);
	for (const [i, bounds] of [{ upper: lower }, { lower }].entries()) {
		const output = jobOutput(directory, 200 + 100 * i, 1, table);
		results.push(await engine.compact({ runs, snapshots: [], keepTombstones, ...bounds, cuts, output }).done);
	}
	await engine.close();
	for (const name of readdirSync(directory).sort()) results.push(name, readFileSync(join(directory, name)).toString('hex'));
	return results.map((result) => JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? `${value}` : plain(value))));
}

/** Some short, some long ranges, some to the end of all keys. */
function rangeEnd(random: Random): Buffer {
	return random.chance(0.5) ? random.key() : Buffer.from(`user:${random.below(500)}`);
}

function plain(value: unknown): unknown {
	return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

describe.runIf(kernels.length > 1)('files of all kernels', () => {
	it.each([1, 2, 3, 4, 5, 6, 7, 8])('are identical, seed %d', async (seed) => {
		const [first, ...others] = await Promise.all(
			kernels.map((kernel) => runJobs(kernel, seed, join(root, `${kernel.name}-${seed}`))),
		);
		for (const other of others) expect(other).toEqual(first);
	});
});

/** Offsets that a kernel tells for random keys in a table of its own; seed and table are the same for all kernels. */
async function offsets(kernel: Kernel, seed: number, directory: string): Promise<number[]> {
	const random = new Random(seed);
	mkdirSync(directory);
	const engine = kernel.createEngine({ cacheBytes: 0 });
	engine.createMemtable(1, 1 << 22);
	const written = Array.from({ length: 1 + random.below(400) }, () => ({
		key: random.chance(0.3) ? random.key() : Buffer.from(`user:${random.below(300)}`),
		value: random.chance(0.2) ? undefined : random.bytes(random.below(60)),
	}));
	apply(engine, 1, written);
	const table = { blockSize: 64 << random.below(5) };
	const snapshots = random.chance(0.5) ? [] : written.map((_, i) => i + 1);
	const outputs = await engine.flush({ memtable: 1, snapshots, output: jobOutput(directory, 1, 0, table) }).done;
	await engine.openTables(outputs.map((summary) => tableSpec(directory, summary)));
	const asked = [
		...written.flatMap(({ key }) => [key, Buffer.concat([key, Buffer.alloc(1)]), key.subarray(0, -1)]),
		...Array.from({ length: 200 }, () => random.bytes(random.below(8))),
	];
	const told = asked.map((key) => engine.approximateOffset(1, key));
	await engine.close();
	return told;
}

describe.runIf(kernels.length > 1)('places in tables', () => {
	it.each([11, 12, 13, 14, 15, 16])('are the same to all kernels, seed %d', async (seed) => {
		const [first, ...others] = await Promise.all(
			kernels.map((kernel) => offsets(kernel, seed, join(root, `${kernel.name}-${seed}`))),
		);
		for (const other of others) expect(other).toEqual(first);
	});
});

describe.each(kernels)('files of the $name kernel', (kernel) => {
	it('depend on nothing but the job', async () => {
		const runs = await Promise.all(['a', 'b'].map((name) => runJobs(kernel, 9, join(root, `${kernel.name}-again-${name}`))));
		expect(runs[0]).toEqual(runs[1]);
	});
});
