/**
 * The manifest of a damaged store, as far as it can be read.
 *
 * Invariant: a manifest that a newer Varve has written is an error here too, never a reason to write an older one in its place.
 */
import { CorruptionError } from '../errors';
import { parseManifestFileName, readCurrent } from './current';
import { type ManifestPlace, readManifest } from './manifest';
import type { ManifestState } from './state';

export interface SalvagedManifest {
	state: ManifestState;
	/** Nothing in the file is known to be damaged. Its end may be missing all the same. */
	whole: boolean;
}

/** The manifest that CURRENT names, else the newest one whose snapshot can be read; `undefined` when there is none. */
export function salvageManifest(place: ManifestPlace): SalvagedManifest | undefined {
	for (const number of manifestNumbers(place)) {
		const { state, damage } = readManifest(place, number);
		if (state !== undefined) return { state, whole: damage === undefined };
	}
	return undefined;
}

/** The live one first, then the newest. */
function manifestNumbers(place: ManifestPlace): number[] {
	const numbers = place.fileSystem.listSync(place.directory).map(parseManifestFileName);
	const descending = numbers.filter((number) => number !== undefined).sort((a, b) => b - a);
	const live = liveNumber(place);
	return live === undefined ? descending : [live, ...descending.filter((number) => number !== live)];
}

function liveNumber({ fileSystem, directory }: ManifestPlace): number | undefined {
	try {
		return readCurrent(fileSystem, directory);
	} catch (error) {
		if (error instanceof CorruptionError) return undefined;
		throw error;
	}
}
