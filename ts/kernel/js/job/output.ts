/**
 * The output tables of a job.
 *
 * Invariants:
 *  1. A name without `.tmp` is a whole table, see ./new-file.
 *  2. A table is cut before an entry with another user key, once it has reached `tableSize`: versions of a key stay together.
 *  3. A table is cut where a user key of `cuts` lies between two entries or at the second.
 *  4. Range deletes are cut where tables are, at every cut too: each table has the parts that lie before the next one, and behind the
 *     one before. There may be a table of range deletes alone.
 *  5. A summary says to which blob files its table refers, and to how many bytes of them.
 *  6. `discard` leaves no file of the job behind.
 */
import { join } from 'node:path';
import { CorruptionError, IOError, ResourceError, VarveError } from '../../../errors';
import type { FileSystem } from '../../../fs/file-system';
import { type JobOutput, KIND_DELETE, KIND_VALUE_POINTER, type TableSummary } from '../../kernel';
import { readPointer, recordSize } from '../blob/pointer';
import { compareBytes, EMPTY } from '../bytes';
import { readSequence, TRAILER_SIZE } from '../internal-key';
import { KeyCopy } from '../key-copy';
import { compareKeys, keyIsBefore, partitionPoint, type RangeDelete } from '../range-delete';
import { TableWriter } from '../table/writer';
import { NewFile, removeNewFile } from './new-file';
import { type Entry, removeBlobOutputs } from './values';
import type { Warming } from './warming';

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** Name of a job's output table. */
function outputName(output: JobOutput, number: number): string {
	return `${output.level}_${String(number).padStart(6, '0')}_${String(output.createdAt).padStart(20, '0')}.sst`;
}

/** Removes what a job may have left behind, when its thread cannot say what that is. */
export function removeOutputs(fileSystem: FileSystem, output: JobOutput): void {
	const end = output.firstNumber + output.numberCount;
	for (let number = output.firstNumber; number < end; number++) {
		removeNewFile(fileSystem, output.directory, outputName(output, number));
	}
	removeBlobOutputs(fileSystem, output.blobs);
}

export class OutputTables {
	readonly summaries: TableSummary[] = [];
	private writer: TableWriter | undefined;
	private target: NewFile | undefined;
	/** Bytes of records that the current table refers to, by blob file. */
	private blobReferences = new Map<number, number>();
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
	 * @param warming is told of each data block that is written
	 */
	constructor(
		private readonly fileSystem: FileSystem,
		private readonly output: JobOutput,
		private readonly cutSize: number,
		private readonly cuts: readonly Uint8Array[],
		private rangeDeletes: readonly RangeDelete[],
		private readonly warming?: Warming,
	) {
		this.nextNumber = output.firstNumber;
		this.now = Number(output.createdAt / NANOSECONDS_PER_MILLISECOND);
	}

	/** Appends an entry. */
	add(entry: Entry): void {
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
			if (keyBytes[keyEnd - TRAILER_SIZE] === KIND_VALUE_POINTER) this.countReference(entry);
		} catch (error) {
			throw this.failed(error);
		}
	}

	/** Appends a tombstone in the place of an entry, with its sequence number. */
	addTombstone({ keyBytes, keyStart, keyEnd }: Entry): void {
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
		this.target?.abandon();
		for (let number = this.output.firstNumber; number < this.nextNumber; number++) {
			removeNewFile(this.fileSystem, this.output.directory, outputName(this.output, number));
		}
	}

	private countReference({ keyStart, keyEnd, valueBytes, valueStart, valueEnd }: Entry): void {
		const pointer = readPointer(valueBytes, valueStart, valueEnd);
		if (pointer === undefined) throw new CorruptionError('a value pointer is malformed');
		const bytes = recordSize(keyEnd - keyStart, pointer.length);
		this.blobReferences.set(pointer.file, (this.blobReferences.get(pointer.file) ?? 0) + bytes);
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
		this.path = join(output.directory, outputName(output, this.nextNumber));
		this.target = new NewFile(this.fileSystem, output.directory, outputName(output, this.nextNumber));
		const number = this.nextNumber++;
		const writer = new TableWriter(this.target.file, output.table, output.createdAt);
		writer.onDataBlock = (position, contents, size) => this.warming?.wrote(number, position, contents, size);
		this.writer = writer;
		return writer;
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
		const { size, properties, rawDataBytes, storedDataBytes } = writer.finish(rangeDeletes);
		this.target?.finish();
		this.target = undefined;
		this.writer = undefined;
		const blobReferences = [...this.blobReferences].sort(([a], [b]) => a - b);
		this.blobReferences = new Map();
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
			...(blobReferences.length === 0 ? {} : { blobReferences }),
			expiry: properties.expiry,
		});
	}

	private failed(error: unknown): VarveError {
		if (error instanceof VarveError) return error;
		const message = `failed to write table ${this.path}: ${(error as Error).message}`;
		return new IOError(message, { path: this.path, cause: error });
	}
}
