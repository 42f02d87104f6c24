/**
 * The blob files of a damaged store: which there are, and which of them are whole.
 *
 * Invariants:
 *  1. Nothing is moved or removed here. A file counts as damaged only when its own bytes say so: a failure of the operating system ends the
 *     repair.
 *  2. No more memory is taken than the largest record needs, and no record is larger than its file.
 */
import { CorruptionError } from '../errors';
import type { FileSystem, ReadableFile } from '../fs/file-system';
import { type BlobCounts, checksumMatches, decodeEnds, FOOTER_SIZE, HEADER_SIZE, readLengths } from '../kernel/js/blob/format';
import { recordSize } from '../kernel/js/blob/pointer';
import { BLOB_FILE_ENDS, type BlobSpec, blobFileName } from '../kernel/kernel';
import type { ManifestState } from '../manifest/state';
import type { StoreFiles } from '../store/store-files';

/** Bytes that hold the checksum and the lengths of a record. */
const LENGTHS_SIZE = 18;

export interface BlobSurvey {
	/** All that are there, with their sizes on disk. */
	files: BlobSpec[];
	/** Those that are not whole. */
	damaged: BlobSpec[];
	/** Names that the manifest lists without a file. */
	missing: string[];
}

/** Reads every blob file from its beginning to its end. */
export function surveyBlobs(fileSystem: FileSystem, files: StoreFiles, state: ManifestState | undefined): BlobSurvey {
	const numbers = files.blobNumbers();
	const survey: BlobSurvey = { files: [], damaged: [], missing: [] };
	for (const number of numbers) {
		const { path } = files.blobSpec(number, 0);
		const file = fileSystem.openRead(path);
		try {
			const spec = { number, path, size: file.sizeSync() };
			survey.files.push(spec);
			if (!isWhole(file, spec)) survey.damaged.push(spec);
		} finally {
			file.closeSync();
		}
	}
	for (const number of state?.version.blobs.keys() ?? []) {
		if (!numbers.includes(number)) survey.missing.push(blobFileName(number));
	}
	return survey;
}

function isWhole(file: ReadableFile, { path, size }: BlobSpec): boolean {
	if (size < BLOB_FILE_ENDS) return false;
	const footerAt = size - FOOTER_SIZE;
	try {
		const counts = decodeEnds(read(file, 0, HEADER_SIZE), read(file, footerAt, FOOTER_SIZE), path, footerAt);
		return areWhole(file, footerAt, counts);
	} catch (error) {
		if (error instanceof CorruptionError) return false;
		throw error;
	}
}

function areWhole(file: ReadableFile, end: number, counts: BlobCounts): boolean {
	let at = HEADER_SIZE;
	let records = 0;
	let valueBytes = 0;
	while (at < end) {
		const lengths = readLengths(read(file, at, Math.min(LENGTHS_SIZE, end - at)));
		const length = lengths === undefined ? Number.POSITIVE_INFINITY : recordSize(lengths.key, lengths.value);
		if (lengths === undefined || at + length > end || !checksumMatches(read(file, at, length))) return false;
		at += length;
		records++;
		valueBytes += lengths.value;
	}
	return records === counts.records && valueBytes === counts.valueBytes;
}

function read(file: ReadableFile, offset: number, length: number): Buffer {
	const bytes = Buffer.allocUnsafeSlow(length);
	const count = file.readSync(bytes, offset);
	return bytes.subarray(0, count);
}
