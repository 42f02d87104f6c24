/** The iterators of abstract-level: over entries, over keys and over values. All that they do is in {@link Items}. */
import { AbstractIterator, AbstractKeyIterator, AbstractValueIterator } from 'abstract-level';
import type { ChunkReader } from '../iterator/chunk-reader';
import type { HalfOpenRange } from '../iterator/range';
import type { Bytes } from '../types';
import { Items, type ItemsOptions } from './items';
import type { Format, PrivateRangeOptions } from './options';

/** Turns what is stored into what is given out. */
interface Decoder {
	decode(data: unknown): unknown;
}

/** Options of an iterator as the private methods get them. */
export interface PrivateIteratorOptions extends PrivateRangeOptions, ItemsOptions {
	keyEncoding: Format;
	valueEncoding: Format;
	keys?: boolean;
	values?: boolean;
	snapshot?: unknown;
	fillCache?: boolean;
}

/** abstract-level puts the encodings of an iterator into its options under these symbols. */
const { keyEncoding: KEY, valueEncoding: VALUE } = AbstractIterator as unknown as { keyEncoding: symbol; valueEncoding: symbol };

function decoder(options: PrivateIteratorOptions, symbol: symbol): Decoder {
	return (options as unknown as Record<symbol, Decoder>)[symbol];
}

/** Made by `VarveLevel.iterator()`. */
export class LevelIterator<TDatabase, K, V> extends AbstractIterator<TDatabase, K, V> {
	readonly #items: Items<[K, V]>;

	/** @internal */
	constructor(db: TDatabase, options: PrivateIteratorOptions, reader: ChunkReader, range: HalfOpenRange) {
		super(db, options as object);
		const { keys = true, values = true } = options;
		const keyDecoder = decoder(options, KEY);
		const valueDecoder = decoder(options, VALUE);
		this.#items = new Items(reader, range, options, {
			take: () => reader.takeEntry(keys, values) as [K, V],
			decode: (entry) => {
				if (keys) entry[0] = keyDecoder.decode(entry[0]) as K;
				if (values) entry[1] = valueDecoder.decode(entry[1]) as V;
				return entry;
			},
		});
	}

	override get count(): number {
		return super.count + this.#items.iterated;
	}

	override [Symbol.asyncIterator](): AsyncGenerator<[K, V], void, unknown> {
		return this.#items.iterate(this);
	}

	_next(): [K, V] | undefined | Promise<[K, V] | undefined> {
		return this.#items.next();
	}

	_nextv(size: number): Promise<[K, V][]> {
		return this.#items.nextMany(size);
	}

	_all(): Promise<[K, V][]> {
		return this.#items.all();
	}

	_seek(target: Bytes): void {
		this.#items.seek(target);
	}

	async _close(): Promise<void> {
		this.#items.close();
	}
}

/** Made by `VarveLevel.keys()`. */
export class LevelKeyIterator<TDatabase, K> extends AbstractKeyIterator<TDatabase, K> {
	readonly #items: Items<K>;

	/** @internal */
	constructor(db: TDatabase, options: PrivateIteratorOptions, reader: ChunkReader, range: HalfOpenRange) {
		super(db, options as object);
		const keyDecoder = decoder(options, KEY);
		this.#items = new Items(reader, range, options, {
			take: () => reader.takeKey() as K,
			decode: (key) => keyDecoder.decode(key) as K,
		});
	}

	override get count(): number {
		return super.count + this.#items.iterated;
	}

	override [Symbol.asyncIterator](): AsyncGenerator<K, void, unknown> {
		return this.#items.iterate(this);
	}

	_next(): K | undefined | Promise<K | undefined> {
		return this.#items.next();
	}

	_nextv(size: number): Promise<K[]> {
		return this.#items.nextMany(size);
	}

	_all(): Promise<K[]> {
		return this.#items.all();
	}

	_seek(target: Bytes): void {
		this.#items.seek(target);
	}

	async _close(): Promise<void> {
		this.#items.close();
	}
}

/** Made by `VarveLevel.values()`. */
export class LevelValueIterator<TDatabase, K, V> extends AbstractValueIterator<TDatabase, K, V> {
	readonly #items: Items<V>;

	/** @internal */
	constructor(db: TDatabase, options: PrivateIteratorOptions, reader: ChunkReader, range: HalfOpenRange) {
		super(db, options as object);
		const valueDecoder = decoder(options, VALUE);
		this.#items = new Items(reader, range, options, {
			take: () => reader.takeValue() as V,
			decode: (value) => valueDecoder.decode(value) as V,
		});
	}

	override get count(): number {
		return super.count + this.#items.iterated;
	}

	override [Symbol.asyncIterator](): AsyncGenerator<V, void, unknown> {
		return this.#items.iterate(this);
	}

	_next(): V | undefined | Promise<V | undefined> {
		return this.#items.next();
	}

	_nextv(size: number): Promise<V[]> {
		return this.#items.nextMany(size);
	}

	_all(): Promise<V[]> {
		return this.#items.all();
	}

	_seek(target: Bytes): void {
		this.#items.seek(target);
	}

	async _close(): Promise<void> {
		this.#items.close();
	}
}
