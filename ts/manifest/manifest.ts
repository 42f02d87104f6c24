/**
 * The manifest: a log of version edits that alone decides which tables live.
 *
 * Invariants:
 *  1. The first record is a snapshot of the whole state; each later record is one change, and all of it.
 *  2. A manifest is complete and synced, and its name durable, before CURRENT names it: at every moment CURRENT leads to a whole state.
 *  3. After a failed append or fsync the manifest takes no more edits, and nobody may delete a file: the edit may be on disk.
 *  4. One fsync at a time: a failure is reported to one of those that are under way, and the other would pass for a success.
 */
import { join } from 'node:path';
import { CorruptionError, IOError, VarveError } from '../errors';
import type { FileSystem } from '../fs/file-system';
import { LazyFile } from '../fs/lazy-file';
import type { Crc32 } from '../log/format';
import { LogReader } from '../log/log-reader';
import { LogWriter } from '../log/log-writer';
import { manifestFileName, parseManifestFileName, readCurrent, writeCurrent } from './current';
import { applyEdit, type ManifestState, snapshotEdit, stateOfSnapshot } from './state';
import { decodeVersionEdit, encodeVersionEdit, type VersionEdit } from './version-edit';

const SMALLEST_LIMIT = 1024 * 1024;
/** A manifest this many times larger than its snapshot is replaced. */
const GROWTH_LIMIT = 4;

/** Where the manifest is and what it is read with. */
export interface ManifestPlace {
	fileSystem: FileSystem;
	directory: string;
	crc32: Crc32;
}

/** A manifest as it was found. */
export interface RecoveredManifest {
	number: number;
	state: ManifestState;
	/** Bytes of its edits, when nothing stands behind them: so it can be appended to. */
	size: number | undefined;
}

/**
 * The live manifest, or `undefined` in a directory that holds no store.
 * @throws CorruptionError when it is damaged; an edit that a crash cut short is no damage.
 */
export function recoverManifest(place: ManifestPlace): RecoveredManifest | undefined {
	const number = readCurrent(place.fileSystem, place.directory);
	if (number === undefined) return undefined;
	const { state, damage, size } = readManifest(place, number);
	if (damage !== undefined) throw damage;
	return { number, state: state as ManifestState, size };
}

/** What can be read of a manifest. */
export interface ManifestContent {
	/** The state before the damage; `undefined` when not even the snapshot at the start is whole. */
	state: ManifestState | undefined;
	damage: CorruptionError | undefined;
	/** Bytes of the edits, when the file ends behind them. */
	size: number | undefined;
}

/** Reads a manifest up to its end or to the first damage. */
export function readManifest({ fileSystem, directory, crc32 }: ManifestPlace, number: number): ManifestContent {
	const path = join(directory, manifestFileName(number));
	const file = fileSystem.openRead(path);
	try {
		return readContent(new LogReader(file, number, crc32), path, file.sizeSync());
	} finally {
		file.closeSync();
	}
}

function readContent(reader: LogReader, path: string, fileSize: number): ManifestContent {
	let state: ManifestState | undefined;
	for (let record = reader.next(); record !== undefined; record = reader.next()) {
		try {
			const edit = decodeVersionEdit(record.data);
			state = state === undefined ? stateOfSnapshot(edit) : applyEdit(state, edit);
		} catch (cause) {
			if (!(cause instanceof CorruptionError)) throw cause;
			return { state, damage: damaged(path, record.offset, cause.message, cause), size: undefined };
		}
	}
	const { end } = reader;
	if (end.kind === 'damaged') return { state, damage: damaged(path, end.offset, end.reason), size: undefined };
	if (state === undefined) return { state, damage: damaged(path, 0, 'it holds no complete record'), size: undefined };
	return { state, damage: undefined, size: end.validEnd === fileSize ? fileSize : undefined };
}

function damaged(path: string, offset: number, reason: string, cause?: Error): CorruptionError {
	const message = `The manifest ${path} is damaged at byte ${offset}: ${reason}. Restore the store from a backup, or repair it with Database.repair.`;
	return new CorruptionError(message, { path, offset, cause });
}

/** Appends edits to the live manifest, and replaces it when it has grown too long. */
export class ManifestWriter {
	readonly #place: ManifestPlace;
	#state: ManifestState;
	#log: LogWriter;
	#limit: number;
	/** The fsync that is under way, whatever comes of it. */
	#syncing: Promise<void> | undefined;

