/** The migration from LevelDB, run as a user runs it: killed, interrupted, run again, and where it must refuse. Needs dist/. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { Database } from '../../ts/index';
import { Random, temporaryDirectory } from '../support/stores';

const PROGRAM = join(__dirname, '..', '..', 'examples', 'migrate-from-classic-level', 'main.mjs');
const ENTRIES = 20_000;
/** So slow that a migration takes many seconds: there is time to end it in its middle. */
const SLOW = ['--batch-bytes', '8192', '--pause', '50'];

interface Outcome {
	code: number | null;
	signal: NodeJS.Signals | null;
	output: string;
}

/** Runs the program; `onOutput` gets all that it has printed so far each time that there is more. */
function run(args: string[], onOutput?: (output: string, child: ChildProcess) => void): Promise<Outcome> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
		let output = '';
		for (const stream of [child.stdout, child.stderr]) {
			stream.on('data', (data) => {
				output += data;
				onOutput?.(output, child);
			});
		}
		child.on('error', reject);
		child.on('close', (code, signal) => resolve({ code, signal, output }));
	});
}

/** Runs it slowly and sends a signal once it has reported that it copied something. */
function runAndSignal(args: string[], signal: NodeJS.Signals): Promise<Outcome> {
	let sent = false;
	return run([...args, ...SLOW], (output, child) => {
		if (sent || !/^copying: about .* entries/m.test(output)) return;
		sent = true;
		child.kill(signal);
	});
}

type Entries = [Buffer, Buffer][];

/** Binary keys of up to 24 bytes, all different; values of up to 200 bytes, some of them empty. The empty key is among them. */
function makeEntries(count: number): Entries {
	const random = new Random(20_261);
	const entries = new Map<string, [Buffer, Buffer]>([['', [Buffer.alloc(0), Buffer.from('of the empty key')]]]);
	while (entries.size < count) {
		const key = random.bytes(1 + random.below(24));
		entries.set(key.toString('hex'), [key, random.bytes(random.below(10) === 0 ? 0 : random.below(200))]);
	}
	return [...entries.values()].sort(([a], [b]) => Buffer.compare(a, b));
}

function openLevel(location: string, createIfMissing = false): ClassicLevel<Buffer, Buffer> {
	return new ClassicLevel(location, { keyEncoding: 'buffer', valueEncoding: 'buffer', createIfMissing });
}

async function makeSource(location: string, entries: Entries): Promise<void> {
	const level = openLevel(location, true);
	await level.batch(entries.map(([key, value]) => ({ type: 'put', key, value })));
	await level.close();
}

async function expectSameEntries(source: string, destination: string, count: number): Promise<void> {
	const level = openLevel(source);
	const database = await Database.open(destination, { createIfMissing: false });
	try {
		const originals = await level.iterator().all();
		const copies = await database.iterator().all();
		expect(copies.length).toBe(count);
		expect(originals.length).toBe(count);
		const differing = copies.filter(([key, value], i) => !key.equals(originals[i][0]) || !value.equals(originals[i][1]));
		expect(differing).toEqual([]);
	} finally {
		await database.close();
		await level.close();
	}
}

/** Names and content of all files in a directory. */
function fingerprint(directory: string): [string, string][] {
	return readdirSync(directory, { recursive: true, encoding: 'utf8' })
		.sort()
		.filter((name) => statSync(join(directory, name)).isFile())
		.map((name) => [
			name,
			createHash('sha256')
				.update(readFileSync(join(directory, name)))
				.digest('hex'),
		]);
}

/** A source and a destination in a new directory. */
async function prepare(entries: Entries): Promise<{ directory: string; source: string; destination: string }> {
	const directory = realpathSync(temporaryDirectory());
	const source = join(directory, 'level');
	await makeSource(source, entries);
	return { directory, source, destination: join(directory, 'stores', 'varve') };
}

function stateOf(destination: string): unknown {
	return JSON.parse(readFileSync(`${destination}.migration.json`, 'utf8'));
}

