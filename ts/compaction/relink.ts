/** Moves or drops tables: an edit of the version, and nothing else. */
import type { TableMetadata } from '../manifest/table-metadata';
import type { StoreContext } from '../store/context';
import { type Compaction, inputTables } from './compaction';

/** Answers the tables that were moved. */
export async function relink(store: StoreContext, compaction: Compaction): Promise<TableMetadata[]> {
	const { versions, counters } = store;
	const { kind, level, outputLevel, inputs, pointer } = compaction;
	const numbers = new Set(inputTables(compaction).map((table) => table.number));
	const moved = kind === 'move' ? versions.current.levels.flat().filter((table) => numbers.has(table.number)) : [];
	await versions.apply(
		{
			compactionPointers: pointer === undefined ? [] : [[level, pointer]],
			deletedTables: inputs.flatMap((input) => input.tables.map(({ number }): [number, number] => [input.level, number])),
			addedTables: moved.map((table) => [outputLevel, table]),
		},
		() => store.installView(),
	);
	if (kind === 'drop') counters.droppedTables += numbers.size;
	return moved;
}
