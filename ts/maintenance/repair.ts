/**
 * Makes a store that opens out of what can be read of a damaged one.
 *
 * All tables that can be read become one sorted run in the deepest level; a new manifest lists it; the logs are replayed behind it.
 *
 * Invariants:
 *  1. A crash, or an error, at any step leaves a directory that another repair brings to the same state: until the new manifest is live,
 *     tables are only added, or moved to `lost`.
 *  2. Nothing that a repair cannot use is removed: damaged tables move to `lost`, damaged blob files and logs that are not replayed whole are
 *     copied there.
 *  3. What replaced tables held is removed by the usual removal of unlisted tables, once the new manifest is live.
 *
 * Values stay in their blob files, but for those in damaged ones: what can be read there goes into new files, and an entry whose value cannot be
 * read counts as lost. A blob file with a damaged header or footer is lost as a whole.
 *
 * What cannot be known: where a table or a value is lost, older versions of its keys show again, and keys that it deleted. Where the manifest is lost,
 * the same goes for a table that had been merged away and could not be removed yet.
 */
import { join, resolve } from 'node:path';
import { openStore } from '../database/open';
import { type Environment, systemEnvironment } from '../environment';
import { ConfigError, IOError, NotFoundError, VarveError } from '../errors';
import {
	type BlobOutput,
	type BlobReference,
	type BlobSpec,
	blobFileName,
	type Kernel,
	type KernelEngine,
	type TableSummary,
} from '../kernel/kernel';
import { type KernelChoice, loadKernel } from '../kernel/load';
import { BOTTOM_LEVEL } from '../limits';
import type { DirectoryLock } from '../lock/lock';
import { writtenBlobFiles } from '../manifest/blob-files';
import { holdsStore } from '../manifest/current';
import { refuseLevelDb } from '../manifest/level-db';
import { ManifestWriter } from '../manifest/manifest';
import { type SalvagedManifest, salvageManifest } from '../manifest/salvage';
import type { ManifestState } from '../manifest/state';
import { Version } from '../manifest/version';
import { compressionAt, warnOfFallback } from '../options/compression';
import {
	decodeConfiguration,
	encodeConfiguration,
	nextConfiguration,
	type RecordedConfiguration,
} from '../options/configuration';
import { type FilterSettings, settingsOfBits } from '../options/filter-policy';
import { type ResolvedOptions, resolveOptions } from '../options/schema';
import { tableOptionsOf } from '../options/table-options';
import { Counters } from '../store/counters';
import { uniformFilterSettings } from '../store/filter-sizing';
import { StoreFiles } from '../store/store-files';
import { walFileName } from '../wal/wal-file-name';
import { LostFiles } from './lost-files';
import { type BlobSurvey, surveyBlobs } from './salvage-blobs';
import { type LogSurvey, surveyLogs } from './salvage-logs';
import { type Merge, mergeTables, numbersToMerge, type SalvagedTable, surveyTables, type TableSurvey } from './salvage-tables';

/** What a repair has found and done. */
export interface RepairReport {
	/** `'kept'`: the manifest was whole and named the tables. `'rebuilt'`: the tables were found by looking at the files. */
	manifest: 'kept' | 'rebuilt';
	/** Tables that were read whole. */
	tables: number;
	/** Names of damaged tables, now in `lost`. */
	lostTables: string[];
	/**
	 * Names of tables that the manifest lists and that are not there. They are lost, unless the manifest was older than the tables, which
	 * then hold the same entries under other names, or an earlier repair has moved them to `lost`.
	 */
	missingTables: string[];
	/** Names of damaged blob files; copies are in `lost`. Of each, the values that could be read are kept. */
	lostBlobs: string[];
	/** Names of blob files that the manifest lists and that are not there. Their values are lost. */
	missingBlobs: string[];
	/** Logs that were replayed. */
	logs: number;
	/** Names of logs that were not replayed to their end; their copies are in `lost`. */
	lostLogs: string[];
	/** Sequence number of the last operation that is there. */
	sequence: number;
}

interface Repair {
	root: string;
	environment: Environment;
	kernel: Kernel;
	files: StoreFiles;
	lost: LostFiles;
	lock: DirectoryLock;
}

