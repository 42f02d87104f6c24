import { describe, expect, it } from 'vitest';
import { KeyRange } from '../../../ts/kernel/js/table/key-range';
import { Random } from '../support';

describe('range of user keys', () => {
	it.each([1, 2, 3])('holds what lies between its bounds (seed %i)', (seed) => {
		const random = new Random(seed);
		// Few letters, zeros among them: keys agree in much, are prefixes of each other, and are padded alike.
		const randomKey = () =>
			Buffer.from(Array.from({ length: random.below(12) }, () => (random.chance(0.6) ? 0 : random.below(2))));
		for (let step = 0; step < 300; step++) {
			const prefix = randomKey();
			const key = () => (random.chance(0.8) ? Buffer.concat([prefix, randomKey()]) : randomKey());
			const [start, end] = [key(), random.chance(0.1) ? Buffer.alloc(0) : key()].sort((a, b) =>
				a.length === 0 || b.length === 0 ? 0 : Buffer.compare(a, b),
			) as [Buffer, Buffer];
			const range = new KeyRange(start, end);
			for (const asked of [start, end, ...Array.from({ length: 8 }, key)]) {
				const isWithin = Buffer.compare(asked, start) >= 0 && (end.length === 0 || Buffer.compare(asked, end) < 0);
				const scratch = Buffer.concat([asked, Buffer.from([255, 255])]);
				expect([start, end, asked, range.contains(scratch, asked.length)]).toEqual([start, end, asked, isWithin]);
			}
		}
	});
});
