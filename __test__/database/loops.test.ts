/** `for (const entry of iterator)`: what a loop leaves behind however it ends, and what its body may do. */
import { describe, expect, it } from 'vitest';
import { ClosedError } from '../../ts/index';
import { kernelNames, openDatabase, temporaryDirectory } from '../support/stores';

describe.each(kernelNames)('loops without promises (%s)', (kernel) => {
	const key = (i: number) => `k${String(i).padStart(3, '0')}`;
	const keys = Array.from({ length: 200 }, (_, i) => key(i));

	async function filled() {
		const database = await openDatabase(temporaryDirectory(), { kernel, encoding: 'utf8' });
		const batch = database.batch();
		for (const key of keys) batch.put(key, 'v');
		await batch.write();
		await database.flush();
		return database;
	}

	it('give every entry once and close the iterator at the end', async () => {
		const database = await filled();
		const iterator = database.iterator();
		expect(Array.from(iterator, ([key]) => key)).toEqual(keys);
		expect(() => iterator.nextSync()).toThrow(ClosedError);
		expect([...database.iterator({ gte: 'x' })]).toEqual([]);
		expect(database.stats().handles.iterators).toBe(0);
	});

	it('close the iterator when they are left', async () => {
		const database = await filled();
		for (const _ of database.iterator()) break;
		const failing = () => {
			for (const _ of database.iterator()) throw new RangeError('enough');
		};
		expect(failing).toThrow(RangeError);
		const unused = database.iterator()[Symbol.iterator]();
		expect(unused.return?.()).toEqual({ value: undefined, done: true });
		expect(unused.next()).toEqual({ value: undefined, done: true });
		expect(database.stats().handles.iterators).toBe(0);
	});

	it('let their body seek, and end with an error after it has closed the iterator', async () => {
		const database = await filled();
		const iterator = database.iterator();
		const seen: string[] = [];
		for (const [key] of iterator) {
			seen.push(key);
			if (key === 'k002') iterator.seek('k198');
		}
		expect(seen).toEqual(['k000', 'k001', 'k002', 'k198', 'k199']);
		const entries = database.iterator()[Symbol.iterator]();
		expect(entries[Symbol.iterator]()).toBe(entries);
		const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([].values()));
		expect(Object.prototype.isPrototypeOf.call(iteratorPrototype, entries)).toBe(true);
		expect(entries.next()).toEqual({ value: ['k000', 'v'], done: false });
		await database.close();
		expect(() => entries.next()).toThrow(ClosedError);
		expect(entries.next()).toEqual({ value: undefined, done: true });
	});

	it('go on where steps and pieces of any length have stopped', async () => {
		const database = await filled();
		for (const count of [1, 2, 10, 16, 17, 40, 500]) {
			const iterator = database.iterator();
			iterator.seek('k050');
			const pieces = [iterator.nextManySync(count), iterator.nextManySync(1), await iterator.nextMany(count), [...iterator]];
			expect(pieces.flat().map(([key]) => key)).toEqual(keys.slice(50));
			expect(pieces[0]).toHaveLength(Math.min(count, 150));
		}
	});
});
