/** A store in text: the drawing of its tree, for people. */
import type { JobStats, StoreStats } from '../introspection';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Widest bar of a level. */
const BAR_WIDTH = 24;

/** A few lines that show the levels, what they hold, and what is being done about it. */
export function describe(stats: StoreStats): string {
	const { memtable, levels, blobs, jobs, amplification } = stats;
	const largest = Math.max(1, ...levels.map((level) => level.bytes));
	const rows = levels.map(({ tables, bytes, entries, tombstones }, level) => [
		`L${level}`,
		count(tables),
		size(bytes),
		count(entries),
		entries === 0 ? '' : `${Math.round((100 * tombstones) / entries)} %`,
		'#'.repeat(Math.ceil((BAR_WIDTH * bytes) / largest)),
	]);
	const waiting =
		memtable.immutables === 0 ? '' : `, and ${memtable.immutables} of ${size(memtable.immutableBytes)} that wait for their flush`;
	return [
		...table(['', 'tables', 'size', 'entries', 'deleted', ''], rows),
		'',
		...(blobs.files === 0 ? [] : [`${count(blobs.files)} blob files of ${size(blobs.bytes)}, ${size(blobs.liveBytes)} in use`]),
		`memtable of ${size(memtable.bytes)}${waiting}`,
		`compaction debt ${size(stats.compactionDebt)}${stats.compactionsPaused ? ', paused' : ''}, pressure on writes ${stats.stalls.pressure.toFixed(2)}`,
		`amplification: write ${ratio(amplification.write)}, read ${amplification.read} runs, space ${ratio(amplification.space)}`,
		...jobs.running.map((job) => `running: ${jobLine(job)}`),
		...jobs.ended.slice(-5).map((job) => `${job.error === undefined ? 'done' : 'failed'}: ${jobLine(job)}`),
	].join('\n');
}

function jobLine(job: JobStats): string {
	const { kind, reason, level, outputLevel, inputTables, inputBytes, doneBytes, outputBytes, milliseconds, error } = job;
	const from = kind === 'flush' ? 'a memtable' : `${inputTables} tables from L${level}`;
	const share = inputBytes === 0 ? 100 : Math.floor((100 * doneBytes) / inputBytes);
	const state = error === undefined ? `${share} %` : error.message;
	const sizes = `${size(inputBytes)} -> ${size(outputBytes)}`;
	return `${kind} ${job.job} (${reason}), ${from} to L${outputLevel}, ${sizes}, ${Math.round(milliseconds)} ms, ${state}`;
}

function size(bytes: number): string {
	const unit = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
	return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${UNITS[unit]}`;
}

function count(value: number): string {
	return value.toLocaleString('en-US');
}

function ratio(value: number | undefined): string {
	return value === undefined ? '-' : value.toFixed(2);
}

/** Columns to the right but the first and the last. */
function table(heading: string[], rows: string[][]): string[] {
	const widths = heading.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
	const last = heading.length - 1;
	return [heading, ...rows].map((cells) =>
		cells
			.map((cell, column) => (column === 0 || column === last ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
			.join('  ')
			.trimEnd(),
	);
}
