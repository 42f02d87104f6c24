/** Names of blob files, and how many of their bytes something still refers to. */
import { BLOB_END, BLOB_FILE_ENDS, type BlobReference } from '../kernel/kernel';
import { parseNumberedName } from '../numbered-name';

/** What has values in blob files. */
export interface WithBlobs {
	readonly blobReferences?: readonly BlobReference[] | undefined;
}

/** The number in a name, or `undefined` when it is no name of a blob file. */
export function parseBlobFileName(name: string): number | undefined {
	return parseNumberedName(name, '', BLOB_END);
}

/** Bytes that tables refer to, by the number of the blob file, ascending. */
export function referencedBytes(tables: readonly WithBlobs[]): Map<number, number> {
	const bytes = new Map<number, number>();
	for (const { blobReferences = [] } of tables) {
		for (const [file, count] of blobReferences) bytes.set(file, (bytes.get(file) ?? 0) + count);
	}
	return new Map([...bytes].sort(([a], [b]) => a - b));
}

/** Numbers and sizes of the blob files that a job has written, of the numbers from `first` on that were set aside for it. */
export function writtenBlobFiles(
	outputs: readonly WithBlobs[],
	numbers: { firstNumber: number; numberCount: number } | undefined,
): BlobReference[] {
	if (numbers === undefined) return [];
	const isNew = (file: number) => file >= numbers.firstNumber && file < numbers.firstNumber + numbers.numberCount;
	return [...referencedBytes(outputs)].filter(([file]) => isNew(file)).map(([file, bytes]) => [file, bytes + BLOB_FILE_ENDS]);
}
