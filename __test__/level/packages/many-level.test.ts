/**
 * many-level 2: a database shared over a stream. Its host calls the database with callbacks, which abstract-level 2 took away, so that by
 * itself it serves no database of abstract-level 2 or 3 (the first test shows it for classic-level 3 too). With the callbacks put back in
 * front of the database, host, guest and protocol do all their work.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { ManyLevelGuest, ManyLevelHost } from 'many-level';
import { describe, expect, it } from 'vitest';
import { withCallbacks } from './callbacks';
import { kernelNames, type Level, onVarve, type Store, sameAsClassic } from './support';

interface Served {
	guest: ManyLevelGuest<string, string>;
	level: Level;
	/** Cuts the connection and makes a new one. */
	reconnect(): Promise<void>;
}

const keyOf = (index: number) => `key ${String(index).padStart(5, '0')}`;

function listen(host: ManyLevelHost, sockets: Set<Socket>): Promise<Server> {
	const server = createServer((socket) => {
		sockets.add(socket.on('error', () => undefined));
		pipeline(socket, host.createRpcStream(), socket, () => sockets.delete(socket));
	});
	return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function dial(guest: ManyLevelGuest<string, string>, server: Server): Promise<void> {
	// Throws while the guest has a stream that has not ended.
	const stream = guest.createRpcStream();
	const { port } = server.address() as { port: number };
	const socket = connect(port, '127.0.0.1').on('error', () => undefined);
	pipeline(socket, stream, socket, () => undefined);
	await once(socket, 'connect');
}

/** Serves a store on a port of its own to one guest while `work` runs. */
async function serve<T>(store: Store, options: object, work: (served: Served) => Promise<T>): Promise<T> {
	const level = await store.open();
	const sockets = new Set<Socket>();
	const server = await listen(new ManyLevelHost(withCallbacks(level) as never, options), sockets);
	const guest = new ManyLevelGuest<string, string>({ retry: 'retry' in options });
	const reconnect = async () => {
		const ended = Promise.all([...sockets].map((socket) => once(socket, 'close')));
		for (const socket of sockets) socket.destroy();
		await ended;
		// The guest's stream ends a turn or more after its socket.
		for (;;) {
			try {
				await dial(guest, server);
				return;
			} catch {
				await new Promise(setImmediate);
			}
		}
	};
	try {
		await dial(guest, server);
		return await work({ guest, level, reconnect });
	} finally {
		await guest.close();
		for (const socket of sockets) socket.destroy();
		await new Promise((resolve) => server.close(resolve));
	}
}

async function fill(level: Level, entries: number): Promise<void> {
	const batch = level.batch();
	for (let index = 0; index < entries; index++) batch.put(keyOf(index), `value ${index}`);
	await batch.write();
}

/** The code of what a promise is rejected with. */
const codeOf = (promise: Promise<unknown>) => promise.then(String, (error: { code?: string }) => error.code);

describe.each(kernelNames)('many-level, %s kernel', (kernel) => {
	it('calls databases with callbacks, which no database of abstract-level 3 calls back', async () => {
		const called = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			const open = level.open.bind(level) as (...args: unknown[]) => Promise<void>;
			let opening: Promise<void> | undefined;
			let calledBack = false;
			const watched = Object.create(level, {
				open: {
					value: (options: object, callback: () => void) => {
						expect(callback).toBeTypeOf('function');
						opening = open(options, () => {
							calledBack = true;
							callback();
						});
					},
				},
			});
			new ManyLevelHost(watched).createRpcStream();
			await opening;
			await new Promise(setImmediate);
			return { opened: opening !== undefined, calledBack };
		});
		expect(called).toEqual({ opened: true, calledBack: false });
	});

	it('gets, puts and deletes', async () => {
		const results = await sameAsClassic(kernel, (store) =>
			serve(store, {}, async ({ guest, level }) => {
				await guest.put('a', 'one');
				await guest.put('é 漢', '{"two":2}');
				await guest.batch([
					{ type: 'put', key: 'c', value: 'three' },
					{ type: 'del', key: 'a' },
					{ type: 'put', key: 'd', value: 'four' },
				]);
				await guest.batch().put('e', 'five').put('f', '').del('d').write();
				const sublevel = guest.sublevel<string, object>('sub', { valueEncoding: 'json' });
				await sublevel.put('g', { seven: [7] });
				await guest.del('missing');
				return {
					missing: await codeOf(guest.get('a')),
					value: await guest.get('é 漢'),
					buffer: await guest.get('é 漢', { valueEncoding: 'buffer' }),
					json: await guest.get('é 漢', { valueEncoding: 'json' }),
					many: await guest.getMany(['c', 'd', 'e', 'f']),
					sub: await sublevel.get('g'),
					flushed: guest.isFlushed(),
					stored: await level.iterator().all(),
				};
			}),
		);
		expect(results).toMatchObject({ missing: 'LEVEL_NOT_FOUND', many: ['three', undefined, 'five', ''], json: { two: 2 } });
		expect(results.stored).toHaveLength(5);
	});

	it('iterates and clears', async () => {
		const results = await sameAsClassic(kernel, (store) =>
			serve(store, {}, async ({ guest, level }) => {
				await fill(level, 5000);
				const iterator = guest.iterator({ gte: keyOf(100), lt: keyOf(4000) });
				const seeked = [await iterator.next(), await iterator.next()];
				iterator.seek(keyOf(3000));
				seeked.push(await iterator.next());
				iterator.seek(keyOf(50));
				seeked.push(await iterator.next());
				await iterator.close();
				const results = {
					seeked,
					all: await guest.iterator().all(),
					reverse: await guest.iterator({ reverse: true, limit: 30, lt: keyOf(2000) }).all(),
					keys: await guest.keys({ gt: keyOf(4000) }).all(),
					values: await guest.values({ lte: keyOf(700), valueEncoding: 'buffer' }).all(),
				};
				await guest.clear({ gte: keyOf(10), lt: keyOf(4990) });
				await guest.clear({ reverse: true, limit: 3 });
				return { ...results, left: await level.keys().all() };
			}),
		);
		expect(results.all).toHaveLength(5000);
		expect(results.seeked.map((entry) => entry?.[0])).toEqual([keyOf(100), keyOf(101), keyOf(3000), undefined]);
		expect(results.reverse[29]).toEqual([keyOf(1970), 'value 1970']);
		expect(results.left).toHaveLength(17);
	});

	it('refuses writes when the host says so', async () => {
		const results = await sameAsClassic(kernel, (store) =>
			serve(store, { readonly: true }, async ({ guest, level }) => {
				await fill(level, 2);
				return [
					await codeOf(guest.put('a', 'b')),
					await codeOf(guest.del(keyOf(1))),
					await codeOf(guest.batch([{ type: 'del', key: keyOf(1) }])),
					await codeOf(guest.clear()),
					await guest.get(keyOf(1)),
				];
			}),
		);
		expect(results).toEqual([...Array.from({ length: 4 }, () => 'LEVEL_READONLY'), 'value 1']);
	});

	it('aborts operations when the connection is lost, and serves the next one', async () => {
		const results = await sameAsClassic(kernel, (store) =>
			serve(store, {}, async ({ guest, level, reconnect }) => {
				await fill(level, 3000);
				const iterator = guest.iterator();
				const entries = await iterator.nextv(20);
				const lost = [codeOf(guest.get(keyOf(1))), codeOf(iterator.all())];
				await reconnect();
				const [got, iterated] = await Promise.all(lost);
				return { entries, got, iterated, again: await guest.get(keyOf(1)), keys: (await guest.keys().all()).length };
			}),
		);
		expect(results).toMatchObject({
			got: 'LEVEL_CONNECTION_LOST',
			iterated: 'LEVEL_CONNECTION_LOST',
			again: 'value 1',
			keys: 3000,
		});
	});

	it('closes the iterators of a guest that went away', async () => {
		await onVarve(kernel, async (level, database) => {
			const store = { create: () => level, open: async () => level };
			await serve(store, {}, async ({ guest, reconnect }) => {
				await fill(level, 3000);
				const iterators = [guest.iterator(), guest.keys(), guest.values({ reverse: true })];
				for (const iterator of iterators) await iterator.next();
				expect(database.stats().handles.iterators).toBe(iterators.length);
				await reconnect();
				while (database.stats().handles.iterators > 0) await new Promise(setImmediate);
				expect(await guest.get(keyOf(2))).toBe('value 2');
			});
		});
	});

	it('serves several guests, with large values, at once', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			const host = new ManyLevelHost(withCallbacks(level) as never);
			const work = async (name: string) => {
				const guest = new ManyLevelGuest<string, string>();
				const stream = host.createRpcStream();
				stream.pipe(guest.createRpcStream()).pipe(stream);
				for (let index = 0; index < 20; index++) await guest.put(`${name} ${index}`, name.repeat(10_000 * index));
				const lengths = (await guest.iterator({ gte: name, lt: `${name}~` }).all()).map(([key, value]) => [key, value.length]);
				await guest.close();
				return lengths;
			};
			return Promise.all([work('a'), work('b'), work('c')]);
		});
		expect(results.map((lengths) => lengths.length)).toEqual([20, 20, 20]);
	});

	it('resumes iterators and repeats operations after a new connection', async () => {
		const results = await sameAsClassic(kernel, (store) =>
			serve(store, { retry: true }, async ({ guest, level, reconnect }) => {
				await fill(level, 5000);
				const forward = guest.iterator();
				const backward = guest.iterator({ reverse: true });
				const entries: [unknown[], unknown[]] = [[], []];
				for (let round = 0; round < 4; round++) {
					for (let count = 0; count < 100; count++) {
						entries[0].push(await forward.next());
						entries[1].push(await backward.next());
					}
					const operations = Promise.all([guest.put(`new ${round}`, 'value'), guest.get(keyOf(round))]);
					await reconnect();
					await operations;
				}
				await Promise.all([forward.close(), backward.close()]);
				return { entries, written: await level.keys({ gte: 'new' }).all() };
			}),
		);
		const indexes = Array.from({ length: 400 }, (_, index) => index);
		const entry = (index: number) => [keyOf(index), `value ${index}`];
		expect(results.entries).toEqual([indexes.map(entry), indexes.map((index) => entry(4999 - index))]);
		expect(results.written).toEqual(['new 0', 'new 1', 'new 2', 'new 3']);
	});
});
