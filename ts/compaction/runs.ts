/** The tree as a row of sorted runs: each table of level 0 is one, and so is a whole deeper level. */
import { bytesOf, type TableShape } from './tree';

export interface Run {
	level: number;
	tables: readonly TableShape[];
	size: number;
	/** A running job reads some of it. */
	busy: boolean;
}

/** The runs of some levels, newest first. */
export function runsOf(levels: readonly (readonly TableShape[])[], busy: ReadonlySet<number>): Run[] {
	const groups = levels.flatMap((tables, level) =>
		level === 0 ? tables.map((table) => ({ level, tables: [table] })) : [{ level, tables }],
	);
	return groups
		.filter(({ tables }) => tables.length > 0)
		.map((group) => ({
			...group,
			size: bytesOf(group.tables),
			busy: group.tables.some((table) => busy.has(table.number)),
		}));
}

/**
 * The runs from an index on of which each is no larger than `ratio` times all before it: merging them writes an entry again only into a
 * run that is a good deal larger than the one it came from. Busy runs end them.
 */
export function similarRuns(runs: readonly Run[], from: number, ratio: number): Run[] {
	const similar: Run[] = [];
	let size = 0;
	for (const run of runs.slice(from)) {
		if (run.busy || (similar.length > 0 && run.size > size * ratio)) break;
		similar.push(run);
		size += run.size;
	}
	return similar;
}
