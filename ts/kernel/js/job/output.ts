/**
 * The output tables of a job.
 *
 * Invariants:
 *  1. A table is written as `<name>.tmp`, synced, renamed into place, and its directory synced, in that order: a name without
 *     `.tmp` is a whole table.
 *  2. A table is cut before an entry with another user key, once it has reached `tableSize`: versions of a key stay together.
 *  3. A table is cut where a user key of `cuts` lies between two entries or at the second.
 *  4. Range deletes are cut where tables are, at every cut too: each table has the parts that lie before the next one, and behind the
 *     one before. There may be a table of range deletes alone.
 *  5. `discard` leaves no file of the job behind.
 */
import { join } from 'node:path';
import { IOError, ResourceError, VarveError } from '../../../errors';
import type { FileSystem, WritableFile } from '../../../fs/file-system';
import { type JobOutput, KIND_DELETE, type TableSummary } from '../../kernel';
import { compareBytes, EMPTY } from '../bytes';
import type { Cursor } from '../cursor';
import { readSequence, TRAILER_SIZE } from '../internal-key';
import { KeyCopy } from '../key-copy';
import { compareKeys, keyIsBefore, partitionPoint, type RangeDelete } from '../range-delete';
import { TableWriter } from '../table/writer';

const TEMPORARY = '.tmp';
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** What is written of an entry. */
type OutputEntry = Pick<Cursor, 'keyBytes' | 'keyStart' | 'keyEnd' | 'valueBytes' | 'valueStart' | 'valueEnd'>;

/** Path of a job's output table. */
export function outputPath(output: JobOutput, number: number): string {
	const name = `${output.level}_${String(number).padStart(6, '0')}_${String(output.createdAt).padStart(20, '0')}.sst`;
	return join(output.directory, name);
}

/** Removes what a job may have left behind, when its thread cannot say what that is. */
export function removeOutputs(fileSystem: FileSystem, output: JobOutput): void {
	const end = output.firstNumber + output.numberCount;
	for (let number = output.firstNumber; number < end; number++) {
		const path = outputPath(output, number);
		removeIfThere(fileSystem, path + TEMPORARY);
		removeIfThere(fileSystem, path);
	}
}

export class OutputTables {
	readonly summaries: TableSummary[] = [];
	private writer: TableWriter | undefined;
	private file: WritableFile | undefined;
	private path = '';
	private nextNumber: number;
	/** How many cuts lie at or before the last entry. */
	private passedCuts = 0;
	/** Bytes of finished tables. */
	private finished = 0;
	/** Milliseconds since the epoch that the job takes for now. */
	readonly now: number;
	private readonly tombstone = new KeyCopy();

	/**
	 * @param cutSize bytes at which the next table starts
	 * @param cuts user keys, ascending
	 * @param rangeDeletes fragments in order; those that are in no table yet
	 */
	constructor(
		private readonly fileSystem: FileSystem,
		private readonly output: JobOutput,
		private readonly cutSize: number,
		private readonly cuts: readonly Uint8Array[],
		private rangeDeletes: readonly RangeDelete[],
	) {
		this.nextNumber = output.firstNumber;
		this.now = Number(output.createdAt / NANOSECONDS_PER_MILLISECOND);
	}

	/** Appends the entry that a cursor stands at. */
	add(entry: OutputEntry): void {
		const { keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd } = entry;
		try {
			this.passCuts(keyBytes, keyStart, keyEnd);
			let writer = this.writer ?? this.start();
			const order = writer.compareUserKey(keyBytes, keyStart, keyEnd);
			if (order < 0 && writer.cutSize >= this.cutSize) {
				this.finishBefore(Uint8Array.from(keyBytes.subarray(keyStart, keyEnd - TRAILER_SIZE)));
				writer = this.start();
			}
			writer.add(order, keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd);
		} catch (error) {
			throw this.failed(error);
		}
	}

	/** Appends a tombstone in the place of the entry that a cursor stands at, with its sequence number. */
	addTombstone({ keyBytes, keyStart, keyEnd }: OutputEntry): void {
		const { tombstone } = this;
		tombstone.set(keyBytes, keyStart, keyEnd - TRAILER_SIZE);
		const length = tombstone.withTrailer(readSequence(keyBytes, keyEnd - TRAILER_SIZE), KIND_DELETE);
		this.add({ keyBytes: tombstone.bytes, keyStart: 0, keyEnd: length, valueBytes: EMPTY, valueStart: 0, valueEnd: 0 });
	}

