import { describe, expect, it } from 'vitest';
import { alone, copyBlock, takeBlock } from '../../../ts/kernel/js/block-memory';
import { BlockCache } from '../../../ts/kernel/js/cache';
import { Random } from '../support';

describe('memory of blocks', () => {
	it('is handed out once', () => {
		const random = new Random(1);
		const blocks = Array.from({ length: 400 }, (_, i) => takeBlock(random.below(random.chance(0.1) ? 20_000 : 5000)).fill(i));
		for (const [i, block] of blocks.entries()) expect(block.every((byte) => byte === (i & 255))).toBe(true);
	});

	it('is shared by small blocks alone', () => {
		expect(takeBlock(4096).buffer.byteLength).toBe(64 * 1024);
		expect(takeBlock(8193).buffer.byteLength).toBe(8193);
		const block = takeBlock(300).fill('block');
		const copies = [copyBlock(block), alone(block)];
		block.fill(0);
		for (const copy of copies) expect(copy.toString()).toBe('block'.repeat(60));
		expect(alone(block).buffer.byteLength).toBe(300);
		const own = Buffer.allocUnsafeSlow(300);
		expect(alone(own)).toBe(own);
	});

	it('is kept alive by no block that outlives its neighbours in the cache', () => {
		const cache = new BlockCache(100_000);
		const read = (block: number) => cache.get(1, block) ?? cache.put(1, block, takeBlock(1000).fill(block));
		for (let block = 0; block < 5; block++) for (let i = 0; i < 4; i++) read(block);
		// Gone without being asked for again, and read once more.
		for (let block = 5; block < 150; block++) read(block);
		read(6);
		for (let block = 150; block < 300; block++) read(block);
		for (const block of [0, 1, 2, 3, 4, 6]) {
			const kept = cache.get(1, block);
			expect(kept?.buffer.byteLength).toBe(1000);
			expect(kept?.every((byte) => byte === block)).toBe(true);
		}
	});
});
