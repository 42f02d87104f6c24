/** What a store counts while it is open; see `DatabaseStats` for the meaning of each. Bytes unless the name says otherwise. */
export class Counters {
	puts = 0;
	deletes = 0;
	gets = 0;
	batches = 0;
	userBytes = 0;
	walBytes = 0;
	walSyncs = 0;
	flushedBytes = 0;
	compactionReadBytes = 0;
	compactedBytes = 0;
	flushes = 0;
	compactions = 0;
	droppedTables = 0;
	stalls = 0;
	stallMilliseconds = 0;
	undeletedFiles = 0;
}