	private constructor(place: ManifestPlace, state: ManifestState, log: LogWriter, limit: number) {
		this.#place = place;
		this.#state = state;
		this.#log = log;
		this.#limit = limit;
	}

	/**
	 * Writes a new manifest that begins with a state, makes it the live one, and removes the ones before it.
	 * @param number a file number that was never used; the state's next file number is above it.
	 */
	static create(place: ManifestPlace, state: ManifestState, number: number): ManifestWriter {
		const log = startManifest(place, state, number);
		removeOthers(place, number);
		return new ManifestWriter(place, state, log, limitOf(log.size));
	}

	/**
	 * Goes on in a manifest that was found, all of which must be durable; `undefined` when it cannot be appended to.
	 * @param manifest with its state, as it was found but for the file numbers that were used since
	 */
	static reopen(place: ManifestPlace, { number, size, state }: RecoveredManifest): ManifestWriter | undefined {
		// How large its snapshot was is not known: one that may have grown is replaced.
		if (size === undefined || size > SMALLEST_LIMIT) return undefined;
		const path = join(place.directory, manifestFileName(number));
		const file = new LazyFile(path, () => place.fileSystem.openAppend(path));
		return new ManifestWriter(place, state, new LogWriter(file, number, place.crc32, size), SMALLEST_LIMIT);
	}

	/** What the manifest describes, with edits that are not durable yet. */
	get state(): ManifestState {
		return this.#state;
	}

	/** Appends an edit. */
	append(edit: VersionEdit): void {
		const state = applyEdit(this.#state, edit);
		const record = encodeVersionEdit(edit);
		this.#log.append(record, 0, record.length);
		this.#state = state;
	}

	/** Makes what was appended durable; not while another call is under way. */
	async sync(): Promise<void> {
		const synced = this.#log.sync();
		const ended = synced.catch(() => undefined);
		this.#syncing = ended;
		try {
			await synced;
		} finally {
			if (this.#syncing === ended) this.#syncing = undefined;
		}
	}

	/** As {@link sync}, on the calling thread. */
	syncSync(): void {
		this.#log.syncSync();
	}

	/** Is a call of {@link sync} under way? Then only a new manifest makes an edit durable. */
	get isSyncing(): boolean {
		return this.#syncing !== undefined;
	}

	/** Has the manifest grown so long that it should be replaced? */
	get isLong(): boolean {
		return this.#log.size > this.#limit;
	}

	/** Goes on in a new manifest that begins with the present state, which is durable then. */
	rotate(number: number): void {
		const state = { ...this.#state, nextFileNumber: Math.max(this.#state.nextFileNumber, number + 1) };
		const log = startManifest(this.#place, state, number);
		this.#closeLog();
		this.#log = log;
		this.#state = state;
		this.#limit = limitOf(log.size);
		removeOthers(this.#place, number);
	}

	close(): void {
		this.#closeLog();
	}

	/** An fsync that is under way keeps the file. */
	#closeLog(): void {
		const log = this.#log;
		if (this.#syncing === undefined) log.close();
		else this.#syncing.then(() => log.close()).catch(() => undefined);
		this.#syncing = undefined;
	}
}

/** Size at which a manifest whose snapshot has so many bytes is replaced. */
function limitOf(snapshotSize: number): number {
	return Math.max(SMALLEST_LIMIT, GROWTH_LIMIT * snapshotSize);
}

function startManifest({ fileSystem, directory, crc32 }: ManifestPlace, state: ManifestState, number: number): LogWriter {
	const path = join(directory, manifestFileName(number));
	let log: LogWriter | undefined;
	try {
		log = new LogWriter(fileSystem.create(path), number, crc32);
		const record = encodeVersionEdit(snapshotEdit(state));
		log.append(record, 0, record.length);
		log.syncSync();
		fileSystem.syncDirectorySync(directory);
		writeCurrent(fileSystem, directory, number);
		return log;
	} catch (cause) {
		log?.close();
		if (cause instanceof VarveError) throw cause;
		throw new IOError(`The manifest ${path} could not be made: ${(cause as Error).message}.`, { cause, path });
	}
}

/** A manifest that is not the live one is of no use; one that cannot be removed now is tried again at the next change of manifests. */
function removeOthers({ fileSystem, directory }: ManifestPlace, live: number): void {
	for (const name of fileSystem.listSync(directory)) {
		const number = parseManifestFileName(name);
		if (number === undefined || number === live) continue;
		try {
			fileSystem.removeSync(join(directory, name));
		} catch {
			// Not the live one: harmless.
		}
	}
}