describe('migration from classic-level', () => {
	it('goes on after SIGKILL, again and again, copies everything, and says that it is done when it is run once more', async () => {
		const { source, destination } = await prepare(makeEntries(ENTRIES));

		const killed = await runAndSignal([source, destination], 'SIGKILL');
		expect(killed.signal).toBe('SIGKILL');
		expect(stateOf(destination)).toMatchObject({ source, state: 'copying' });

		const killedAgain = await runAndSignal([source, destination], 'SIGKILL');
		const first = copiedBefore(killedAgain.output);
		expect(first).toBeGreaterThan(0);

		const finished = await run([source, destination]);
		expect(copiedBefore(finished.output)).toBeGreaterThan(first);
		expect(copiedBefore(finished.output)).toBeLessThan(ENTRIES);
		expect(finished.output.match(/20,000 entries, sha256 [0-9a-f]{64}/g)).toHaveLength(2);
		expect(finished.code).toBe(0);
		expect(stateOf(destination)).toMatchObject({ source, state: 'done', entries: ENTRIES });
		await expectSameEntries(source, destination, ENTRIES);

		const again = await run([source, destination]);
		expect(again.output).toMatch(/^Already migrated/m);
		expect(again.output).toContain('They hold the same entries.');
		expect(again.code).toBe(0);
	});

	// Windows ends a process where others send it SIGINT.
	it.skipIf(process.platform === 'win32')('ends cleanly at Ctrl-C, and says how to go on', async () => {
		const { source, destination } = await prepare(makeEntries(ENTRIES));
		const interrupted = await runAndSignal([source, destination], 'SIGINT');
		expect(interrupted.output).toContain('Run the same command again');
		expect(interrupted.code).toBe(130);
		expect(stateOf(destination)).toMatchObject({ state: 'copying' });

		const finished = await run([source, destination]);
		expect(copiedBefore(finished.output)).toBeGreaterThan(0);
		expect(finished.code).toBe(0);
		await expectSameEntries(source, destination, ENTRIES);
	});

	it('finds what was written to the source between two runs', async () => {
		const { source, destination } = await prepare(makeEntries(ENTRIES));
		await runAndSignal([source, destination], 'SIGKILL');
		const level = openLevel(source);
		await level.put(Buffer.alloc(0), Buffer.from('changed after it was copied'));
		await level.close();
		const { code, output } = await run([source, destination]);
		expect(output).toContain('the values differ');
		expect(output).toContain('The source may have been written between two runs.');
		expect(code).toBe(1);
		expect(stateOf(destination)).toMatchObject({ state: 'verifying' });
	});

	it('copies an empty database', async () => {
		const { source, destination } = await prepare([]);
		const { code, output } = await run([source, destination]);
		expect(code, output).toBe(0);
		await expectSameEntries(source, destination, 0);
	});

	it.each([
		['another value', { type: 'put', key: 'key 50', value: 'other' }, "'key 50': the values differ"],
		['a missing entry', { type: 'delete', key: 'key 99' }, "'key 99': it is missing in the destination"],
		['an extra entry', { type: 'put', key: 'key 505', value: '' }, "'key 505': it is only in the destination"],
		['an extra entry at the end', { type: 'put', key: 'z', value: '' }, "'z': it is only in the destination"],
	] as const)('finds %s, and where it is', async (_, change, finding) => {
		const { source, destination } = await prepare(textEntries());
		expect(await run([source, destination])).toMatchObject({ code: 0 });
		const database = await Database.open(destination);
		await database.batch([change]);
		await database.close();
		for (const options of [['--verify-only'], []]) {
			const { code, output } = await run([...options, source, destination]);
			expect(output).toContain(`first at the key ${finding}.`);
			expect(code).toBe(1);
		}
	});

	it('refuses a store that it did not make, and leaves it as it was', async () => {
		const { directory, source } = await prepare(textEntries());
		const destination = join(directory, 'foreign');
		const database = await Database.open(destination);
		await database.put('key', 'value');
		await database.close();
		const before = fingerprint(destination);
		const { code, output } = await run([source, destination]);
		expect(output).toContain('was not made by this program');
		expect(code).toBe(2);
		expect(fingerprint(destination)).toEqual(before);
		expect(existsSync(`${destination}.migration.json`)).toBe(false);
	});

	it('refuses a destination that is migrated from another source', async () => {
		const { directory, source, destination } = await prepare(textEntries());
		expect(await run([source, destination])).toMatchObject({ code: 0 });
		const other = join(directory, 'other');
		await makeSource(other, textEntries());
		const before = fingerprint(join(directory, 'stores'));
		const { code, output } = await run([other, destination]);
		expect(output).toContain(`from ${source}, not from ${other}`);
		expect(code).toBe(2);
		expect(fingerprint(join(directory, 'stores'))).toEqual(before);
	});

	it('refuses a destination that is gone though all was copied', async () => {
		const { source, destination } = await prepare(textEntries());
		expect(await run([source, destination])).toMatchObject({ code: 0 });
		rmSync(destination, { recursive: true });
		const { code, output } = await run([source, destination]);
		expect(output).toContain('is gone');
		expect(code).toBe(2);
		expect(existsSync(destination)).toBe(false);
	});

	it('refuses a state file that it cannot read', async () => {
		const { source, destination } = await prepare(textEntries());
		expect(await run([source, destination])).toMatchObject({ code: 0 });
		for (const content of ['', 'null', '{"state":"copying"}']) {
			writeFileSync(`${destination}.migration.json`, content);
			const { code, output } = await run([source, destination]);
			expect(output).toContain('is not a state file of this program');
			expect(code).toBe(2);
		}
	});

	it('refuses to verify where there is no store, and creates nothing', async () => {
		const { directory, source, destination } = await prepare(textEntries());
		const { code, output } = await run(['--verify-only', source, destination]);
		expect(output).toContain('There is no Varve store');
		expect(code).toBe(2);
		expect(readdirSync(directory)).toEqual(['level']);
	});

	it('refuses a source that is missing, and creates nothing', async () => {
		const directory = temporaryDirectory();
		const { code, output } = await run([join(directory, 'level'), join(directory, 'varve')]);
		expect(output).toContain('is not a LevelDB database');
		expect(code).toBe(2);
		expect(readdirSync(directory)).toEqual([]);
	});

	it('refuses a source that is open elsewhere, and creates nothing', async () => {
		const { directory, source, destination } = await prepare(textEntries());
		const level = openLevel(source);
		await level.open();
		const { code, output } = await run([source, destination]);
		await level.close();
		expect(output).toContain('Another process has it open');
		expect(code).toBe(2);
		expect(readdirSync(directory)).toEqual(['level']);
	});

	it('refuses directories the wrong way round', async () => {
		const { source, destination } = await prepare(textEntries());
		expect(await run([source, destination])).toMatchObject({ code: 0 });
		const before = fingerprint(destination);
		const { code, output } = await run([destination, source]);
		expect(output).toContain('The LevelDB directory comes first');
		expect(code).toBe(2);
		expect(fingerprint(destination)).toEqual(before);
	});

	it.each([
		[[], 'Two directories are needed'],
		[['a', 'b', 'c'], 'Two directories are needed'],
		[['a', 'a/b'], 'lies in it'],
		[['--unknown', 'a', 'b'], '--unknown'],
		[['--batch-bytes', 'many', 'a', 'b'], '--batch-bytes takes an integer'],
	])('refuses the arguments %j', async (args, message) => {
		const { code, output } = await run(args);
		expect(output).toContain(message);
		expect(code).toBe(2);
	});

	it('explains itself', async () => {
		const { code, output } = await run(['--help']);
		expect(output).toMatch(/^Usage: /);
		expect(code).toBe(0);
	});
});

function textEntries(): Entries {
	return Array.from({ length: 100 }, (_, i) => [Buffer.from(`key ${i}`), Buffer.from(`value ${i}`)]);
}

/** How many entries a run found in the destination when it began. */
function copiedBefore(output: string): number {
	return Number(/^Going on after ([\d,]+) entries/m.exec(output)?.[1].replaceAll(',', ''));
}
