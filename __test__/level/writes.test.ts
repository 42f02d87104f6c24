/** VarveLevel, writing: durability, groups, chained batches, clear. */
import { describe, expect, it } from 'vitest';
import type { VarveLevel } from '../../ts/level/index';
import { kernelNames, temporaryDirectory } from '../support/stores';
import { fill, makeLevel, numbered, rejection } from './support';

describe.each(kernelNames)('writes of VarveLevel (%s)', (kernel) => {
	const open = async () => {
		const level = makeLevel({ kernel });
		await level.open();
		return level;
	};
	const syncs = (level: VarveLevel) => level.database.stats().wal.syncs;
	const logBytes = (level: VarveLevel) => level.database.stats().wal.bytes;

	it('wait for the disk with sync: true only', async () => {
		const level = await open();
		const writes = (options: { sync?: boolean }) => [
			() => level.put('a', '1', options),
			() => level.del('a', options),
			() => level.batch([{ type: 'put', key: 'b', value: '2' }], options),
			() => level.batch().put('c', '3').del('b').write(options),
		];
		for (const write of [...writes({}), ...writes({ sync: false })]) await write();
		expect(syncs(level)).toBe(0);
		for (const [i, write] of writes({ sync: true }).entries()) {
			await write();
			expect(syncs(level)).toBe(i + 1);
		}
	});

	it('leave the durability of the store as it was for those who open it otherwise', async () => {
		const level = await open();
		expect(level.database.stats().config.options.sync).toBe('always');
	});

	it('share one append when they are made in one turn of the event loop', async () => {
		const [together, apart] = [await open(), await open()];
		const before = logBytes(together);
		expect(logBytes(apart)).toBe(before);
		await Promise.all([together.put('a', '1'), together.del('b'), together.put('c', '3')]);
		await apart.put('a', '1');
		await apart.del('b');
		await apart.put('c', '3');
		// Two records fewer: of each, a fragment header (7) and a batch header (12).
		expect(logBytes(apart) - logBytes(together)).toBe(2 * 19);
		expect(await together.keys().all()).toEqual(['a', 'c']);
	});

	it('survive the end of the process, and come back in the order of the calls', async () => {
		const location = temporaryDirectory();
		const level = makeLevel({ kernel }, location);
		await Promise.all([level.put('a', '1'), level.del('a'), level.put('a', '2'), level.put('b', '1'), level.del('b')]);
		await level.close();
		const again = makeLevel({ kernel }, location);
		expect(await again.iterator().all()).toEqual([['a', '2']]);
	});

	it('go through chained batches whole, once, or not at all', async () => {
		const level = await open();
		const batch = level.batch().put('a', '1').del('a').put('b', 'x').clear().put('c', '3');
		expect(batch.length).toBe(1);
		await batch.write();
		expect(() => batch.put('d', '4')).toThrow(expect.objectContaining({ code: 'LEVEL_BATCH_NOT_OPEN' }));
		const dropped = level.batch().put('e', '5');
		await dropped.close();
		expect((await rejection(dropped.write())).code).toBe('LEVEL_BATCH_NOT_OPEN');
		expect(await level.iterator().all()).toEqual([['c', '3']]);
	});

	it('are written before close() is through, and refused after it', async () => {
		const level = await open();
		const writes = [level.put('a', '1'), level.batch([{ type: 'put', key: 'b', value: '2' }])];
		const closing = level.close();
		await Promise.all(writes);
		await closing;
		expect((await rejection(level.put('c', '3'))).code).toBe('LEVEL_DATABASE_NOT_OPEN');
		await level.open();
		expect(await level.keys().all()).toEqual(['a', 'b']);
	});

	describe('clear', () => {
		it('deletes a range, from either end, up to a limit', async () => {
			const level = await open();
			const keys = numbered(10, 'k');
			const left = async (options: object) => {
				await fill(level, keys);
				await level.clear(options);
				return level.keys().all();
			};
			expect(await left({ gte: keys[3], lt: keys[6] })).toEqual([...keys.slice(0, 3), ...keys.slice(6)]);
			expect(await left({ gt: keys[3], lte: keys[6] })).toEqual([...keys.slice(0, 4), ...keys.slice(7)]);
			expect(await left({ limit: 4 })).toEqual(keys.slice(4));
			expect(await left({ limit: 4, reverse: true })).toEqual(keys.slice(0, 6));
			expect(await left({ gte: keys[2], limit: 0 })).toEqual(keys);
			expect(await left({})).toEqual([]);
		});

		it('deletes a range with one operation', async () => {
			const level = await open();
			const counts = async (keys: string[]) => {
				await fill(level, keys);
				const { sequence } = level.database.stats();
				const before = logBytes(level);
				await level.clear();
				return { deletes: level.database.stats().sequence - sequence, bytes: logBytes(level) - before };
			};
			const { deletes, bytes } = await counts(numbered(100));
			expect(deletes).toBe(1);
			// Kind and two lengths of nothing; one header of a record, and of a fragment.
			expect(bytes).toBe(3 + 19);
		});

		it('deletes up to a limit, in several batches', async () => {
			const level = await open();
			const keys = numbered(3000, 'x'.repeat(900));
			await fill(level, [...keys, 'y']);
			await level.clear({ lt: 'y', limit: 2999 });
			expect(await level.keys().all()).toEqual([keys[2999], 'y']);
		});

		it('deletes what a snapshot sees', async () => {
			const level = await open();
			await fill(level, ['a', 'b']);
			const snapshot = level.snapshot();
			await fill(level, ['c']);
			await level.clear({ snapshot });
			expect(await level.keys().all()).toEqual(['c']);
			await snapshot.close();
		});
	});
});