/**
 * Repairs the store in a directory; one that is healthy keeps all it has. Every table is read and written anew: the disk needs as much free
 * space as the tables take. The options that the manifest records stay, if they can be read.
 * @throws NotFoundError when there is no file of a store, LockedError when the store is open, ConfigError for a directory of LevelDB or of a
 * newer Varve. IOError when the disk fails or is full: nothing is lost, call again.
 */
export async function repairStore(
	path: string,
	options: { kernel?: KernelChoice } = {},
	environment: Environment = systemEnvironment,
	kernel?: Kernel,
): Promise<RepairReport> {
	if (typeof path !== 'string' || path === '') throw new ConfigError('The path of a store must be a string that is not empty.');
	const chosen = kernel ?? (await loadKernel(options.kernel ?? 'auto'));
	const root = resolve(path);
	const { fileSystem } = environment;
	let lock: DirectoryLock | undefined;
	try {
		checkHoldsStore(root, environment);
		lock = environment.lock(root);
		const files = new StoreFiles(root, fileSystem, new Counters());
		files.syncDirectories([root, ...files.makeDirectories()]);
		return await repair({ root, environment, kernel: chosen, files, lost: new LostFiles(fileSystem, root), lock });
	} catch (cause) {
		if (cause instanceof VarveError) throw cause;
		const error = cause as NodeJS.ErrnoException;
		throw new IOError(`The store at ${root} could not be repaired: ${error.message}. Nothing is lost by that; repair it again.`, {
			cause,
			path: error.path ?? root,
		});
	} finally {
		lock?.release(false);
	}
}

function checkHoldsStore(root: string, { fileSystem }: Environment): void {
	refuseLevelDb(fileSystem, root);
	if (fileSystem.existsSync(root) && holdsStore(fileSystem, root)) return;
	throw new NotFoundError(`There is no file of a store in ${root}, so there is nothing to repair.`, { path: root });
}

async function repair(repair: Repair): Promise<RepairReport> {
	const { root, environment, kernel, files, lost } = repair;
	const place = { fileSystem: environment.fileSystem, directory: root, crc32: kernel.crc32 };
	const manifest = salvageManifest(place);
	const { state, report, logs, manifestNumber } = await rebuild(repair, manifest);
	lost.move(files.tableDirectory, report.lostTables);
	for (const number of logs.lost) lost.copy(files.walPath(number));
	for (const name of report.lostBlobs) lost.copy(join(files.blobDirectory, name));
	ManifestWriter.create(place, state, manifestNumber).close();
	return { ...report, sequence: await openOnce(repair) };
}

interface Rebuilt {
	state: ManifestState;
	report: RepairReport;
	logs: LogSurvey;
	manifestNumber: number;
}

/** Merges what can be read into new tables, and makes the state that lists them. */
async function rebuild(repair: Repair, manifest: SalvagedManifest | undefined): Promise<Rebuilt> {
	const { environment, kernel, files, lost } = repair;
	const before = manifest && decodeConfiguration(manifest.state.configuration);
	const options = resolveOptions(before?.options ?? {}, {});
	warnOfFallback(options, kernel);
	const engine = kernel.createEngine({ cacheBytes: 0 });
	try {
		const survey = await surveyTables({
			fileSystem: environment.fileSystem,
			engine,
			names: files.tableNames(),
			pathOf: (name) => join(files.tableDirectory, name),
			state: manifest?.state,
			whole: manifest?.whole ?? false,
			wasSetAside: (name) => lost.has(name),
		});
		const firstNumber = Math.max(manifest?.state.nextFileNumber ?? 1, files.find([]).highestNumber + 1);
		const compression = compressionAt(options.compression, BOTTOM_LEVEL, kernel);
		const table = tableOptionsOf(options, repairedFilters(options), compression);
		const createdAt = environment.clock.nanoseconds();
		const blobs = surveyBlobs(environment.fileSystem, files, manifest?.state);
		engine.addBlobs(blobs.files);
		const tableCount = numbersToMerge(survey.readable, table.tableSize, blobs.damaged);
		const blobOutput = salvagedBlobs(files, options, survey.readable, blobs.damaged, firstNumber + tableCount);
		const output = { directory: files.tableDirectory, level: BOTTOM_LEVEL, firstNumber, createdAt, table, blobs: blobOutput };
		const merge = await mergeTables(engine, survey.readable, { ...output, numberCount: tableCount });
		await checkOutputs(engine, files, survey.readable, merge.outputs);
		const configuration = encodeConfiguration(nextConfiguration(before, options));
		const manifestNumber = blobOutput.firstNumber + blobOutput.numberCount;
		return conclude(repair, manifest, survey, { survey: blobs, output: blobOutput }, merge, configuration, manifestNumber);
	} finally {
		await engine.close();
	}
}

