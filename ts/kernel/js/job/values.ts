/**
 * Where the values of a job's outputs lie: in the tables, or in blob files.
 *
 * Invariants:
 *  1. A value that the job has in hand (of a put, or read from a blob file that is collected) goes to a blob file of its own when it has at
 *     least `threshold` bytes, and into the table otherwise.
 *  2. Any other pointer passes as it is: its value is neither read nor copied.
 *  3. Each record of a blob file that the job writes is referred to by one entry of its output tables: their references add up to the file.
 *  4. `discard` leaves no file behind.
 */
import { join } from 'node:path';
import { CorruptionError, IOError, ResourceError, VarveError } from '../../../errors';
import type { FileSystem } from '../../../fs/file-system';
import { type BlobOutput, blobFileName, KIND_PUT, KIND_VALUE_POINTER } from '../../kernel';
import type { ValueOwner } from '../blob/file';
import type { BlobFiles } from '../blob/files';
import { MOST_POINTER_BYTES, readPointer, type ValuePointer, writePointer } from '../blob/pointer';
import { BlobWriter } from '../blob/writer';
import { copyBytes, EMPTY, grow } from '../bytes';
import type { Cursor } from '../cursor';
import { readSequence, TRAILER_SIZE } from '../internal-key';
import { NewFile, removeNewFile } from './new-file';

/** An entry as a table takes it. */
export type Entry = Pick<Cursor, 'keyBytes' | 'keyStart' | 'keyEnd' | 'valueBytes' | 'valueStart' | 'valueEnd'>;

/** Removes the blob files that a job may have left behind, when its thread cannot say which. */
export function removeBlobOutputs(fileSystem: FileSystem, output: BlobOutput | undefined): void {
	if (output === undefined) return;
	const { directory, firstNumber, numberCount } = output;
	for (let i = 0; i < numberCount; i++) removeNewFile(fileSystem, directory, blobFileName(firstNumber + i));
}

export class ValueOutput {
	private readonly collect: ReadonlySet<number>;
	private current: { target: NewFile; writer: BlobWriter } | undefined;
	private nextNumber: number;
	/** Bytes of finished files. */
	private finished = 0;
	/** The entry that was placed last, where it is not the one that came in. */
	private readonly placed = { keyBytes: EMPTY, keyStart: 0, keyEnd: 0, valueBytes: EMPTY, valueStart: 0, valueEnd: 0 };
	private readonly pointer: Buffer = Buffer.alloc(MOST_POINTER_BYTES);

	/** @param output undefined: values stay where they are */
	constructor(
		private readonly fileSystem: FileSystem,
		private readonly output: BlobOutput | undefined,
		private readonly files: BlobFiles,
	) {
		this.collect = new Set(output?.collect);
		this.nextNumber = output?.firstNumber ?? 0;
	}

	/** Should the entry be left out, because its value is lost? Asked by a salvage only; others fail when they need the value. */
	isLost(entry: Entry): boolean {
		if (this.output?.salvage !== true || entry.keyBytes[entry.keyEnd - TRAILER_SIZE] !== KIND_VALUE_POINTER) return false;
		try {
			const pointer = pointerOf(entry);
			if (this.isCollected(pointer)) this.files.read(pointer, ownerOf(entry));
			else this.files.valueLength(pointer, ownerOf(entry));
			return false;
		} catch (error) {
			if (error instanceof CorruptionError) return true;
			throw error;
		}
	}

	/** The entry as it goes into the table; good until the next call. */
	place(entry: Entry): Entry {
		if (this.output === undefined) return entry;
		const kind = entry.keyBytes[entry.keyEnd - TRAILER_SIZE];
		if (kind === KIND_PUT && entry.valueEnd - entry.valueStart >= this.output.threshold) return this.separate(this.output, entry);
		if (kind !== KIND_VALUE_POINTER) return entry;
		const pointer = pointerOf(entry);
		if (!this.isCollected(pointer)) return entry;
		const value = this.files.read(pointer, ownerOf(entry));
		const { keyBytes, keyStart, keyEnd } = entry;
		const taken = { keyBytes, keyStart, keyEnd, valueBytes: value, valueStart: 0, valueEnd: value.length };
		return value.length >= this.output.threshold
			? this.separate(this.output, taken)
			: this.result(taken, KIND_PUT, value, value.length);
	}

	/** Bytes written so far, about. */
	get written(): number {
		return this.finished + (this.current?.writer.size ?? 0);
	}

	/** Finishes the last file. */
	finish(): void {
		const { current } = this;
		if (current === undefined) return;
		const { target, writer } = current;
		try {
			this.finished += writer.finish();
			target.finish();
		} catch (error) {
			throw writeFailed(target.path, error);
		}
		this.current = undefined;
	}

	/** Removes every file that the job made. */
	discard(): void {
		this.current?.target.abandon();
		if (this.output === undefined) return;
		removeBlobOutputs(this.fileSystem, { ...this.output, numberCount: this.nextNumber - this.output.firstNumber });
	}

	private isCollected({ file }: ValuePointer): boolean {
		return this.collect.has(file) || (this.output?.salvage === true && !this.files.has(file));
	}

	private separate(output: BlobOutput, entry: Entry): Entry {
		const { keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd } = entry;
		if (this.current !== undefined && this.current.writer.size >= output.fileSize) this.finish();
		this.current ??= this.start(output);
		const { target, writer } = this.current;
		try {
			const pointer = writer.add(keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd);
			return this.result(entry, KIND_VALUE_POINTER, this.pointer, writePointer(this.pointer, 0, pointer));
		} catch (error) {
			throw writeFailed(target.path, error);
		}
	}

	private start(output: BlobOutput): { target: NewFile; writer: BlobWriter } {
		if (this.nextNumber >= output.firstNumber + output.numberCount) {
			throw new ResourceError(`the job needs more than the ${output.numberCount} numbers of blob files set aside for it`);
		}
		const name = blobFileName(this.nextNumber);
		try {
			const target = new NewFile(this.fileSystem, output.directory, name);
			const writer = new BlobWriter(target.file, this.nextNumber);
			this.nextNumber++;
			return { target, writer };
		} catch (error) {
			throw writeFailed(join(output.directory, name), error);
		}
	}

	/** The entry with another kind and value. */
	private result({ keyBytes, keyStart, keyEnd }: Entry, kind: number, value: Buffer, valueEnd: number): Entry {
		const { placed } = this;
		placed.keyEnd = keyEnd - keyStart;
		placed.keyBytes = grow(placed.keyBytes, 0, placed.keyEnd);
		copyBytes(keyBytes, keyStart, keyEnd, placed.keyBytes, 0);
		placed.keyBytes[placed.keyEnd - TRAILER_SIZE] = kind;
		placed.valueBytes = value;
		placed.valueEnd = valueEnd;
		return placed;
	}
}

function pointerOf({ valueBytes, valueStart, valueEnd }: Entry): ValuePointer {
	const pointer = readPointer(valueBytes, valueStart, valueEnd);
	if (pointer === undefined) throw new CorruptionError('a value pointer is malformed');
	return pointer;
}

function ownerOf({ keyBytes, keyStart, keyEnd }: Entry): ValueOwner {
	const end = keyEnd - TRAILER_SIZE;
	return { key: keyBytes, start: keyStart, end, sequence: readSequence(keyBytes, end) };
}

function writeFailed(path: string, error: unknown): VarveError {
	if (error instanceof VarveError) return error;
	return new IOError(`failed to write blob file ${path}: ${(error as Error).message}`, { path, cause: error });
}
