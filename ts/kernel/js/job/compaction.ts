/**
 * The body of a compaction: sorted runs of tables become new tables.
 *
 * Invariant: the job opens its inputs itself and closes them when it ends, in whatever way.
 */
import type { TableSpec } from '../../kernel';
import { BlobFiles } from '../blob/files';
import { FileCache } from '../file-cache';
import { Level, LevelCursor } from '../level-cursor';
import { MergeCursor } from '../merge/cursor';
import { Table } from '../table/reader';
import {
	type CompactionRequest,
	clip,
	copyEntries,
	ENTRY_BYTES,
	type InputSize,
	type JobEnvironment,
	type JobSteps,
} from './job';
import { OutputTables } from './output';
import { Retention } from './retention';
import { SequentialBlocks } from './sequential-blocks';
import { ValueOutput } from './values';
import { Warming } from './warming';

/** Of each job: it reads one table of each run at a time, and blob files that it collects. */
const MOST_OPEN_FILES = 16;

export function* compactionSteps(request: CompactionRequest, environment: JobEnvironment): JobSteps {
	const inputs: Table[] = [];
	const files = new FileCache(environment.fileSystem, MOST_OPEN_FILES);
	const blobs = new BlobFiles(files);
	blobs.add(request.blobs);
	try {
		const levels = request.runs.map((run) => new Level(openRun(files, run, inputs)));
		const warming = new Warming(request.cached, environment.keepBlock);
		const cursor = new MergeCursor(levels.map((level) => new LevelCursor(level, new SequentialBlocks(warming))));
		const rangeDeletes = inputs.flatMap((table) => table.rangeDeletes.all).flatMap((one) => clip(one, request.bounds));
		const retention = new Retention(request.snapshots, request.keepTombstones, rangeDeletes);
		const { fileSystem } = environment;
		const { tableSize } = request.output.table;
		const output = new OutputTables(fileSystem, request.output, tableSize, request.cuts, retention.rangeDeletes(), warming);
		const values = new ValueOutput(fileSystem, request.output.blobs, blobs);
		return yield* copyEntries(cursor, request.bounds, retention, output, values, environment.cancelled, inputSize(inputs));
	} finally {
		blobs.clear();
		for (const table of inputs) table.release();
	}
}

function openRun(files: FileCache, run: TableSpec[], inputs: Table[]): Table[] {
	return run.map((spec) => {
		const table = Table.open(files, spec);
		inputs.push(table);
		return table;
	});
}

function inputSize(inputs: Table[]): InputSize {
	const size = { entryBytes: 0, reported: 0 };
	for (const table of inputs) {
		const { properties } = table.load();
		size.entryBytes += properties.rawKeyBytes + properties.rawValueBytes + ENTRY_BYTES * properties.entries;
		size.reported += table.size;
	}
	return size;
}
