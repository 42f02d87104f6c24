/** The body of a flush: one frozen memtable becomes one table of level 0, or none when it is empty; large values go to a blob file. */
import { BlobFiles } from '../blob/files';
import { FileCache } from '../file-cache';
import { MemtableCursor } from '../memtable/cursor';
import { Tree } from '../memtable/tree';
import { copyEntries, type FlushRequest, type JobEnvironment, type JobSteps, NO_BOUNDS } from './job';
import { OutputTables } from './output';
import { Retention } from './retention';
import { ValueOutput } from './values';

export function flushSteps(request: FlushRequest, environment: JobEnvironment): JobSteps {
	const tree = Tree.attach(request.memtable);
	const cursor = new MemtableCursor(tree);
	const retention = new Retention(request.snapshots, undefined, request.rangeDeletes);
	const output = new OutputTables(environment.fileSystem, request.output, Number.POSITIVE_INFINITY, [], retention.rangeDeletes());
	const size = tree.arena.used;
	const { fileSystem } = environment;
	const values = new ValueOutput(fileSystem, request.output.blobs, new BlobFiles(new FileCache(fileSystem, 1)));
	return copyEntries(cursor, NO_BOUNDS, retention, output, values, environment.cancelled, { entryBytes: size, reported: size });
}
