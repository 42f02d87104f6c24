/** Logs in memory, and what a reader makes of them. */
import type { ReadableFile, WritableFile } from '../../ts/fs/file-system';
import { crc32 } from '../../ts/kernel/js/crc32';
import { type LogEnd, LogReader } from '../../ts/log/log-reader';
import { LogWriter } from '../../ts/log/log-writer';

/** A file whose bytes are at hand. */
export function readable(bytes: Uint8Array): ReadableFile {
	const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
	const readSync = (target: Uint8Array, position: number) => buffer.copy(target, 0, Math.min(position, buffer.length));
	return {
		path: 'memory',
		readSync,
		read: async (target, position) => readSync(target, position),
		sizeSync: () => buffer.length,
		closeSync: () => undefined,
	};
}

/** A file that keeps what is written to it. */
export class Sink implements WritableFile {
	readonly path = 'memory';
	readonly writes: Buffer[] = [];
	syncs = 0;

	get bytes(): Buffer {
		return Buffer.concat(this.writes);
	}

	writeSync(data: Uint8Array, offset: number, length: number): number {
		this.writes.push(Buffer.from(data.subarray(offset, offset + length)));
		return length;
	}

	syncSync(): void {
		this.syncs++;
	}

	async sync(): Promise<void> {
		this.syncs++;
	}

	closeSync(): void {}
}

/** The bytes of a log with these records, and the end of each record in it. `synced`: with an fsync after each. */
export function logOf(records: readonly Uint8Array[], number = 7, synced = false): { bytes: Buffer; ends: number[] } {
	const sink = new Sink();
	const writer = new LogWriter(sink, number, crc32);
	const ends = records.map((record) => {
		writer.append(record, 0, record.length);
		if (synced) writer.syncSync();
		return writer.size;
	});
	return { bytes: sink.bytes, ends };
}

/** Everything that a reader returns. */
export function readLog(bytes: Uint8Array, number = 7): { records: Buffer[]; offsets: number[]; end: LogEnd } {
	const reader = new LogReader(readable(bytes), number, crc32);
	const records: Buffer[] = [];
	const offsets: number[] = [];
	for (let record = reader.next(); record !== undefined; record = reader.next()) {
		records.push(Buffer.from(record.data));
		offsets.push(record.offset);
	}
	return { records, offsets, end: reader.end };
}
