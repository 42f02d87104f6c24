/**
 * From the options of abstract-level and classic-level to those of Varve.
 *
 * Invariant: an option of classic-level that is out of Varve's limits is moved to the nearest limit, as LevelDB does, and never refused.
 */
import { clampOption, defaultStoreOptions, halfOpenRange } from '../internal';
import type { HalfOpenRange } from '../iterator/range';
import type { Bytes, OpenOptions, PutOptions, ReadOptions, WriteOptions } from '../types';
import { LevelError } from './errors';
import { snapshotOf } from './snapshot';
import type { OpenOptions as LevelOpenOptions } from './types';

/** Formats in which abstract-level hands over keys and values, and takes them back. */
export type Format = 'buffer' | 'utf8' | 'view';

/** What a private read method gets. */
export interface PrivateReadOptions {
	valueEncoding?: Format;
	snapshot?: unknown;
	fillCache?: boolean;
}

/** What a private write method gets. */
export interface PrivateWriteOptions {
	sync?: boolean;
}

/** What a private put gets. */
export interface PrivatePutOptions extends PrivateWriteOptions {
	ttl?: number | undefined;
}

/** The range of a private method; bounds are encoded. */
export interface PrivateRangeOptions {
	gt?: Bytes;
	gte?: Bytes;
	lt?: Bytes;
	lte?: Bytes;
	reverse: boolean;
	/** -1 is no limit. */
	limit: number;
}

const READ_UTF8: ReadOptions = Object.freeze({ encoding: 'utf8' });
const READ_BUFFER: ReadOptions = Object.freeze({ encoding: 'buffer' });
const WRITE: WriteOptions = Object.freeze({ sync: 'never' });
const WRITE_SYNCED: WriteOptions = Object.freeze({ sync: 'always' });

/** Options of `Database.open`. */
export function openOptions(options: LevelOpenOptions): OpenOptions {
	if (options.multithreading) {
		throw new LevelError(
			'LEVEL_NOT_SUPPORTED',
			'Varve does not open one directory several times. Open it in one thread, and send it messages from the others.',
		);
	}
	const { createIfMissing, errorIfExists, kernel, salvage } = options;
	const sizes = {
		cacheSize: clampOption('cacheSize', options.cacheSize),
		memtableSize: clampOption('memtableSize', options.writeBufferSize),
		blockSize: clampOption('blockSize', options.blockSize),
		restartInterval: clampOption('restartInterval', options.blockRestartInterval),
		tableSize: clampOption('tableSize', options.maxFileSize),
		maxOpenFiles: clampOption('maxOpenFiles', options.maxOpenFiles),
	};
	const compression =
		options.compression === undefined ? undefined : options.compression ? defaultStoreOptions.compression : 'none';
	const given = Object.entries({ createIfMissing, errorIfExists, kernel, salvage, compression, ...sizes });
	return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** Options of a point read. The common ones are the same objects every time: this is on the way of every `get`. */
export function readOptions(options: PrivateReadOptions): ReadOptions {
	const encoding = options.valueEncoding === 'utf8' ? 'utf8' : 'buffer';
	if (options.snapshot == null && options.fillCache !== false) return encoding === 'utf8' ? READ_UTF8 : READ_BUFFER;
	return { encoding, snapshot: snapshotOf(options.snapshot), fillCache: options.fillCache !== false };
}

/** Options of a write: LevelDB's durability, which is that of the operating system unless `sync` is set. */
export function writeOptions(options: PrivateWriteOptions | undefined): WriteOptions {
	return options?.sync === true ? WRITE_SYNCED : WRITE;
}

/** Options of a put. */
export function putOptions(options: PrivatePutOptions): PutOptions {
	const { ttl } = options;
	return ttl === undefined ? writeOptions(options) : { sync: writeOptions(options).sync, ttl };
}

/** The range that the bounds describe; `gte` and `lte` go before `gt` and `lt`. */
export function rangeOf({ gt, gte, lt, lte }: PrivateRangeOptions): HalfOpenRange {
	return halfOpenRange({
		gte,
		gt: gte === undefined ? gt : undefined,
		lte,
		lt: lte === undefined ? lt : undefined,
	});
}

/** The limit as a number of entries. */
export function limitOf({ limit }: PrivateRangeOptions): number {
	return limit < 0 ? Number.POSITIVE_INFINITY : limit;
}
