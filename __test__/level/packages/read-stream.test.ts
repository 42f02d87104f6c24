/** level-read-stream 2: object streams over iterators, with Node.js's own flow control. */
import { Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { EntryStream, KeyStream, ValueStream } from 'level-read-stream';
import { describe, expect, it } from 'vitest';
import type { Database } from '../../../ts/index';
import { kernelNames, type Level, onVarve, sameAsClassic } from './support';

const ENTRIES = 50_000;

const keyOf = (index: number) => `key ${String(index).padStart(6, '0')}`;
const textOf = (index: number) => `value ${index} ${'v'.repeat(index % 60)}`;

async function fill(level: Level): Promise<void> {
	for (let first = 0; first < ENTRIES; first += 5000) {
		const batch = level.batch();
		for (let index = first; index < first + 5000; index++) batch.put(keyOf(index), textOf(index));
		await batch.write();
	}
}

/** The published types extend a stream of a package without types. */
const asReadable = (stream: object) => stream as Readable;

/** All that a stream gives. */
async function collect(stream: object): Promise<unknown[]> {
	const items: unknown[] = [];
	for await (const item of asReadable(stream)) items.push(item);
	return items;
}

/** Waits for the `close` event of a stream, which comes once its iterator has closed. */
function closed(stream: Readable): Promise<void> {
	return new Promise((resolve) => (stream.closed ? resolve() : stream.once('close', resolve)));
}

/** Iterators of the store that nobody has closed. */
const openIterators = (database: Database) => database.stats().handles.iterators;

describe.each(kernelNames)('level-read-stream, %s kernel', (kernel) => {
	it('streams entries, keys and values', async () => {
		const [entries, keys, values] = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			await fill(level);
			return [
				await collect(new EntryStream(level)),
				await collect(new KeyStream(level)),
				await collect(new ValueStream(level)),
			] as const;
		});
		const indexes = Array.from({ length: ENTRIES }, (_, index) => index);
		expect(keys).toEqual(indexes.map(keyOf));
		expect(values).toEqual(indexes.map(textOf));
		expect(entries).toEqual(indexes.map((index) => ({ key: keyOf(index), value: textOf(index) })));
	});

	it('streams whatever the high-water marks are', async () => {
		const streams = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			await fill(level);
			const range = { gt: keyOf(20_000), lte: keyOf(22_000) };
			return Promise.all([
				collect(new EntryStream(level, { ...range, highWaterMark: 1 })),
				collect(new EntryStream(level, { ...range, highWaterMark: 7, highWaterMarkBytes: 100 })),
				collect(new EntryStream(level, { ...range, highWaterMarkBytes: 1 })),
				collect(new EntryStream(level, { ...range, highWaterMark: 100_000, highWaterMarkBytes: 1 << 20, fillCache: true })),
				collect(new KeyStream(level, { ...range, highWaterMarkBytes: 1000, reverse: true })),
				collect(new ValueStream(level, { ...range, highWaterMarkBytes: 1000, limit: 99, valueEncoding: 'buffer' })),
			]);
		});
		expect(streams.map(({ length }) => length)).toEqual([2000, 2000, 2000, 2000, 2000, 99]);
		for (const stream of streams.slice(1, 4)) expect(stream).toEqual(streams[0]);
	});

	it('streams the state at the time of its creation', async () => {
		const keys = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			await fill(level);
			const stream = new KeyStream(level, { gte: keyOf(49_990), highWaterMark: 2 });
			await level.clear({ gt: keyOf(49_992) });
			await level.put('key 9', 'new');
			return collect(stream);
		});
		expect(keys).toEqual(Array.from({ length: 10 }, (_, index) => keyOf(49_990 + index)));
	});

	it('pipes into a slow writable', async () => {
		const seen = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			await fill(level);
			const keys: string[] = [];
			const slow = new Writable({
				objectMode: true,
				highWaterMark: 16,
				write({ key }: { key: string }, _encoding, done) {
					keys.push(key);
					if (keys.length % 100 === 0) setImmediate(done);
					else done();
				},
			});
			await pipeline(new EntryStream(level, { highWaterMarkBytes: 4096 }), slow);
			return keys;
		});
		expect(seen).toHaveLength(ENTRIES);
	});

	it('closes its iterator when it is destroyed, fails or ends', async () => {
		await onVarve(kernel, async (level, database) => {
			await fill(level);

			const broken = asReadable(new EntryStream(level));
			expect(openIterators(database)).toBe(1);
			let count = 0;
			for await (const { key } of broken) {
				expect(key).toBe(keyOf(count));
				if (++count === 12_345) break;
			}
			await closed(broken);
			expect(openIterators(database)).toBe(0);

			const destroyed = asReadable(new ValueStream(level, { highWaterMark: 10 }));
			destroyed.once('data', () => destroyed.destroy(new Error('enough')));
			await expect(finished(destroyed)).rejects.toThrow('enough');
			await closed(destroyed);
			expect(openIterators(database)).toBe(0);

			const refused = asReadable(new KeyStream(level));
			const full = new Writable({ objectMode: true, write: (_item, _encoding, done) => done(new Error('full')) });
			await expect(pipeline(refused, full)).rejects.toThrow('full');
			await closed(refused);
			expect(openIterators(database)).toBe(0);

			const ended = asReadable(new KeyStream(level, { limit: 1000 }));
			expect(await collect(ended)).toHaveLength(1000);
			await closed(ended);
			expect(openIterators(database)).toBe(0);
		});
	});

	it('fails when the database closes in its middle', async () => {
		const code = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			await fill(level);
			const stream = asReadable(new EntryStream(level, { highWaterMark: 10 }));
			const end = finished(stream).catch((error: { code?: string }) => error.code);
			const first = await new Promise((resolve) => stream.once('data', resolve));
			stream.pause();
			await level.close();
			stream.resume();
			return [first, await end];
		});
		expect(code).toEqual([{ key: keyOf(0), value: textOf(0) }, 'LEVEL_ITERATOR_NOT_OPEN']);
	});

	it('is a stream of Node.js to other streams', async () => {
		const shouted = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			await level.batch([
				{ type: 'put', key: 'a', value: 'one' },
				{ type: 'put', key: 'b', value: 'two' },
			]);
			return collect(Readable.from(new ValueStream<string, string>(level)).map((value: string) => value.toUpperCase()));
		});
		expect(shouted).toEqual(['ONE', 'TWO']);
	});
});
