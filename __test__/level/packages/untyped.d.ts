/** As much of the packages without types as their tests use. */

declare module 'fergies-inverted-index' {
	type Token = string | { FIELD?: string | string[]; VALUE?: unknown };
	type Match = { _id: number; _match: unknown[]; _object?: object };

	export class InvertedIndex {
		constructor(options: { name: string; Level: unknown; stopwords?: string[]; caseSensitive?: boolean });
		readonly EVENTS: import('node:events').EventEmitter;
		AND(tokens: Token[]): Promise<Match[]>;
		OR(tokens: Token[]): Promise<Match[]>;
		GET(token: Token): Promise<Match[]>;
		NOT(include: Promise<Match[]>, exclude: Promise<Match[]>): Promise<Match[]>;
		OBJECT(matches: Match[]): Promise<Match[]>;
		PUT(documents: object[]): Promise<object[]>;
		DELETE(ids: number[]): Promise<object[]>;
		IMPORT(entries: object[]): Promise<void>;
		EXPORT(range?: object): Promise<{ key: unknown[]; value: unknown }[]>;
		EXIST(...ids: number[]): Promise<number[]>;
		FIELDS(): Promise<string[]>;
		FACETS(...tokens: Token[]): Promise<object[]>;
		BUCKETS(...tokens: Token[]): Promise<object[]>;
		DISTINCT(...tokens: Token[]): Promise<object[]>;
		MIN(field: Token): Promise<unknown>;
		MAX(field: Token): Promise<unknown>;
	}
}

declare module 'aedes-persistence-level/asyncPersistence.js' {
	type Client = { id: string };
	type Subscription = { clientId?: string; topic: string; qos: number };

	export default class LevelPersistence {
		constructor(level: unknown);
		setup(broker: { id: string }): Promise<void>;
		storeRetained(packet: object): Promise<void>;
		createRetainedStream(pattern: string): AsyncIterable<object>;
		createRetainedStreamCombi(patterns: string[]): AsyncIterable<object>;
		addSubscriptions(client: Client, subscriptions: Subscription[]): Promise<void>;
		removeSubscriptions(client: Client, topics: string[]): Promise<void>;
		cleanSubscriptions(client: Client): Promise<void>;
		subscriptionsByClient(client: Client): Promise<Subscription[]>;
		subscriptionsByTopic(topic: string): Promise<Subscription[]>;
		countOffline(): Promise<{ subsCount: number; clientsCount: number }>;
		outgoingEnqueueCombi(subscriptions: Subscription[], packet: object): Promise<void>;
		outgoingUpdate(client: Client, packet: object): Promise<void>;
		outgoingClearMessageId(client: Client, packet: object): Promise<object | undefined>;
		outgoingStream(client: Client): AsyncIterable<object>;
		incomingStorePacket(client: Client, packet: object): Promise<void>;
		incomingGetPacket(client: Client, packet: object): Promise<object>;
		incomingDelPacket(client: Client, packet: object): Promise<void>;
		cleanIncoming(client: Client): Promise<void>;
		putWill(client: Client, packet: object): Promise<void>;
		getWill(client: Client): Promise<object | undefined>;
		delWill(client: Client): Promise<object | undefined>;
		streamWill(brokers?: Record<string, unknown>): AsyncIterable<object>;
		getClientList(topic: string): AsyncIterable<string>;
		destroy(): Promise<void>;
	}
}
