/**
 * The options: their defaults, limits and checks in one table.
 *
 * Invariants:
 *  1. An unknown option, a wrong type or an impossible value is a ConfigError before any file is touched.
 *  2. Every option of `StoreOptions` is recorded in the manifest; what an open does not name keeps its recorded value.
 */
import { ConfigError } from '../errors';
import { DEFAULT_MAX_OPEN_FILES } from '../kernel/kernel';
import { LEVELS } from '../limits';
import type { Compression, OpenOptions, StoreOptions } from '../types';
import { compressionNames } from './compression';

/** Answers what an option takes, for a value that it does not take. */
interface Check {
	(value: unknown): string | undefined;
	/** Limits of an option that takes integers. */
	range?: [least: number, most: number];
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const integer = (least: number, most: number): Check => {
	const check: Check = (value) =>
		Number.isInteger(value) && (value as number) >= least && (value as number) <= most
			? undefined
			: `an integer from ${least} to ${most}`;
	check.range = [least, most];
	return check;
};
const oneOf =
	(...choices: unknown[]): Check =>
	(value) =>
		choices.includes(value) ? undefined : `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`;
const boolean = oneOf(true, false);
const numberFrom =
	(least: number, most: number): Check =>
	(value) =>
		typeof value === 'number' && value >= least && value <= most ? undefined : `a number from ${least} to ${most}`;
const threads: Check = (value) =>
	value === 'auto' || (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 64)
		? undefined
		: "'auto' or an integer from 1 to 64";
const memoryLimit: Check = (value) =>
	value === false || (Number.isInteger(value) && (value as number) >= 8 * MIB && (value as number) <= 1024 * GIB)
		? undefined
		: `false or an integer from ${8 * MIB} to ${1024 * GIB}`;
const seconds = integer(0, 100 * 365 * 86_400);
const ratioOrFalse: Check = (value) =>
	value === false || (typeof value === 'number' && value >= 0.01 && value <= 1) ? undefined : 'false or a number from 0.01 to 1';
const threshold: Check = (value) =>
	value === false || (Number.isInteger(value) && (value as number) >= 16 && (value as number) <= GIB)
		? undefined
		: `false or an integer from 16 to ${GIB}`;
const filterRate: Check = (value) =>
	value === false || (typeof value === 'number' && value >= 0.0001 && value <= 0.5)
		? undefined
		: 'false or a number from 0.0001 to 0.5';
const filterBits: Check = (value) =>
	value === false || (typeof value === 'number' && value >= 1 && value <= 40) ? undefined : 'false or a number from 1 to 40';

const compression: Check = (value) => {
	const names: unknown[] = Array.isArray(value) ? value : [value];
	return names.length > 0 && names.length <= LEVELS && names.every((name) => compressionNames.includes(name as Compression))
		? undefined
		: `${compressionNames.map((name) => `'${name}'`).join(', ')}, or a list of 1 to ${LEVELS} of them`;
};

const storeSchema: { [K in keyof Required<StoreOptions>]: { default: Required<StoreOptions>[K]; check: Check } } = {
	sync: { default: 'always', check: oneOf('always', 'interval', 'never') },
	syncIntervalMs: { default: 100, check: integer(1, 3_600_000) },
	syncIntervalBytes: { default: 4 * MIB, check: integer(1, GIB) },
	memtableSize: { default: 32 * MIB, check: integer(4 * KIB, GIB) },
	maxImmutableMemtables: { default: 3, check: integer(1, 64) },
	cacheSize: { default: 64 * MIB, check: integer(0, 1024 * GIB) },
	memoryLimit: { default: false, check: memoryLimit },
	maxOpenFiles: { default: DEFAULT_MAX_OPEN_FILES, check: integer(16, 1_000_000) },
	tableLoading: { default: 'eager', check: oneOf('eager', 'lazy') },
	blockSize: { default: 4 * KIB, check: integer(64, 16 * MIB) },
	restartInterval: { default: 8, check: integer(1, 1024) },
	filterFalsePositiveRate: { default: 0.01, check: filterRate },
	compression: { default: 'lz4', check: compression },
	zstdLevel: { default: 3, check: integer(1, 22) },
	filterPolicy: { default: 'blocked-bloom', check: oneOf('blocked-bloom', 'bloom') },
	filterBitsPerKey: { default: false, check: filterBits },
	filterAllocation: { default: 'uniform', check: oneOf('uniform', 'levels') },
	filterBottomLevel: { default: true, check: boolean },
	filterAdaptive: { default: false, check: boolean },
	tableSize: { default: 16 * MIB, check: integer(4 * KIB, GIB) },
	compactionStrategy: { default: 'leveled', check: oneOf('leveled', 'tiered', 'fifo') },
	level0CompactionTrigger: { default: 4, check: integer(1, 1000) },
	level0SlowdownTrigger: { default: 6, check: integer(2, 10_000) },
	level0StopTrigger: { default: 12, check: integer(3, 10_000) },
	compactionDebtSlowdown: { default: 4 * GIB, check: integer(MIB, 1024 * GIB) },
	compactionDebtStop: { default: 32 * GIB, check: integer(MIB, 1024 * GIB) },
	compactionThreads: { default: 'auto', check: threads },
	compactionRateLimit: { default: 0, check: integer(0, 1024 * GIB) },
	levelBaseSize: { default: 64 * MIB, check: integer(4 * KIB, 1024 * GIB) },
	levelMultiplier: { default: 10, check: integer(2, 100) },
	tieredMaxRuns: { default: 8, check: integer(2, 1000) },
	tieredSizeRatio: { default: 1.25, check: numberFrom(1, 10) },
	tieredMaxSpaceAmplification: { default: 3, check: numberFrom(1.1, 100) },
	fifoMaxSize: { default: GIB, check: integer(4 * KIB, 1024 * GIB) },
	fifoMaxAgeSeconds: { default: 0, check: seconds },
	tombstoneRatio: { default: 0.5, check: ratioOrFalse },
	compactionPeriodSeconds: { default: 0, check: seconds },
	blobThreshold: { default: false, check: threshold },
	blobGarbageRatio: { default: 0.5, check: ratioOrFalse },
};

const openSchema: Record<Exclude<keyof OpenOptions, keyof StoreOptions>, Check> = {
	kernel: oneOf('auto', 'native', 'js'),
	createIfMissing: boolean,
	errorIfExists: boolean,
	salvage: boolean,
	encoding: oneOf('buffer', 'utf8'),
	latencyStats: boolean,
};

/** Options in force, all of them. */
export type ResolvedOptions = Required<StoreOptions>;

/** The defaults of all options that the manifest records. */
export const defaultStoreOptions: Readonly<ResolvedOptions> = Object.freeze(
	Object.fromEntries(Object.entries(storeSchema).map(([name, entry]) => [name, entry.default])),
) as Readonly<ResolvedOptions>;

/** Throws a ConfigError unless every option of an open is known and possible. */
export function checkOpenOptions(options: unknown): asserts options is OpenOptions {
	if (typeof options !== 'object' || options === null) throw new ConfigError('The options of Database.open must be an object.');
	for (const [name, value] of Object.entries(options)) {
		if (value === undefined) continue;
		const check = checkOf(name);
		if (check === undefined) throw new ConfigError(`Unknown option '${name}'. ${nearest(name)}`);
		const expected = check(value);
		if (expected !== undefined) throw new ConfigError(`Option '${name}' is ${show(value)}; it takes ${expected}.`);
	}
}

/**
 * Merges defaults, recorded and given options.
 * @throws ConfigError when options contradict each other.
 */
export function resolveOptions(recorded: Partial<StoreOptions>, given: OpenOptions): ResolvedOptions {
	const merged: Record<string, unknown> = { ...defaultStoreOptions };
	for (const source of [recorded, given] as Record<string, unknown>[]) {
		for (const name of Object.keys(storeSchema)) if (source[name] !== undefined) merged[name] = copyOf(source[name]);
	}
	const options = merged as unknown as ResolvedOptions;
	options.filterBitsPerKey = filterBitsOf(options, given);
	ordered(options, 'level0CompactionTrigger', 'level0SlowdownTrigger');
	ordered(options, 'level0SlowdownTrigger', 'level0StopTrigger');
	ordered(options, 'compactionDebtSlowdown', 'compactionDebtStop');
	checkStrategy(options, given);
	return options;
}

/** A list may be changed by whoever gave it. */
function copyOf(value: unknown): unknown {
	return Array.isArray(value) ? [...value] : value;
}

/** Rate and bits say the same thing in two ways: the one that was given last counts. */
function filterBitsOf(merged: ResolvedOptions, given: OpenOptions): number | false {
	if (given.filterFalsePositiveRate === undefined) return merged.filterBitsPerKey;
	const { filterBitsPerKey = false, filterFalsePositiveRate: rate } = given;
	if (filterBitsPerKey === false) return false;
	throw new ConfigError(
		`Options 'filterBitsPerKey' (${filterBitsPerKey}) and 'filterFalsePositiveRate' (${rate}) exclude each other; give one.`,
	);
}

/** A number moved into the limits of an option; what is no number is left to the check. */
export function clampOption<T>(name: keyof StoreOptions, value: T): T | number {
	const { range } = storeSchema[name].check;
	if (typeof value !== 'number' || Number.isNaN(value) || range === undefined) return value;
	return Math.min(Math.max(Math.floor(value), range[0]), range[1]);
}

/**
 * Checks the options of the strategy in force that this open names. Recorded ones may contradict each other, from a time when they were
 * not checked or through a change of others: strategies do their work all the same, and such a store must open, for repair too.
 */
function checkStrategy({ compactionStrategy: strategy, ...options }: ResolvedOptions, given: OpenOptions): void {
	if (strategy === 'leveled' && given.levelBaseSize !== undefined) ordered(options, 'tableSize', 'levelBaseSize');
	if (strategy === 'fifo' && given.fifoMaxSize !== undefined) ordered(options, 'memtableSize', 'fifoMaxSize');
}

type NumericOption =
	| 'level0CompactionTrigger'
	| 'level0SlowdownTrigger'
	| 'level0StopTrigger'
	| 'compactionDebtSlowdown'
	| 'compactionDebtStop'
	| 'tableSize'
	| 'levelBaseSize'
	| 'memtableSize'
	| 'fifoMaxSize';

function ordered(options: Pick<ResolvedOptions, NumericOption>, less: NumericOption, more: NumericOption): void {
	if (options[less] <= options[more]) return;
	throw new ConfigError(`Option '${less}' (${options[less]}) must not be greater than '${more}' (${options[more]}).`);
}

/** The recorded options in a configuration of the manifest; values that no longer pass their check are left out. */
export function recordedOptions(json: unknown): Partial<StoreOptions> {
	const options: Record<string, unknown> = {};
	if (typeof json !== 'object' || json === null) return options;
	for (const [name, value] of Object.entries(json)) {
		const entry = storeSchema[name as keyof StoreOptions];
		// Most are defaults, which need no check: it would be the first call of each.
		if (entry !== undefined && (value === entry.default || entry.check(value) === undefined)) options[name] = value;
	}
	return options;
}

function checkOf(name: string): Check | undefined {
	if (Object.hasOwn(storeSchema, name)) return storeSchema[name as keyof StoreOptions].check;
	return Object.hasOwn(openSchema, name) ? openSchema[name as keyof typeof openSchema] : undefined;
}

function nearest(name: string): string {
	const known = [...Object.keys(storeSchema), ...Object.keys(openSchema)];
	const match = known.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
	return match === undefined ? `Known options: ${known.join(', ')}.` : `Did you mean '${match}'?`;
}

function show(value: unknown): string {
	return typeof value === 'string' ? `'${value}'` : Array.isArray(value) ? `[${value.map(show).join(', ')}]` : String(value);
}
