/** aedes-persistence-level 9: where the MQTT broker Aedes keeps retained messages, subscriptions, queues and last wills, in MessagePack. */
import { Readable } from 'node:stream';
import LevelPersistence from 'aedes-persistence-level/asyncPersistence.js';
import { describe, expect, it } from 'vitest';
import { kernelNames, type Level, sameAsClassic } from './support';

const BROKER = { id: 'broker-42' };
const CLIENT = { id: 'client:é' };
const OTHER = { id: 'client' };

async function openPersistence(level: Level) {
	const persistence = new LevelPersistence(level);
	await persistence.setup(BROKER);
	return persistence;
}

const collect = <T>(source: AsyncIterable<T>): Promise<T[]> => Readable.from(source).toArray();

const packetOf = (counter: number, topic = `sensors/${counter % 10}/温度`) => ({
	cmd: 'publish',
	brokerId: BROKER.id,
	brokerCounter: counter,
	topic,
	payload: Buffer.from(`payload ${counter}`),
	qos: 1,
	retain: true,
	dup: false,
});

describe.each(kernelNames)('aedes-persistence-level, %s kernel', (kernel) => {
	it('keeps retained messages', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const persistence = await openPersistence(await store.open());
			for (let counter = 0; counter < 100; counter++) await persistence.storeRetained(packetOf(counter));
			await persistence.storeRetained({ ...packetOf(3), payload: Buffer.alloc(0) });
			return {
				all: await collect(persistence.createRetainedStream('#')),
				some: await collect(persistence.createRetainedStreamCombi(['sensors/4/+', 'sensors/3/+', 'other'])),
			};
		});
		expect(results.all).toHaveLength(9);
		expect(results.some).toMatchObject([{ topic: 'sensors/4/温度', payload: Buffer.from('payload 94') }]);
	});

	it('keeps subscriptions', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			const first = await openPersistence(level);
			const topics = Array.from({ length: 200 }, (_, index) => ({ topic: `topic/${index}/+`, qos: index % 3 }));
			await first.addSubscriptions(CLIENT, topics);
			await first.addSubscriptions(OTHER, [{ topic: 'topic/7/+', qos: 2 }]);
			await first.removeSubscriptions(CLIENT, ['topic/0/+', 'topic/1/+']);
			await first.destroy();

			const second = await openPersistence(await store.open());
			const results = {
				ofClient: await second.subscriptionsByClient(CLIENT),
				ofTopic: await second.subscriptionsByTopic('topic/7/x'),
				clients: await collect(second.getClientList('topic/7/+')),
				offline: await second.countOffline(),
			};
			await second.cleanSubscriptions(CLIENT);
			return { ...results, cleaned: await second.subscriptionsByClient(CLIENT), left: await second.subscriptionsByClient(OTHER) };
		});
		expect(results.ofClient).toHaveLength(198);
		expect(results).toMatchObject({ clients: [CLIENT.id, OTHER.id], offline: { clientsCount: 2 }, cleaned: [] });
		expect(results.left).toHaveLength(1);
	});

	it('keeps queues of outgoing and incoming packets', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const persistence = await openPersistence(await store.open());
			const subscriptions = [CLIENT, OTHER].map(({ id }) => ({ clientId: id, topic: 'queue', qos: 1 }));
			for (let counter = 1; counter <= 150; counter++) {
				await persistence.outgoingEnqueueCombi(subscriptions, packetOf(counter, 'queue'));
			}
			for (let counter = 1; counter <= 100; counter++) {
				await persistence.outgoingUpdate(CLIENT, { ...packetOf(counter, 'queue'), messageId: counter });
				if (counter % 2 === 0) await persistence.outgoingClearMessageId(CLIENT, { messageId: counter });
			}
			await persistence.incomingStorePacket(CLIENT, { ...packetOf(1), messageId: 9 });
			await persistence.incomingStorePacket(OTHER, { ...packetOf(2), messageId: 9 });
			const incoming = await persistence.incomingGetPacket(CLIENT, { messageId: 9 });
			await persistence.cleanIncoming(CLIENT);
			await expect(persistence.incomingGetPacket(CLIENT, { messageId: 9 })).rejects.toThrow('no such packet');
			return {
				client: await collect(persistence.outgoingStream(CLIENT)),
				other: await collect(persistence.outgoingStream(OTHER)),
				incoming,
				otherIncoming: await persistence.incomingGetPacket(OTHER, { messageId: 9 }),
				cleared: await persistence.outgoingClearMessageId(CLIENT, { messageId: 2 }),
			};
		});
		expect(results.client).toHaveLength(100);
		expect(results.other).toMatchObject(Array.from({ length: 150 }, (_, index) => ({ brokerCounter: index + 1 })));
		expect(results.cleared).toBeUndefined();
	});

	it('keeps last wills', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const persistence = await openPersistence(await store.open());
			await persistence.putWill(CLIENT, packetOf(1, 'will'));
			await persistence.putWill(OTHER, packetOf(2, 'will'));
			return {
				will: await persistence.getWill(CLIENT),
				deleted: [await persistence.delWill(CLIENT), await persistence.delWill(CLIENT)],
				ofOthers: await collect(persistence.streamWill({ another: true })),
				ofNobody: await collect(persistence.streamWill({ [BROKER.id]: true })),
			};
		});
		expect(results.will).toMatchObject({ clientId: CLIENT.id, brokerId: BROKER.id });
		expect(results.deleted).toEqual([results.will, undefined]);
		expect(results).toMatchObject({ ofOthers: [{ clientId: OTHER.id }], ofNobody: [] });
	});
});
