/**
 * Opening a store: lock, manifest, tables and logs. Where the last owner has left the directory clean and the options are the same, nothing
 * is written: the manifest is appended to at the next change, and a log made by the next write. Else what was found is made durable, and a new
 * manifest begun.
 *
 * Invariants:
 *  1. No file is deleted before manifest, tables and logs have been read without an error.
 *  2. Whatever fails, the engine is closed and the directory unlocked again.
 *  3. A crash at any step leaves a directory that the next open recovers to the same state.
 *  4. Nothing is deleted or written on the strength of what was read before that is durable: a process that has died may have written
 *     what only the page cache holds.
 */
import { resolve } from 'node:path';
import { checkStrategyChange } from '../compaction/strategy';
import { type Environment, systemEnvironment } from '../environment';
import { ConfigError, CorruptionError, IOError, NotFoundError, VarveError } from '../errors';
import { TypedEmitter } from '../events';
import type { FileSystem } from '../fs/file-system';
import type { Kernel, KernelEngine, TableSpec } from '../kernel/kernel';
import { loadKernel } from '../kernel/load';
import type { DirectoryLock } from '../lock/lock';
import { holdsStore } from '../manifest/current';
import { refuseLevelDb } from '../manifest/level-db';
import { ManifestWriter, type RecoveredManifest, recoverManifest } from '../manifest/manifest';
import type { ManifestState } from '../manifest/state';
import { Version } from '../manifest/version';
import { compressionAt, warnOfFallback } from '../options/compression';
import { type Configuration, decodeConfiguration, encodeConfiguration, nextConfiguration } from '../options/configuration';
import { memtableSizeWithin } from '../options/memory-limit';
import { checkOpenOptions, resolveOptions } from '../options/schema';
import { Counters } from '../store/counters';
import { Health } from '../store/health';
import { recoverLogs } from '../store/recovery';
import { Store } from '../store/store';
import { StoreFiles } from '../store/store-files';
import { VersionSet } from '../store/version-set';
import type { OpenOptions } from '../types';
import { WalWriter } from '../wal/wal-writer';

/** So few tables are opened on the calling thread: sooner than another thread would have answered. */
const FEW_TABLES = 4;

/**
 * Opens the store in a directory.
 * @param environment files, time and lock; tests bring their own.
 */
export async function openStore(
	path: string,
	options: OpenOptions,
	environment: Environment = systemEnvironment,
	kernel?: Kernel,
): Promise<Store> {
	if (typeof path !== 'string' || path === '') throw new ConfigError('The path of a store must be a string that is not empty.');
	checkOpenOptions(options);
	const chosen = kernel ?? (await loadKernel(options.kernel ?? 'auto'));
	const root = resolve(path);
	const counters = new Counters();
	const files = new StoreFiles(root, environment.fileSystem, counters);
	const changed = prepareDirectory(files, options, environment.fileSystem);
	const lock = environment.lock(root);
	try {
		files.syncDirectories(lock.isClean ? changed : [root, ...changed]);
		return await recover({ root, options, environment, kernel: chosen, files, counters, lock });
	} catch (error) {
		lock.release(false);
		throw error instanceof VarveError ? error : ioError(root, error);
	}
}

interface Opening {
	root: string;
	options: OpenOptions;
	environment: Environment;
	kernel: Kernel;
	files: StoreFiles;
	counters: Counters;
	lock: DirectoryLock;
}

/** Answers the directories that are to be synced. */
function prepareDirectory(files: StoreFiles, options: OpenOptions, fileSystem: FileSystem): string[] {
	try {
		refuseLevelDb(fileSystem, files.root);
		if (options.createIfMissing === false) checkHoldsStore(fileSystem, files.root);
		return files.makeDirectories();
	} catch (cause) {
		throw cause instanceof VarveError ? cause : ioError(files.root, cause);
	}
}

/** So that a directory which is somebody else's stays as it is. */
function checkHoldsStore(fileSystem: FileSystem, root: string): void {
	if (!fileSystem.existsSync(root) || !holdsStore(fileSystem, root)) throw notFound(root);
}

function notFound(path: string): NotFoundError {
	return new NotFoundError(`The store at ${path} does not exist. Open with createIfMissing: true to make one.`, { path });
}

async function recover(opening: Opening): Promise<Store> {
	const { root, options, environment, kernel, counters } = opening;
	const place = { fileSystem: environment.fileSystem, directory: root, crc32: kernel.crc32 };
	const recorded = recoverManifest(place);
	checkExistence(recorded, options, root);
	const before = recorded && decodeConfiguration(recorded.state.configuration);
	const resolved = resolveOptions(before?.options ?? {}, options);
	if (recorded !== undefined)
		checkStrategyChange(
			before?.options.compactionStrategy ?? 'leveled',
			resolved.compactionStrategy,
			recorded.state.version.levels,
		);
	warnOfFallback(resolved, kernel);
	const configuration = nextConfiguration(before, resolved);
	const engine = kernel.createEngine({ cacheBytes: resolved.cacheSize, maxOpenFiles: resolved.maxOpenFiles });
	try {
		const events = new TypedEmitter();
		const health = new Health(root, events);
		return await assemble(opening, recorded, configuration, engine, events, health, counters);
	} catch (error) {
		await engine.close();
		throw error;
	}
}

