/**
 * The configuration as the manifest records it: a version number and JSON with sorted keys. The version goes up when an option
 * changes between two opens; the values before the change are kept beside the new ones.
 */
import type { StoreOptions } from '../types';
import { type ResolvedOptions, recordedOptions } from './schema';

/** What the manifest holds. */
export interface RecordedConfiguration {
	version: number;
	json: string;
}

/** The configuration in force. */
export interface Configuration {
	/** 1 for a new store; one more for each change. */
	version: number;
	options: ResolvedOptions;
	/** Options that the last change replaced, with their values before it. */
	previous: Partial<StoreOptions> | undefined;
}

/** A configuration as it was recorded: it may lack options. */
export type EarlierConfiguration = Pick<Configuration, 'version' | 'previous'> & { options: Partial<StoreOptions> };

/** Reads what {@link encodeConfiguration} wrote. */
export function decodeConfiguration({ version, json }: RecordedConfiguration): EarlierConfiguration {
	const { options, previous } = JSON.parse(json) as { options?: unknown; previous?: unknown };
	return { version, options: recordedOptions(options), previous: previous === undefined ? undefined : recordedOptions(previous) };
}

export function encodeConfiguration(configuration: Configuration): RecordedConfiguration {
	const { version, options, previous } = configuration;
	const json = JSON.stringify({ options: sorted(options), ...(previous === undefined ? {} : { previous: sorted(previous) }) });
	return { version, json };
}

/** The configuration after an open with `options` of a store that had another `before` (undefined: a new store). */
export function nextConfiguration(before: EarlierConfiguration | undefined, options: ResolvedOptions): Configuration {
	if (before === undefined) return { version: 1, options, previous: undefined };
	const changed = Object.entries(before.options).filter(([name, value]) => !isSame(options[name as keyof StoreOptions], value));
	if (changed.length === 0) return { version: before.version, options, previous: before.previous };
	return { version: before.version + 1, options, previous: Object.fromEntries(changed) };
}

/** Values of options are plain, or lists of plain ones. */
function isSame(a: unknown, b: unknown): boolean {
	return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function sorted(options: object): object {
	return Object.fromEntries(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
}
