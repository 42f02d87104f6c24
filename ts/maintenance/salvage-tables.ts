/**
 * The tables of a damaged store: which there are, which of them are part of it, and one sorted run out of those that can be read.
 *
 * Invariants:
 *  1. Nothing is moved or removed here. A table counts as damaged only when its own bytes say so: a failure of the operating system ends
 *     the repair.
 *  2. The order of runs does not matter to the merge. An internal key carries its sequence number, and two entries with the same one are
 *     the same entry, of which the merge keeps the first.
 */
import { basename } from 'node:path';
import { compareBytes } from '../bytes';
import { mostOutputs } from '../compaction/most-outputs';
import { CorruptionError } from '../errors';
import type { FileSystem } from '../fs/file-system';
import { FileCache } from '../kernel/js/file-cache';
import type { TableProperties } from '../kernel/js/table/properties';
import { Table } from '../kernel/js/table/reader';
import type { JobOutput, KernelEngine, TableSpec, TableSummary } from '../kernel/kernel';
import type { ManifestState } from '../manifest/state';
import { endOf, isBefore, tableFileName, userKeyOf } from '../manifest/table-metadata';

/** A table that is open in the engine; its number there is its place among those that were tried. */
export interface SalvagedTable {
	name: string;
	spec: TableSpec;
	properties: TableProperties;
}

export interface TableSurvey {
	/** Part of the store, and open in the engine. */
	readable: SalvagedTable[];
	/** Names of files that are no whole table. */
	damaged: string[];
	/** Names that the manifest lists without a file. */
	missing: string[];
	/** The manifest lists exactly what is part of the store. */
	listed: boolean;
}

export interface SurveyInput {
	fileSystem: FileSystem;
	engine: KernelEngine;
	/** Names of the tables that are there, and the path of each. */
	names: readonly string[];
	pathOf(name: string): string;
	/** What the manifest says. */
	state: ManifestState | undefined;
	/** The manifest has no damage. */
	whole: boolean;
	/** Has an earlier repair, which did not come to its end, moved the table of this name away? */
	wasSetAside(name: string): boolean;
}

/**
 * Opens the tables that are there and finds those that are part of the store.
 *
 * They are the listed ones when the manifest is whole and no listed one is missing. If one is, or the manifest is damaged, it may be older
 * than the tables: then all of them count. Tables with entries newer than any that the manifest knows count in every case.
 */
export async function surveyTables(input: SurveyInput): Promise<TableSurvey> {
	const { names, state } = input;
	const listed = new Map((state?.version.levels.flat() ?? []).map((table) => [tableFileName(table), table.size]));
	const missing = [...listed.keys()].filter((name) => !names.includes(name));
	const all = state === undefined || !input.whole || !missing.every(input.wasSetAside);
	const survey: TableSurvey = { readable: [], damaged: [], missing, listed: !all };
	for (const [position, name] of names.entries()) {
		const table = await openTable(input, name, position, listed.get(name));
		if (table === undefined) survey.damaged.push(name);
		else if (listed.has(name)) survey.readable.push(table);
		else if (all || table.properties.largestSequence > state.lastSequence) {
			survey.readable.push(table);
			survey.listed = false;
		}
	}
	return survey;
}

/** Opens a table in the engine; `undefined` when it is damaged. */
async function openTable(
	{ fileSystem, engine, pathOf }: SurveyInput,
	name: string,
	number: number,
	listedSize: number | undefined,
): Promise<SalvagedTable | undefined> {
	const path = pathOf(name);
	try {
		const spec = { number, path, size: listedSize ?? sizeOf(fileSystem, path) };
		const table = Table.open(new FileCache(fileSystem, 1), spec);
		const { properties } = table.load();
		table.release();
		await engine.openTables([spec]);
		return { name, spec, properties };
	} catch (error) {
		if (error instanceof CorruptionError) return undefined;
		throw error;
	}
}

function sizeOf(fileSystem: FileSystem, path: string): number {
	const file = fileSystem.openRead(path);
	try {
		return file.sizeSync();
	} finally {
		file.closeSync();
	}
}

export interface Merge {
	outputs: TableSummary[];
	/** What the outputs hold. */
	merged: SalvagedTable[];
	/** Names of tables that were taken out. */
	damaged: string[];
}

/**
 * Merges tables into the newest version of each key, without tombstones. A table with a damaged block is taken out and told; the merge begins again
 * without it.
 */
export async function mergeTables(engine: KernelEngine, tables: readonly SalvagedTable[], output: JobOutput): Promise<Merge> {
	const damaged: string[] = [];
	let merged = [...tables];
	while (merged.length > 0) {
		const job = {
			runs: sortedRuns(merged),
			snapshots: [],
			keepTombstones: [],
			output,
		};
		try {
			return { outputs: await engine.compact(job).done, merged, damaged };
		} catch (error) {
			const culprit = error instanceof CorruptionError ? merged.find(({ name }) => name === nameOf(error)) : undefined;
			if (culprit === undefined) throw error;
			damaged.push(culprit.name);
			merged = merged.filter((table) => table !== culprit);
		}
	}
	return { outputs: [], merged, damaged };
}

/** Files of a size that a merge of these tables needs at most, which takes the values out of blob files. */
export function numbersToMerge(tables: readonly SalvagedTable[], fileSize: number, blobs: readonly { size: number }[]): number {
	const sum = (bytes: (properties: TableProperties) => number) =>
		tables.reduce((total, { properties }) => total + bytes(properties), 0);
	const blobBytes = blobs.reduce((total, { size }) => total + size, 0);
	return mostOutputs(
		sum(({ rawKeyBytes, rawValueBytes }) => rawKeyBytes + rawValueBytes) + blobBytes,
		sum(({ entries }) => entries),
		fileSize,
	);
}

/** Tables in as few runs as there are tables over one key: the merge holds a window of each run in memory. */
function sortedRuns(tables: readonly SalvagedTable[]): number[][] {
	const ordered = [...tables].sort((a, b) => compareBytes(smallest(a), smallest(b)));
	const runs: SalvagedTable[][] = [];
	for (const table of ordered) {
		const run = runs.find((candidate) => !isBefore(smallest(table), endOf(candidate[candidate.length - 1].properties)));
		if (run === undefined) runs.push([table]);
		else run.push(table);
	}
	return runs.map((run) => run.map(({ spec }) => spec.number));
}

function smallest({ properties }: SalvagedTable): Uint8Array {
	return userKeyOf(properties.smallestKey);
}

function nameOf({ path }: CorruptionError): string | undefined {
	return path === undefined ? undefined : basename(path);
}
