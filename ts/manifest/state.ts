/** The state that a manifest describes: what is left when all its edits are applied in order. */
import { ConfigError, CorruptionError } from '../errors';
import type { RecordedConfiguration } from '../options/configuration';
import { Version } from './version';
import type { VersionEdit } from './version-edit';

/** The format version that this code writes, and the highest that it reads. */
export const FORMAT_VERSION = 1;

export interface ManifestState {
	readonly version: Version;
	readonly configuration: RecordedConfiguration;
	/** Logs below hold nothing that tables do not. */
	readonly logNumber: number;
	readonly nextFileNumber: number;
	/** Highest sequence number that tables hold. */
	readonly lastSequence: number;
	/** User keys by level. */
	readonly compactionPointers: ReadonlyMap<number, Uint8Array>;
}

/** The edit that alone describes a whole state: the first record of a manifest. */
export function snapshotEdit(state: ManifestState): VersionEdit {
	return {
		formatVersion: FORMAT_VERSION,
		configuration: state.configuration,
		logNumber: state.logNumber,
		nextFileNumber: state.nextFileNumber,
		lastSequence: state.lastSequence,
		compactionPointers: [...state.compactionPointers],
		deletedTables: [],
		addedTables: state.version.levels.flatMap((tables, level) => tables.map((table): [number, typeof table] => [level, table])),
		addedBlobs: [...state.version.blobs],
	};
}

/** The state that a snapshot edit describes. */
export function stateOfSnapshot(edit: VersionEdit): ManifestState {
	const { formatVersion, configuration, logNumber, nextFileNumber, lastSequence } = edit;
	if (formatVersion !== undefined && formatVersion > FORMAT_VERSION) {
		throw new ConfigError(
			`The store was written by a newer Varve: it has format version ${formatVersion}, and this one reads up to ${FORMAT_VERSION}. ` +
				'Open it with the newer version.',
		);
	}
	if (
		formatVersion === undefined ||
		configuration === undefined ||
		logNumber === undefined ||
		nextFileNumber === undefined ||
		lastSequence === undefined
	) {
		throw new CorruptionError('The first record of the manifest is no snapshot of the store.');
	}
	return {
		version: Version.empty.apply(edit),
		configuration,
		logNumber,
		nextFileNumber,
		lastSequence,
		compactionPointers: new Map(edit.compactionPointers),
	};
}

/** The state after one more edit. */
export function applyEdit(state: ManifestState, edit: VersionEdit): ManifestState {
	return {
		version: state.version.apply(edit),
		configuration: edit.configuration ?? state.configuration,
		logNumber: edit.logNumber ?? state.logNumber,
		nextFileNumber: edit.nextFileNumber ?? state.nextFileNumber,
		lastSequence: edit.lastSequence ?? state.lastSequence,
		compactionPointers: new Map([...state.compactionPointers, ...edit.compactionPointers]),
	};
}
