import { describe, expect, it } from 'vitest';
import { BlockCache } from '../../../ts/kernel/js/cache';
import { Random } from '../support';

/** A map in order of recency. */
class ReferenceCache {
	readonly entries = new Map<string, Buffer>();
	hits = 0;
	misses = 0;

	constructor(private readonly capacity: number) {}

	get bytes(): number {
		return [...this.entries.values()].reduce((sum, block) => sum + block.length, 0);
	}

	get(table: number, block: number): Buffer | undefined {
		const key = `${table}/${block}`;
		const found = this.entries.get(key);
		if (found === undefined) {
			this.misses++;
			return undefined;
		}
		this.hits++;
		this.entries.delete(key);
		this.entries.set(key, found);
		return found;
	}

	put(table: number, block: number, bytes: Buffer): void {
		if (bytes.length > this.capacity) return;
		this.entries.delete(`${table}/${block}`);
		while (this.bytes + bytes.length > this.capacity) this.entries.delete([...this.entries.keys()][0] as string);
		this.entries.set(`${table}/${block}`, bytes);
	}

	dropTable(table: number): void {
		for (const key of [...this.entries.keys()]) if (key.startsWith(`${table}/`)) this.entries.delete(key);
	}
}

describe('block cache', () => {
	it.each([0, 100, 1000, 20_000])('evicts as the reference model with a capacity of %d', (capacity) => {
		const random = new Random(capacity + 1);
		const cache = new BlockCache(capacity);
		const model = new ReferenceCache(capacity);
		for (let step = 0; step < 5000; step++) {
			const table = random.below(4);
			const block = random.below(60);
			if (random.chance(0.01)) {
				cache.dropTable(table);
				model.dropTable(table);
			} else if (random.chance(0.5)) {
				expect(cache.get(table, block)).toBe(model.get(table, block));
			} else {
				const bytes = Buffer.alloc(1 + random.below(150));
				cache.put(table, block, bytes);
				model.put(table, block, bytes);
			}
			expect(cache.bytes).toBe(model.bytes);
		}
		expect([cache.hits, cache.misses]).toEqual([model.hits, model.misses]);
		cache.clear();
		expect(cache.bytes).toBe(0);
	});

	it('serves a second pass over a set that fits from memory', () => {
		const cache = new BlockCache(1000);
		for (let block = 0; block < 10; block++) cache.put(1, block, Buffer.alloc(100));
		for (let block = 0; block < 10; block++) expect(cache.get(1, block)).toBeDefined();
		expect([cache.hits, cache.misses, cache.bytes]).toEqual([10, 0, 1000]);
	});
});
