/** Checks of the options of single calls. */
import type { Clock } from '../environment';
import { ConfigError } from '../errors';
import { READ_BUFFER, READ_UTF8, type ReadMode } from '../kernel/kernel';
import type { ClearOptions, Durability, Encoding, IteratorOptions, PutOptions, ReadOptions, WriteOptions } from '../types';

const WRITE_OPTIONS = ['sync', 'signal'];
const CHAINED_PUT_OPTIONS = ['ttl'];
const PUT_OPTIONS = [...WRITE_OPTIONS, ...CHAINED_PUT_OPTIONS];
const READ_OPTIONS = ['snapshot', 'encoding', 'fillCache', 'signal'];
const RANGE_OPTIONS = ['gt', 'gte', 'lt', 'lte', 'prefix'];
const ITERATOR_OPTIONS = [...READ_OPTIONS, ...RANGE_OPTIONS, 'reverse', 'limit', 'keys', 'values'];
const CLEAR_OPTIONS = [...WRITE_OPTIONS, ...RANGE_OPTIONS, 'snapshot', 'reverse', 'limit'];

/** The durability that a write asks for. */
export function durabilityOf(options: WriteOptions | undefined, standard: Durability): Durability {
	return checkedDurability(options, WRITE_OPTIONS, standard);
}

/** The durability that a put asks for. */
export function putDurabilityOf(options: PutOptions | undefined, standard: Durability): Durability {
	return checkedDurability(options, PUT_OPTIONS, standard);
}

/** When an entry that is put now expires, in milliseconds since the epoch; undefined without a ttl, which is in milliseconds. */
export function expiryOf(ttl: number | undefined, clock: Clock): number | undefined {
	if (ttl === undefined) return undefined;
	if (typeof ttl !== 'number' || !Number.isFinite(ttl) || ttl <= 0) {
		throw new ConfigError(`Option 'ttl' takes a number of milliseconds above 0; got ${String(ttl)}.`);
	}
	const now = Number(clock.nanoseconds() / 1_000_000n);
	return Math.min(Math.ceil(now + ttl), Number.MAX_SAFE_INTEGER);
}

/** The ttl of a put in a chained batch. */
export function ttlOf(options: Pick<PutOptions, 'ttl'> | undefined): number | undefined {
	if (options === undefined) return undefined;
	checkNames(options, CHAINED_PUT_OPTIONS);
	return options.ttl;
}

function checkedDurability(options: WriteOptions | undefined, known: readonly string[], standard: Durability): Durability {
	if (options === undefined) return standard;
	checkNames(options, known);
	return durability(options.sync, standard);
}

function durability(sync: WriteOptions['sync'], standard: Durability): Durability {
	if (sync === undefined) return standard;
	if (sync === true || sync === 'always') return 'always';
	if (sync === false || sync === 'never') return 'never';
	if (sync === 'interval') return 'interval';
	throw new ConfigError(`Option 'sync' of a write takes true, false, 'always', 'interval' or 'never'; got ${String(sync)}.`);
}

/** How a read wants its result. */
export function readModeOf(options: ReadOptions | undefined, standard: Encoding): ReadMode {
	if (options !== undefined) checkNames(options, READ_OPTIONS);
	return encodingOf(options, standard) === 'utf8' ? READ_UTF8 : READ_BUFFER;
}

/** The encoding that a read asks for. */
export function encodingOf(options: ReadOptions | undefined, standard: Encoding): Encoding {
	const encoding = options?.encoding ?? standard;
	if (encoding === 'utf8' || encoding === 'buffer') return encoding;
	throw new ConfigError(`Option 'encoding' takes 'buffer' or 'utf8'; got ${String(encoding)}.`);
}

/** Does a read keep the blocks it reads in the block cache? */
export function fillCacheOf(options: ReadOptions | undefined): boolean {
	const fillCache = options?.fillCache ?? true;
	if (typeof fillCache !== 'boolean') throw new ConfigError("Option 'fillCache' takes true or false.");
	return fillCache;
}

/** Throws unless the options of an iterator are known and possible. */
export function checkIteratorOptions(options: IteratorOptions): void {
	checkNames(options, ITERATOR_OPTIONS);
	checkFlags(options, 'reverse', 'keys', 'values', 'fillCache');
	checkLimit(options.limit);
}

/** Throws unless the options of `clear` are known and possible; returns the durability they ask for. */
export function checkClearOptions(options: ClearOptions, standard: Durability): Durability {
	checkNames(options, CLEAR_OPTIONS);
	checkFlags(options, 'reverse');
	checkLimit(options.limit);
	return durability(options.sync, standard);
}

/** Throws unless the options of `compact` are bounds. */
export function checkRangeOptions(options: object): void {
	checkNames(options, RANGE_OPTIONS);
}

function checkFlags<O extends object>(options: O, ...names: (keyof O & string)[]): void {
	for (const name of names) {
		const value = options[name];
		if (value !== undefined && typeof value !== 'boolean') throw new ConfigError(`Option '${name}' takes true or false.`);
	}
}

function checkLimit(limit: number | undefined): void {
	if (limit === undefined || limit === Number.POSITIVE_INFINITY || (Number.isInteger(limit) && limit >= 0)) return;
	throw new ConfigError(`Option 'limit' takes an integer from 0, or Infinity; got ${String(limit)}.`);
}

function checkNames(options: object, known: readonly string[]): void {
	if (typeof options !== 'object' || options === null) throw new ConfigError('Options must be an object.');
	for (const name in options) {
		if (!known.includes(name)) throw new ConfigError(`Unknown option '${name}'. Known here: ${known.join(', ')}.`);
	}
}
