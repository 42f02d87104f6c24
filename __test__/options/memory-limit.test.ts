/** How a memory limit is divided. */
import { describe, expect, it } from 'vitest';
import { cacheSizeWithin, memoryShares, memtableSizeWithin } from '../../ts/options/memory-limit';

const MIB = 1024 * 1024;
const options = { memoryLimit: 256 * MIB, memtableSize: 32 * MIB, maxImmutableMemtables: 3, cacheSize: 64 * MIB };

describe('a memory limit', () => {
	it('leaves the options as they are when there is none', () => {
		const free = { ...options, memoryLimit: false as const };
		expect(memtableSizeWithin(free, 'native')).toBe(32 * MIB);
		expect(cacheSizeWithin(free, 'native', memoryShares(free, 'native', 2), 1000 * MIB)).toBe(64 * MIB);
	});

	it('gives memtables at most half, and no less than they can work with', () => {
		expect(memtableSizeWithin(options, 'native')).toBe(32 * MIB);
		expect(memtableSizeWithin({ ...options, memoryLimit: 64 * MIB }, 'native')).toBe(8 * MIB);
		expect(memtableSizeWithin({ ...options, memoryLimit: 8 * MIB, maxImmutableMemtables: 63 }, 'native')).toBe(64 * 1024);
		expect(memoryShares({ ...options, memoryLimit: 64 * MIB }, 'native', 2).memtables).toBe(32 * MIB);
	});

	it('gives the cache what the others leave, up to its own limit', () => {
		const shares = memoryShares(options, 'native', 2);
		const left = options.memoryLimit - shares.memtables - shares.work;
		expect(left).toBeGreaterThan(64 * MIB);
		expect(cacheSizeWithin(options, 'native', shares, 0)).toBe(64 * MIB);
		expect(cacheSizeWithin(options, 'native', shares, left - 10 * MIB)).toBe(10 * MIB);
		expect(cacheSizeWithin(options, 'native', shares, left + 1)).toBe(0);
	});

	it('sets the garbage of the TypeScript kernel aside as well', () => {
		expect(memtableSizeWithin({ ...options, memoryLimit: 80 * MIB }, 'js')).toBe(5 * MIB);
		const shares = memoryShares(options, 'js', 2);
		expect(shares.work).toBeGreaterThan(memoryShares(options, 'native', 2).work);
		expect(shares.memtables).toBe(6 * memtableSizeWithin(options, 'js'));
		const left = options.memoryLimit - shares.memtables - shares.work;
		expect(cacheSizeWithin(options, 'js', shares, 0)).toBe(Math.floor(left / 1.5));
	});
});