function checkExistence(recorded: RecoveredManifest | undefined, options: OpenOptions, root: string): void {
	if (recorded === undefined && options.createIfMissing === false) throw notFound(root);
	if (recorded !== undefined && options.errorIfExists === true) {
		throw new ConfigError(`The store at ${root} exists already, and errorIfExists is set.`, { path: root });
	}
}

async function assemble(
	opening: Opening,
	recorded: RecoveredManifest | undefined,
	configuration: Configuration,
	engine: KernelEngine,
	events: TypedEmitter,
	health: Health,
	counters: Counters,
): Promise<Store> {
	const { root, options, environment, kernel, files, lock } = opening;
	const { fileSystem } = environment;
	const state = recorded?.state ?? newState(configuration);
	openBlobs(files, engine, state.version);
	const lazy = configuration.options.tableLoading === 'lazy';
	const tables = state.version.levels.flat();
	await openTables(
		engine,
		tables.map((table) => files.tableSpec(table, lazy)),
	);
	const found = files.find(tables);
	const manifestNumber = Math.max(state.nextFileNumber, found.highestNumber + 1);
	if (configuration.options.blobThreshold !== false) files.makeBlobDirectory();
	const walNumber = manifestNumber + 1;
	const { memtables, sequence, manyLogs } = recoverLogs({
		environment,
		engine,
		files,
		crc32: kernel.crc32,
		memtableSize: memtableSizeWithin(configuration.options, kernel.name),
		logNumber: state.logNumber,
		lastSequence: state.lastSequence,
		salvage: options.salvage ?? false,
		isClean: lock.isClean,
		walNumbers: found.walNumbers,
		nextWalNumber: walNumber,
	});
	const fresh: ManifestState = {
		...state,
		configuration: encodeConfiguration(configuration),
		logNumber: memtables.oldestWalNumber(),
		nextFileNumber: walNumber + 1,
	};
	const manifest = openManifest(opening, recorded, fresh, manifestNumber);
	const createWal = (number: number) => WalWriter.create(fileSystem, files.walDirectory, number, kernel.crc32);
	const wal = createWal(walNumber);
	files.removeLogsBelow(manifest.state.logNumber);
	files.removeUnlistedTables(found, new Set(tables.map((table) => table.number)));
	files.removeUnlistedBlobs(state.version.blobs);
	const store = new Store(
		{
			path: root,
			kernelName: kernel.name,
			environment,
			configuration,
			compressionAt: (level) => compressionAt(configuration.options.compression, level, kernel),
			engine,
			events,
			health,
			counters,
			files,
			versions: new VersionSet(manifest.state, manifest, engine, files, health),
			memtables,
			sequence,
			createWal,
			unlock: (isClean) => lock.release(isClean),
		},
		wal,
	);
	store.start();
	// A flush that fails is reported, and tried again in the background: the data is in the logs.
	if (manyLogs) await store.flush().catch(() => undefined);
	return store;
}

/** The live manifest, if it can go on; else a new one. */
function openManifest(
	{ root, environment, kernel, lock }: Opening,
	recorded: RecoveredManifest | undefined,
	fresh: ManifestState,
	number: number,
): ManifestWriter {
	const place = { fileSystem: environment.fileSystem, directory: root, crc32: kernel.crc32 };
	if (lock.isClean && recorded !== undefined && recorded.state.configuration.json === fresh.configuration.json) {
		const state = { ...recorded.state, nextFileNumber: fresh.nextFileNumber };
		const reopened = ManifestWriter.reopen(place, { ...recorded, state });
		if (reopened !== undefined) return reopened;
	}
	return ManifestWriter.create(place, fresh, number);
}

async function openTables(engine: KernelEngine, specs: TableSpec[]): Promise<void> {
	if (specs.length <= FEW_TABLES) engine.openTablesSync(specs);
	else await engine.openTables(specs);
}

/** Makes the blob files known. What they hold is checked value by value, when it is read. */
function openBlobs(files: StoreFiles, engine: KernelEngine, { blobs }: Version): void {
	if (blobs.size === 0) return;
	const present = new Set(files.blobNumbers());
	const specs = [...blobs].map(([number, size]) => files.blobSpec(number, size));
	const missing = specs.find(({ number }) => !present.has(number));
	if (missing !== undefined) {
		const { path } = missing;
		const advice = 'restore it from a backup, or repair the store with Database.repair';
		throw new CorruptionError(`${path} is listed by the manifest but missing: ${advice}`, { path, offset: 0 });
	}
	engine.addBlobs(specs);
}

function newState(configuration: Configuration): ManifestState {
	return {
		version: Version.empty,
		configuration: encodeConfiguration(configuration),
		logNumber: 1,
		nextFileNumber: 1,
		lastSequence: 0,
		compactionPointers: new Map(),
	};
}

function ioError(path: string, cause: unknown): IOError {
	const error = cause as NodeJS.ErrnoException;
	const advice =
		error.code === 'EEXIST' || error.code === 'ENOTDIR'
			? 'A file is where the directory should be; choose another path.'
			: 'Check that the directory can be written and that the disk has space.';
	return new IOError(`The store at ${path} cannot be opened: ${error.message}. ${advice}`, { cause, path: error.path ?? path });
}
