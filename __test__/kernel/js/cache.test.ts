import { describe, expect, it } from 'vitest';
import { BlockCache } from '../../../ts/kernel/js/cache';
import { ReferenceCache } from '../reference-cache';
import { Random } from '../support';

describe('block cache', () => {
	it.each([0, 100, 1000, 20_000])('evicts as the reference model with a capacity of %d', (capacity) => {
		const random = new Random(capacity + 1);
		const cache = new BlockCache(capacity);
		const model = new ReferenceCache<Buffer>(capacity);
		for (let step = 0; step < 5000; step++) {
			const table = random.below(4);
			const block = random.below(random.chance(0.3) ? 8 : 60);
			if (random.chance(0.01)) {
				cache.dropTable(table);
				model.dropTable(table);
			} else if (random.chance(0.005)) {
				const changed = random.below(2 * capacity + 1);
				cache.setCapacity(changed);
				model.setCapacity(changed);
				expect(cache.capacity).toBe(changed);
			} else if (random.chance(0.6)) {
				expect(cache.get(table, block)).toBe(model.get(table, block));
			} else {
				const bytes = Buffer.alloc(1 + random.below(150));
				cache.put(table, block, bytes);
				model.put(table, block, bytes, bytes.length);
			}
			expect(cache.bytes).toBe(model.bytes);
			expect(cache.bytes).toBeLessThanOrEqual(cache.capacity);
		}
		expect([cache.hits, cache.misses]).toEqual([model.hits, model.misses]);
		cache.clear();
		expect(cache.bytes).toBe(0);
	});

	/** The trace and the figures of `crates/varve-core/src/cache/tests.rs`. */
	it('evicts as the native cache', () => {
		const capacities = [400, 90, 1500, 10];
		const cache = new BlockCache(400);
		let state = 7;
		const next = () => {
			state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
			return state >>> 8;
		};
		let digest = 0;
		for (let step = 0; step < 50_000; step++) {
			const range = next() % 4 === 0 ? 64 : 8;
			const table = next() % 3;
			const block = next() % range;
			const hit = cache.get(table, block) !== undefined;
			digest = (Math.imul(digest, 31) + (hit ? 1 : 0)) >>> 0;
			if (!hit) cache.put(table, block, Buffer.alloc(1 + ((table * 7 + block * 13) % 32)));
			if (step % 10_000 === 9_999) cache.dropTable(1);
			if (step % 3_000 === 2_999) cache.setCapacity(capacities[Math.floor(step / 3_000) % 4] as number);
		}
		expect([cache.hits, cache.misses, digest]).toEqual([23_785, 26_215, 1_577_043_147]);
	});

	it('keeps a hot set that fits through a scan of many times the capacity', () => {
		const cache = new BlockCache(100_000);
		const read = (table: number, block: number) => {
			if (cache.get(table, block) !== undefined) return true;
			cache.put(table, block, Buffer.alloc(100));
			return false;
		};
		const hot = () => Array.from({ length: 400 }, (_, block) => read(1, block)).filter((hit) => hit).length;
		for (let round = 0; round < 3; round++) hot();
		expect(hot()).toBe(400);
		for (let block = 0; block < 10_000; block++) expect(read(2, block)).toBe(false);
		expect(hot()).toBeGreaterThan(390);
	});
});
