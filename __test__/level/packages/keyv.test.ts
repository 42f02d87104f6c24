/**
 * keyv 5: entries with a time to live, over anything that can get, set, delete and clear. The TTL layers made for levels (level-ttl,
 * tiny-level-ttl) need levelup; keyv is the living one, and a level is its storage by the few lines of {@link storageOf}.
 */
import { Keyv, type KeyvStoreAdapter } from 'keyv';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { kernelNames, type Level, sameAsClassic } from './support';

/** A level as the storage of keyv. */
function storageOf(level: Level): KeyvStoreAdapter {
	const events = level as unknown as Pick<KeyvStoreAdapter, 'on'>;
	return {
		opts: { dialect: 'level', url: '' },
		get: async (key) => (await level.get(key)) as never,
		getMany: async (keys) => (await level.getMany(keys)) as never,
		set: (key, value) => level.put(key, value),
		has: (key) => level.has(key),
		delete: async (key) => {
			const existed = await level.has(key);
			await level.del(key);
			return existed;
		},
		deleteMany: async (keys) => {
			await level.batch(keys.map((key) => ({ type: 'del', key })));
			return true;
		},
		clear: () => level.clear(),
		on: events.on.bind(level),
	};
}

describe.each(kernelNames)('keyv, %s kernel', (kernel) => {
	beforeEach(() => {
		vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	it('forgets entries when their time is over', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			vi.setSystemTime(1_000_000);
			const level = await store.open();
			const keyv = new Keyv({ store: storageOf(level), useKeyPrefix: false });
			await keyv.set('short', { s: [1] }, 100);
			await keyv.set('long', 'l', 10_000);
			await keyv.set('ever', Buffer.from('e'));
			const seen: unknown[] = [];
			for (const now of [1_000_000, 1_000_100, 1_000_101, 1_010_000, 1_010_001]) {
				vi.setSystemTime(now);
				seen.push(await keyv.get(['short', 'long', 'ever']), await keyv.get('short'));
			}
			return { seen, left: await level.keys().all() };
		});
		expect(results.seen[0]).toEqual([{ s: [1] }, 'l', Buffer.from('e')]);
		expect(results.seen.at(-2)).toEqual([undefined, undefined, Buffer.from('e')]);
		expect(results.left).toEqual(['ever']);
	});

	it('sets, deletes and clears', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			vi.setSystemTime(1_000_000);
			const first = await store.open();
			const keyv = new Keyv({ store: storageOf(first), ttl: 5000, namespace: 'app' });
			await keyv.set('a', 1);
			await keyv.set('b', 2, 10);
			await keyv.set('b', 3);
			await keyv.set('c', 4);
			const deleted = [await keyv.delete('c'), await keyv.delete('c')];
			await first.close();

			vi.setSystemTime(1_004_999);
			const second = await store.open();
			const reopened = new Keyv({ store: storageOf(second), namespace: 'app' });
			const values = [await reopened.get('a'), await reopened.get('b'), await reopened.get('c')];
			const raw = await second.iterator().all();
			await reopened.clear();
			return { deleted, values, raw, cleared: await second.keys().all() };
		});
		expect(results).toMatchObject({ deleted: [true, false], values: [1, 3, undefined], cleared: [] });
		expect(results.raw.map(([key]) => key)).toEqual(['app:a', 'app:b']);
	});
});