/** Finds where the logs go on behind the merged tables, and puts the new state and the report together. */
function conclude(
	{ environment, kernel, files }: Repair,
	manifest: SalvagedManifest | undefined,
	survey: TableSurvey,
	blobs: { survey: BlobSurvey; output: BlobOutput },
	merge: Merge,
	configuration: RecordedConfiguration,
	manifestNumber: number,
): Rebuilt {
	const tableSequence = Math.max(manifest?.state.lastSequence ?? 0, highestSequence(merge.merged));
	const from = survey.listed ? (manifest?.state.logNumber ?? 0) : 0;
	const logs = surveyLogs({ fileSystem: environment.fileSystem, files, crc32: kernel.crc32, from, tableSequence });
	// Without logs to replay, the numbers of tables that are lost are known to be taken as well.
	const lastSequence =
		logs.logNumber === undefined ? Math.max(tableSequence, highestSequence(survey.readable)) : logs.lastSequence;
	const state: ManifestState = {
		version: Version.empty.apply({
			deletedTables: [],
			addedTables: merge.outputs.map((table) => [BOTTOM_LEVEL, table]),
			addedBlobs: [
				...blobs.survey.files.map(({ number, size }): BlobReference => [number, size]),
				...writtenBlobFiles(merge.outputs, blobs.output),
			],
		}),
		configuration,
		logNumber: logs.logNumber ?? manifestNumber,
		nextFileNumber: manifestNumber + 1,
		lastSequence,
		compactionPointers: new Map(),
	};
	const report: RepairReport = {
		manifest: survey.listed ? 'kept' : 'rebuilt',
		tables: merge.merged.length,
		lostTables: [...survey.damaged, ...merge.damaged],
		missingTables: survey.missing,
		lostBlobs: blobs.survey.damaged.map(({ number }) => blobFileName(number)),
		missingBlobs: blobs.survey.missing,
		logs: logs.replayed,
		lostLogs: logs.lost.map(walFileName),
		sequence: lastSequence,
	};
	return { state, report, logs, manifestNumber };
}

/** Values of damaged blob files are taken out of them as far as they can be read; the others stay where they are. */
function salvagedBlobs(
	files: StoreFiles,
	{ blobThreshold, memtableSize: fileSize }: ResolvedOptions,
	tables: readonly SalvagedTable[],
	damaged: readonly BlobSpec[],
	firstNumber: number,
): BlobOutput {
	if (blobThreshold !== false) files.makeBlobDirectory();
	return {
		directory: files.blobDirectory,
		threshold: blobThreshold === false ? Number.MAX_SAFE_INTEGER : blobThreshold,
		fileSize,
		firstNumber,
		numberCount: numbersToMerge(tables, fileSize, damaged),
		collect: damaged.map(({ number }) => number),
		salvage: true,
	};
}

/** All tables come to lie in the deepest level. */
function repairedFilters(options: ResolvedOptions): FilterSettings {
	return options.filterBottomLevel ? uniformFilterSettings(options) : settingsOfBits(0, options.filterPolicy);
}

/** What cannot be opened must not replace anything. */
async function checkOutputs(
	engine: KernelEngine,
	files: StoreFiles,
	inputs: readonly SalvagedTable[],
	outputs: readonly TableSummary[],
): Promise<void> {
	engine.dropTables(inputs.map(({ spec }) => spec.number));
	try {
		await engine.openTables(outputs.map((table) => files.tableSpec(table)));
	} catch (error) {
		files.removeTables(outputs);
		throw error;
	}
}

function highestSequence(tables: readonly SalvagedTable[]): number {
	return tables.reduce((highest, { properties }) => Math.max(highest, properties.largestSequence), 0);
}

/** Opens the store under the lock that is held, so that its logs become tables; answers its sequence number. */
async function openOnce({ root, environment, kernel, lock }: Repair): Promise<number> {
	const store = await openStore(
		root,
		{ salvage: true },
		{ ...environment, lock: () => ({ isClean: false, release: lock.release }) },
		kernel,
	);
	try {
		await store.flush();
		return store.sequence;
	} finally {
		await store.close();
	}
}
