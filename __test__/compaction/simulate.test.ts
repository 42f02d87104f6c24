/** The simulator of the strategies, as a program: few operations on a tree of tiny tables. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/stores';

const program = join(__dirname, '../../scripts/simulate.mjs');
const tiny = ['memtableSize=8192', 'tableSize=4096', 'levelBaseSize=16384', 'fifoMaxSize=65536'].flatMap((one) => ['--set', one]);
const few = ['--operations', '20000', '--keys', '5000', ...tiny];

function simulate(...words: string[]): { status: number | null; stdout: string; stderr: string } {
	return spawnSync(process.execPath, [program, ...words], { encoding: 'utf8' });
}

interface Row {
	load: string;
	strategy: string;
	write: number;
	read: number;
	space: number;
	peak: number;
	merges: number;
	drops: number;
	moves: number;
}

/** The rows of the table at the end. */
function rowsOf(stdout: string): Row[] {
	const lines = stdout.trimEnd().split('\n');
	return lines.slice(lines.findIndex((line) => /^-+ +-/.test(line)) + 1).map((line) => {
		const [load, strategy, ...cells] = line.trim().split(/ +/);
		const [write, read, space, peak, merges, drops, moves] = cells.map((cell) => Number(cell.replaceAll(',', '')));
		return { load, strategy, write, read, space, peak, merges, drops, moves };
	});
}

describe('the simulator', () => {
	const folder = temporaryDirectory();
	const whole = simulate(...few, '--svg', folder);
	const plots = Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
	const rows = rowsOf(whole.stdout);
	const row = (load: string, strategy: string) => rows.find((one) => one.load === load && one.strategy === strategy) as Row;

	it('plays every load through every strategy', () => {
		expect(whole).toMatchObject({ status: 0, stderr: '' });
		const loads = ['overwrite', 'zipf', 'sequential', 'time-series'];
		const expected = loads.flatMap((load) => ['leveled', 'tiered', 'fifo'].map((strategy) => `${load} ${strategy}`));
		expect(rows.map(({ load, strategy }) => `${load} ${strategy}`)).toEqual(expected);
	});

	it('finds what must hold of any tree', () => {
		for (const { write, read, space, peak, merges, drops, moves } of rows) {
			expect(write).toBeGreaterThanOrEqual(1);
			expect(read).toBeGreaterThanOrEqual(1);
			expect(space).toBeGreaterThan(0.9);
			expect(peak).toBeGreaterThanOrEqual(space);
			expect(merges + drops + moves).toBeGreaterThan(0);
		}
	});

	it('finds what tells the strategies apart', () => {
		const [leveled, tiered, fifo] = ['leveled', 'tiered', 'fifo'].map((strategy) => row('overwrite', strategy));
		expect(leveled.write).toBeGreaterThan(tiered.write);
		expect(tiered.write).toBeGreaterThan(fifo.write);
		expect(leveled.space).toBeLessThan(tiered.space);
		expect(leveled.read).toBeLessThan(tiered.read);
		expect(tiered.read).toBeLessThan(fifo.read);
		expect(fifo).toMatchObject({ merges: 0, moves: 0 });
	});

	it('finds that entries in order are never merged by leveled: the log and one table have each of them', () => {
		expect(row('sequential', 'leveled')).toMatchObject({ merges: 0, drops: 0 });
		expect(row('sequential', 'leveled').write).toBeCloseTo(2, 1);
	});

	it('draws a chart of each measure, and a plot of each load', () => {
		expect(whole.stdout.match(/amplification {3}f fifo {3}t tiered {3}l leveled/g)).toHaveLength(12);
		expect(Object.keys(plots).sort()).toEqual(['overwrite.svg', 'sequential.svg', 'time-series.svg', 'zipf.svg']);
		for (const plot of Object.values(plots)) {
			expect(plot).toMatch(/^<svg .*<\/svg>\n$/s);
			expect(plot).not.toMatch(/NaN|Infinity|undefined/);
			expect(plot.match(/stroke-width="2"/g)).toHaveLength(3 + 9);
		}
	});

	it('prints and draws the same for the same seed, and something else for another', () => {
		const again = temporaryDirectory();
		expect(simulate(...few, '--svg', again).stdout).toBe(whole.stdout);
		for (const [name, plot] of Object.entries(plots)) expect(readFileSync(join(again, name), 'utf8')).toBe(plot);
		expect(rowsOf(simulate(...few, '--seed', '2', '--no-charts').stdout)).not.toEqual(rows);
	});

	it('plays what it is asked for', () => {
		const some = ['--strategy', 'tiered', '--strategy', 'leveled', '--load', 'zipf', '--no-charts'];
		const { stdout } = simulate(...few, ...some, '--set', 'levelMultiplier=4');
		expect(rowsOf(stdout).map(({ load, strategy }) => `${load} ${strategy}`)).toEqual(['zipf leveled', 'zipf tiered']);
		expect(stdout).not.toContain('amplification');
		expect(rowsOf(stdout)[0]).not.toEqual(row('zipf', 'leveled'));
		expect(rowsOf(stdout)[1]).toEqual(row('zipf', 'tiered'));
	});

	it('works with a single write', () => {
		const { status, stdout } = simulate('--operations', '1', '--svg', temporaryDirectory());
		expect(status).toBe(0);
		for (const { write, read, space } of rowsOf(stdout)) expect({ write, read, space }).toEqual({ write: 1, read: 1, space: 0 });
	});

	it('prints its options', () => {
		const { status, stdout } = simulate('--help');
		expect(status).toBe(0);
		for (const option of ['strategy', 'load', 'operations', 'keys', 'seed', 'set', 'svg', 'no-charts'])
			expect(stdout).toContain(`--${option}`);
	});

	it.each([
		[['--strategy', 'lazy'], /--strategy is 'lazy'; it takes one of leveled, tiered, fifo/],
		[['--load', 'random'], /--load is 'random'; it takes one of overwrite,/],
		[['--operations', '0'], /--operations is '0'; it takes an integer from 1/],
		[['--seed', '1.5'], /--seed is '1.5'/],
		[['--set', 'levelMultiplier'], /it takes option=value/],
		[['--set', 'sync=1'], /--set knows no option 'sync'/],
		[['--set', 'levelMultiplier=1'], /'levelMultiplier' is 1; it takes an integer from 2 to 100/],
		[['--svg', program], /simulate\.mjs/],
		[['--colour'], /Unknown option '--colour'/],
		[['zipf'], /Unexpected argument 'zipf'/],
	])('says what is wrong with %j', (words, message) => {
		const { status, stdout, stderr } = simulate(...words);
		expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
		expect(stderr).toMatch(message);
		expect(stderr).toContain('--help');
	});
});
