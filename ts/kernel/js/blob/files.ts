/**
 * The blob files of one store, by number.
 *
 * Invariant: a file is known from before a table that refers to it is read until no version that anybody reads lists it; then it is dropped
 * and closed.
 */
import { CorruptionError } from '../../../errors';
import type { BlobSpec } from '../../kernel';
import type { FileCache } from '../file-cache';
import { BlobFile, type ValueOwner } from './file';
import type { ValuePointer } from './pointer';

export class BlobFiles {
	private readonly files = new Map<number, BlobFile>();

	constructor(private readonly openFiles: FileCache) {}

	add(specs: readonly BlobSpec[]): void {
		for (const spec of specs) this.files.set(spec.number, new BlobFile(this.openFiles, spec));
	}

	remove(numbers: Iterable<number>): void {
		for (const number of numbers) {
			this.files.get(number)?.close();
			this.files.delete(number);
		}
	}

	/** Closes and forgets all. */
	clear(): void {
		this.remove([...this.files.keys()]);
	}

	has(number: number): boolean {
		return this.files.has(number);
	}

	/** Those that are known, in the order in which they were added. */
	specs(): BlobSpec[] {
		return [...this.files.values()].map(({ spec }) => spec);
	}

	/** The length of the value of an entry, which its pointer may claim only within its file. Reads no file. */
	valueLength(pointer: ValuePointer, owner: ValueOwner): number {
		this.file(pointer).check(pointer, owner);
		return pointer.length;
	}

	/** The value of an entry, in memory of its own. */
	read(pointer: ValuePointer, owner: ValueOwner): Buffer {
		return this.file(pointer).read(pointer, owner);
	}

	/** As {@link read}, off the calling thread. */
	async readAsync(pointer: ValuePointer, owner: ValueOwner): Promise<Buffer> {
		return this.file(pointer).readAsync(pointer, owner);
	}

	private file({ file: number }: ValuePointer): BlobFile {
		const file = this.files.get(number);
		if (file !== undefined) return file;
		throw new CorruptionError(`a value pointer names blob file ${number}, which the store does not have`);
	}
}
