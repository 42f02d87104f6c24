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
	rawDataBytes = 0;
	storedDataBytes = 0;
	flushes = 0;
	compactions = 0;
	droppedTables = 0;
	/** Memtable bytes that a second of flushing takes in: a moving average, which begins with what a slow disk does. */
	flushBytesPerSecond = 64 * 1024 * 1024;
	stalls = 0;
	slowdowns = 0;
	stallMilliseconds = 0;
	undeletedFiles = 0;

	/** Counts a flush of so many bytes of memtable to so many bytes of table. */
	flushed(memtableBytes: number, tableBytes: number, milliseconds: number): void {
		this.flushes++;
		this.flushedBytes += tableBytes;
		const rate = (memtableBytes * 1000) / Math.max(1, milliseconds);
		this.flushBytesPerSecond += (rate - this.flushBytesPerSecond) / 4;
	}
}
