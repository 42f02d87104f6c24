/** VarveLevel, reading: snapshots, iterators, signals. What abstract-level demands of every database is in its own suite. */
import { describe, expect, it, vi } from 'vitest';
import type { Snapshot } from '../../ts/level/index';
import { kernelNames } from '../support/stores';
import { fill, makeLevel, numbered, rejection } from './support';

describe.each(kernelNames)('reads of VarveLevel (%s)', (kernel) => {
	/** A store whose reads must go to files: no cache, nothing in a memtable. */
	async function coldLevel() {
		const level = makeLevel({ kernel, cacheSize: 0 });
		await fill(level, numbered(2000));
		await level.database.flush();
		return level;
	}

	it('read the store as it was when they were called', async () => {
		const level = await coldLevel();
		// Past the cache: else what the operating system has in memory would be read at once.
		const past = { fillCache: false };
		const reads = Promise.all([
			level.get('key000007', past),
			level.getMany(['key000007', 'new'], past),
			level.has('new', past),
			level.hasMany(['key000007', 'new'], past),
			level.keys({ limit: 1, ...past }).all(),
		]);
		level.database.batchSync([
			{ type: 'delete', key: 'key000007' },
			{ type: 'delete', key: 'key000000' },
			{ type: 'put', key: 'new', value: 'x' },
		]);
		const old = 'value key000007';
		expect(await reads).toEqual([old, [old, undefined], false, [true, false], ['key000000']]);
		expect(await level.get('key000007')).toBeUndefined();
	});

	it('keep a snapshot until has() and hasMany() have settled', async () => {
		const level = await coldLevel();
		const living = () => level.database.stats().handles.snapshots;
		const keptWhile = async <T>(read: (options: { snapshot: Snapshot; fillCache: boolean }) => Promise<T>): Promise<T> => {
			const snapshot = level.snapshot();
			const reading = read({ snapshot, fillCache: false });
			const closing = snapshot.close();
			for (let turn = 0; turn < 10; turn++) await undefined;
			expect(living()).toBe(1);
			const result = await reading;
			await closing;
			expect(living()).toBe(0);
			return result;
		};
		expect(await keptWhile((options) => level.has('key000007', options))).toBe(true);
		expect(await keptWhile((options) => level.hasMany(['key000008', 'none'], options))).toEqual([true, false]);
		const snapshot = level.snapshot();
		await snapshot.close();
		expect((await rejection(level.has('key000007', { snapshot }))).code).toBe('LEVEL_SNAPSHOT_NOT_OPEN');
	});

	it('share a snapshot with sublevels', async () => {
		const level = makeLevel({ kernel });
		const inner = level.sublevel('a').sublevel('b');
		await inner.put('k', 'old');
		const snapshot = level.snapshot();
		const own = inner.snapshot();
		await inner.batch([{ type: 'put', key: 'k', value: 'new' }]);
		for (const option of [snapshot, own]) {
			expect(await inner.get('k', { snapshot: option })).toBe('old');
			expect(inner.getSync('k', { snapshot: option })).toBe('old');
			expect(await inner.iterator({ snapshot: option }).all()).toEqual([['k', 'old']]);
			expect(await level.get('!a!!b!k', { snapshot: option })).toBe('old');
		}
		await inner.close();
		expect((await rejection(level.get('x', { snapshot: own }))).code).toBe('LEVEL_SNAPSHOT_NOT_OPEN');
		await snapshot.close();
	});

	it('refuse the snapshot of another database', async () => {
		const [level, other] = [makeLevel({ kernel }), makeLevel({ kernel })];
		await Promise.all([level.open(), other.open()]);
		const error = await rejection(level.get('k', { snapshot: other.snapshot() }));
		expect(error).toMatchObject({ code: 'VARVE_CONFIG' });
	});

	it('leave the cache as it is with fillCache: false', async () => {
		const level = makeLevel({ kernel });
		await fill(level, numbered(2000));
		await level.database.flush();
		const cached = () => level.database.stats().reads.cacheBytes;
		const options = { fillCache: false };
		await level.get('key000001', options);
		level.getSync('key000001', options);
		await level.getMany(['key000001'], options);
		await level.has('key000001', options);
		await level.hasMany(['key000001'], options);
		await level.iterator(options).all();
		expect(cached()).toBe(0);
		await level.get('key000001');
		expect(cached()).toBeGreaterThan(0);
	});

	describe('iterators', () => {
		it('count and end alike however they are read', async () => {
			const level = makeLevel({ kernel });
			const keys = numbered(300);
			await fill(level, keys);
			for (const limit of [-1, 0, 1, 100, 1000]) {
				const expected = limit < 0 ? keys : keys.slice(0, limit);
				const looped = level.keys({ limit });
				const seen: string[] = [];
				for await (const key of looped) {
					seen.push(key);
					expect(looped.count).toBe(seen.length);
				}
				expect(seen).toEqual(expected);
				const stepped = level.keys({ limit });
				for (const key of expected) expect(await stepped.next()).toBe(key);
				expect(await stepped.next()).toBeUndefined();
				expect(stepped.count).toBe(expected.length);
				await stepped.close();
				expect(await level.keys({ limit }).all()).toEqual(expected);
				const values = await level.values({ limit }).all();
				expect(values).toEqual(expected.map((key) => `value ${key}`));
			}
		});

		it('can be sought, read and closed inside of for await', async () => {
			const level = makeLevel({ kernel });
			await fill(level, numbered(100));
			const iterator = level.keys({ limit: 5 });
			const seen: (string | undefined)[] = [];
			for await (const key of iterator) {
				seen.push(key);
				if (key === 'key000001') iterator.seek('key000050');
				if (key === 'key000050') seen.push(await iterator.next());
			}
			expect(seen).toEqual(['key000000', 'key000001', 'key000050', 'key000051', 'key000052']);
			const closed = level.keys();
			const reads = async () => {
				for await (const _ of closed) await closed.close();
			};
			expect((await rejection(reads())).code).toBe('LEVEL_ITERATOR_NOT_OPEN');
		});

		it('are closed at once when nothing is in flight', async () => {
			const level = await coldLevel();
			const handles = () => level.database.stats().handles.iterators;
			const iterator = level.iterator();
			await iterator.next();
			expect(handles()).toBe(1);
			const closing = iterator.close();
			expect(handles()).toBe(0);
			await closing;
			for await (const _ of level.iterator()) break;
			expect(handles()).toBe(0);
		});

		it('end a read in flight when their signal fires', async () => {
			const level = await coldLevel();
			for (const read of ['next', 'all'] as const) {
				const controller = new AbortController();
				const iterator = level.iterator({ signal: controller.signal });
				const reading = iterator[read]();
				controller.abort(new Error('enough'));
				expect(await rejection(reading)).toMatchObject({ code: 'LEVEL_ABORTED', name: 'AbortError' });
				expect((await rejection(iterator.next())).code).toBe(read === 'all' ? 'LEVEL_ITERATOR_NOT_OPEN' : 'LEVEL_ABORTED');
				await iterator.close();
			}
			const controller = new AbortController();
			const seen: string[] = [];
			const loop = async () => {
				for await (const key of level.keys({ signal: controller.signal })) {
					seen.push(key);
					if (seen.length === 3) controller.abort();
				}
			};
			expect((await rejection(loop())).code).toBe('LEVEL_ABORTED');
			expect(seen).toHaveLength(3);
			// A fill in flight lets go of its handle when it has settled.
			await vi.waitFor(() => expect(level.database.stats().handles.iterators).toBe(0), 10_000);
		});

		it('stop nextv() at highWaterMarkBytes', async () => {
			const level = makeLevel({ kernel });
			await fill(level, numbered(100), 'v'.repeat(100));
			const lengths = async (highWaterMarkBytes: number, size = 10) => {
				const iterator = level.iterator({ highWaterMarkBytes });
				const found: number[] = [];
				for (let items = await iterator.nextv(size); items.length > 0; items = await iterator.nextv(size)) {
					found.push(items.length);
				}
				await iterator.close();
				return found;
			};
			expect(new Set(await lengths(0))).toEqual(new Set([1]));
			// An entry has 119 bytes: the third passes 300.
			expect((await lengths(300)).slice(0, 3)).toEqual([3, 3, 3]);
			expect(await lengths(1e6, 60)).toEqual([60, 40]);
			expect((await level.iterator({ highWaterMarkBytes: 300 }).all()).length).toBe(100);
			const keys = level.keys({ highWaterMarkBytes: 80 });
			expect(await keys.nextv(100)).toHaveLength(9);
			await keys.close();
		});

		it('give keys and values in encodings of their own', async () => {
			const level = makeLevel<string, Buffer>({ kernel, valueEncoding: 'buffer' });
			await level.put('é', Buffer.from([0, 255]));
			const entries = await level.iterator().all();
			expect(entries).toEqual([['é', Buffer.from([0, 255])]]);
			const views = await level.iterator<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' }).all();
			expect(views.map(([key, value]) => [...key, ...value])).toEqual([[0xc3, 0xa9, 0, 255]]);
			expect(await level.get('é', { valueEncoding: 'hex' })).toBe('00ff');
		});

		it('report a value that cannot be decoded, after the entries before it', async () => {
			const level = makeLevel({ kernel });
			await level.batch([
				{ type: 'put', key: 'a', value: '1' },
				{ type: 'put', key: 'b', value: '2' },
				{ type: 'put', key: 'c', value: '{' },
			]);
			const seen: unknown[] = [];
			const loop = async () => {
				for await (const value of level.values({ valueEncoding: 'json' })) seen.push(value);
			};
			expect((await rejection(loop())).code).toBe('LEVEL_DECODE_ERROR');
			expect(seen).toEqual([1, 2]);
			expect(level.database.stats().handles.iterators).toBe(0);
		});
	});
});
