import { describe, expect, it } from 'vitest';
import { BlockCache } from '../../../ts/kernel/js/cache';
import { Random } from '../support';

interface Entry {
	key: string;
	bytes: Buffer;
	frequency: number;
}

/** S3-FIFO without links: three arrays, oldest first, searched from end to end. */
class ReferenceCache {
	small: Entry[] = [];
	main: Entry[] = [];
	ghost: Entry[] = [];
	hits = 0;
	misses = 0;

	constructor(private readonly capacity: number) {}

	get bytes(): number {
		return sizeOf(this.small) + sizeOf(this.main);
	}

	get(table: number, block: number): Buffer | undefined {
		const entry = this.find(`${table}/${block}`);
		if (entry === undefined) {
			this.misses++;
			return undefined;
		}
		this.hits++;
		entry.frequency = Math.min(3, entry.frequency + 1);
		return entry.bytes;
	}

	put(table: number, block: number, bytes: Buffer): void {
		const key = `${table}/${block}`;
		if (bytes.length > this.capacity || this.find(key) !== undefined) return;
		while (this.bytes + bytes.length > this.capacity) this.evict();
		const known = this.ghost.some((entry) => entry.key === key);
		this.ghost = this.ghost.filter((entry) => entry.key !== key);
		(known ? this.main : this.small).push({ key, bytes, frequency: 0 });
	}

	dropTable(table: number): void {
		const others = (entries: Entry[]) => entries.filter(({ key }) => !key.startsWith(`${table}/`));
		this.small = others(this.small);
		this.main = others(this.main);
		this.ghost = others(this.ghost);
	}

	private find(key: string): Entry | undefined {
		return [...this.small, ...this.main].find((entry) => entry.key === key);
	}

	private evict(): void {
		for (;;) {
			if (this.small.length > 0 && (this.main.length === 0 || sizeOf(this.small) * 10 > this.bytes)) {
				const entry = this.small.shift() as Entry;
				if (entry.frequency < 2) {
					this.ghost.push(entry);
					while (sizeOf(this.ghost) > this.capacity) this.ghost.shift();
					return;
				}
				this.main.push({ ...entry, frequency: 0 });
			} else {
				const entry = this.main.shift() as Entry;
				if (entry.frequency === 0) return;
				this.main.push({ ...entry, frequency: entry.frequency - 1 });
			}
		}
	}
}

function sizeOf(entries: Entry[]): number {
	return entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

describe('block cache', () => {
	it.each([0, 100, 1000, 20_000])('evicts as the reference model with a capacity of %d', (capacity) => {
		const random = new Random(capacity + 1);
		const cache = new BlockCache(capacity);
		const model = new ReferenceCache(capacity);
		for (let step = 0; step < 5000; step++) {
			const table = random.below(4);
			const block = random.below(random.chance(0.3) ? 8 : 60);
			if (random.chance(0.01)) {
				cache.dropTable(table);
				model.dropTable(table);
			} else if (random.chance(0.6)) {
				expect(cache.get(table, block)).toBe(model.get(table, block));
			} else {
				const bytes = Buffer.alloc(1 + random.below(150));
				cache.put(table, block, bytes);
				model.put(table, block, bytes);
			}
			expect(cache.bytes).toBe(model.bytes);
			expect(cache.bytes).toBeLessThanOrEqual(capacity);
		}
		expect([cache.hits, cache.misses]).toEqual([model.hits, model.misses]);
		cache.clear();
		expect(cache.bytes).toBe(0);
	});

	/** The trace and the figures of `crates/varve-core/src/cache/tests.rs`. */
	it('evicts as the native cache', () => {
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
		}
		expect([cache.hits, cache.misses, digest]).toEqual([36_379, 13_621, 3_366_873_265]);
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
