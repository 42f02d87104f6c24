/** The memory limit of a whole store, and what its stats say of memory. */
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../ts/index';
import { kernelNames, openDatabase, temporaryDirectory } from '../support/stores';

const MIB = 1024 * 1024;

describe.each(kernelNames)('memory (%s)', (kernel) => {
	it('stays within its limit while tables grow, and the cache gives way to them', async () => {
		const limit = kernel === 'native' ? 24 * MIB : 112 * MIB;
		const small = { memtableSize: 2 * MIB, tableSize: MIB, compactionThreads: 1 };
		const options = { kernel, ...small, memoryLimit: limit, filterBitsPerKey: 40, sync: 'never' } as const;
		const database = await openDatabase(temporaryDirectory(), options);
		const capacities: number[] = [];
		const value = Buffer.alloc(8, 1);
		for (let round = 0; round < 25; round++) {
			const entries = Array.from({ length: 10_000 }, (_, i) => ({
				type: 'put' as const,
				key: `key${(round * 10_000 + i) * 7919}`,
				value,
			}));
			await database.batch(entries);
			for (let i = 0; i < 50; i++) await database.get(entries[i * 11].key);
			const { memory, reads } = database.stats();
			capacities.push(reads.cacheCapacity);
			expect(memory.limit).toBe(limit);
			expect(memory.total).toBe(memory.memtables + memory.tables + memory.cache + memory.work);
			expect(memory.total).toBeLessThanOrEqual(limit);
		}
		expect(capacities[capacities.length - 1]).toBeLessThan(capacities[0]);
		expect(capacities[capacities.length - 1]).toBeGreaterThan(0);
	});

	it('is told without a limit too, and the options stay as they were given', async () => {
		const path = temporaryDirectory();
		const free = await openDatabase(path, { kernel });
		free.putSync('key', 'value');
		const { memory } = free.stats();
		expect(memory).toMatchObject({ limit: undefined, tables: 0, cache: 0 });
		expect(memory.memtables).toBeGreaterThan(0);
		await free.close();
		const limited = await openDatabase(path, { kernel, memoryLimit: 8 * MIB });
		expect(limited.stats().config.options).toMatchObject({ memoryLimit: 8 * MIB, memtableSize: 32 * MIB, cacheSize: 64 * MIB });
		await limited.close();
	});

	it.each([0, 1024, 1.5, -1, true, '1 GiB'])('refuses the limit %j', async (memoryLimit) => {
		await expect(openDatabase(temporaryDirectory(), { kernel, memoryLimit: memoryLimit as number })).rejects.toThrow(ConfigError);
	});
});