	/** Bytes written so far, about. */
	get written(): number {
		return this.finished + (this.writer?.storedSize ?? 0);
	}

	/** Finishes the last table, which takes the rest of the range deletes. */
	finish(): TableSummary[] {
		try {
			for (; this.passedCuts < this.cuts.length; this.passedCuts++) this.finishBefore(this.cuts[this.passedCuts]);
			this.finishTable(this.rangeDeletes);
		} catch (error) {
			throw this.failed(error);
		}
		return this.summaries;
	}

	/** Removes every file that the job made. */
	discard(): void {
		try {
			this.file?.closeSync();
		} catch {
			// The file goes away; what failed the job is reported.
		}
		if (this.path !== '') removeIfThere(this.fileSystem, this.path + TEMPORARY);
		for (let number = this.output.firstNumber; number < this.nextNumber; number++) {
			removeIfThere(this.fileSystem, outputPath(this.output, number));
		}
	}

	/** Cuts at the `cuts` up to the user key of the internal key `key[start, end)`. */
	private passCuts(key: Uint8Array, start: number, end: number): void {
		while (this.passedCuts < this.cuts.length) {
			const cut = this.cuts[this.passedCuts];
			if (compareBytes(key, start, end - TRAILER_SIZE, cut, 0, cut.length) < 0) return;
			this.passedCuts++;
			this.finishBefore(cut);
		}
	}

	private finishBefore(userKey: Uint8Array): void {
		this.finishTable(this.takeRangeDeletes(userKey));
	}

	private start(): TableWriter {
		const { output } = this;
		if (this.nextNumber >= output.firstNumber + output.numberCount) {
			throw new ResourceError(`the job needs more than the ${output.numberCount} file numbers set aside for it`);
		}
		this.path = outputPath(output, this.nextNumber);
		this.file = this.fileSystem.create(this.path + TEMPORARY);
		this.nextNumber++;
		this.writer = new TableWriter(this.file, output.table, output.createdAt);
		return this.writer;
	}

	/** Takes what lies before a user key; what reaches over it is cut in two. */
	private takeRangeDeletes(userKey: Uint8Array): RangeDelete[] {
		const count = partitionPoint(this.rangeDeletes, (one) => compareKeys(one.start, userKey) < 0);
		const before = this.rangeDeletes.slice(0, count);
		const reaches = (one: RangeDelete) => keyIsBefore(userKey, one.end);
		const rest = before.filter(reaches).map((one) => ({ ...one, start: userKey }));
		this.rangeDeletes = [...rest, ...this.rangeDeletes.slice(count)];
		return before.map((one) => (reaches(one) ? { ...one, end: userKey } : one));
	}

	/** Finishes the table that is being written, or one of range deletes alone, if there is something to write. */
	private finishTable(rangeDeletes: readonly RangeDelete[]): void {
		if (this.writer === undefined && rangeDeletes.length === 0) return;
		const writer = this.writer ?? this.start();
		const file = this.file as WritableFile;
		const { size, properties, rawDataBytes, storedDataBytes } = writer.finish(rangeDeletes);
		file.syncSync();
		this.file = undefined;
		this.writer = undefined;
		file.closeSync();
		this.fileSystem.renameSync(this.path + TEMPORARY, this.path);
		this.fileSystem.syncDirectorySync(this.output.directory);
		this.path = '';
		this.finished += size;
		this.summaries.push({
			number: this.nextNumber - 1,
			birthLevel: this.output.level,
			createdAt: this.output.createdAt,
			size,
			entries: properties.entries,
			tombstones: properties.tombstones,
			rangeDeletes: properties.rangeDeletes,
			smallestSequence: properties.smallestSequence,
			largestSequence: properties.largestSequence,
			smallestKey: new Uint8Array(properties.smallestKey),
			largestKey: new Uint8Array(properties.largestKey),
			rawDataBytes,
			storedDataBytes,
			expiry: properties.expiry,
		});
	}

	private failed(error: unknown): VarveError {
		if (error instanceof VarveError) return error;
		const message = `failed to write table ${this.path}: ${(error as Error).message}`;
		return new IOError(message, { path: this.path, cause: error });
	}
}

function removeIfThere(fileSystem: FileSystem, path: string): void {
	try {
		fileSystem.removeSync(path);
	} catch {
		// Not there, or not removable now: it is not in the manifest, so the next open removes it.
	}
}
