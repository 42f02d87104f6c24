/** The compaction that a user asks for. */
import { BOTTOM_LEVEL } from '../limits';
import { type Compaction, inputTables, type LevelInput, reachOf } from './compaction';
import { hull, type KeyRange, overlapping } from './key-range';
import { isFree, type TreeView } from './tree';

/**
 * The compaction that merges all tables overlapping a range (undefined: all tables) into the bottom level; undefined when there are none,
 * `'blocked'` while running jobs are in its way. Takes whatever overlaps the tables it takes, so that no newer version is left below an
 * older one.
 */
export function pickFullCompaction(tree: TreeView, range: KeyRange | undefined): Compaction | 'blocked' | undefined {
	let inputs = overlappingByLevel(tree, range);
	if (inputs.length === 0) return undefined;
	for (let count = 0; range !== undefined && count < inputTables({ inputs }).length; ) {
		count = inputTables({ inputs }).length;
		inputs = overlappingByLevel(tree, hull([range, reachOf({ inputs })]));
	}
	const { level } = inputs[0];
	if (!isFree(tree, level, BOTTOM_LEVEL, inputTables({ inputs }), reachOf({ inputs }))) return 'blocked';
	const cause = { kind: 'merge', reason: 'manual', priority: Number.POSITIVE_INFINITY } as const;
	return { ...cause, level, outputLevel: BOTTOM_LEVEL, inputs, pointer: undefined, cuts: [] };
}

function overlappingByLevel(tree: TreeView, range: KeyRange | undefined): LevelInput[] {
	return tree.levels
		.map((tables, level) => ({ level, tables: range === undefined ? [...tables] : overlapping(tables, range) }))
		.filter(({ tables }) => tables.length > 0);
}
