/** Several logs, synced or not, of which a loss of power has left a part: where the history ends, and what is damage. */
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import { TypedEmitter } from '../../ts/events';
import { crc32 } from '../../ts/kernel/js/crc32';
import { Counters } from '../../ts/store/counters';
import { Health } from '../../ts/store/health';
import { WriteAheadLog } from '../../ts/store/write-ahead-log';
import { BatchEncoder } from '../../ts/wal/batch-encoder';
import { walFileName } from '../../ts/wal/wal-file-name';
import { WalWriter } from '../../ts/wal/wal-writer';
import { MemoryFileSystem } from '../support/memory-file-system';
import { contents, openMemoryStore, ROOT, smallest, steppedClock, write } from '../support/memory-stores';

const WAL = `${ROOT}/wal`;
/** Behind those of the files that a new store has. */
const FIRST_NUMBER = 10;
const LETTERS = [...'abcdefgh'];

/** Logs as a script tells them: a letter is a record, a capital one that is not on the disk; | is an fsync, > the begin of another log. */
async function written(script: string): Promise<MemoryFileSystem> {
	const disk = new MemoryFileSystem();
	// It dies.
	await openMemoryStore(disk, smallest);
	const create = (number: number) => WalWriter.create(disk, WAL, number, crc32);
	const options = { syncIntervalMs: 100, syncIntervalBytes: 1 << 20 };
	const log = new WriteAheadLog(
		create(FIRST_NUMBER),
		options,
		steppedClock(),
		new Health(ROOT, new TypedEmitter()),
		new Counters(),
	);
	const lost: [path: string, from: number, to: number][] = [];
	for (const step of script.split(' ')) {
		if (step === '|') await log.durable();
		else if (step === '>') log.rotate(() => create(log.number + 1));
		else {
			const from = log.size;
			const key = step.toLowerCase();
			const encoder = new BatchEncoder();
			encoder.put(key, `value of ${key}`);
			log.append(encoder.finish(1 + LETTERS.indexOf(key)));
			if (step !== key) lost.push([`${WAL}/${walFileName(log.number)}`, from, log.size]);
		}
	}
	for (const [path, from, to] of lost) disk.writeFile(path, Buffer.from(disk.readFileSync(path)).fill(0, from, to));
	return disk;
}

/** The letters that an open finds, again and again, also when it has written another. */
async function found(disk: MemoryFileSystem, salvage = false): Promise<string> {
	let first: string | undefined;
	for (let i = 0; i < 3; i++) {
		const { store } = await openMemoryStore(disk, { ...smallest, salvage: salvage && i === 0 });
		const letters = [...contents(store, LETTERS).keys()].join(' ');
		first ??= letters;
		expect(letters).toBe(first);
		await write(store, new Map([['another', String(i)]]), 'never');
		if (i < 2) await store.close();
	}
	return first as string;
}

describe('the history that logs hold', () => {
	it.each([
		['a b > c d > e', 'a b c d e'],
		['a B > c d', 'a'],
		['a B c > d', 'a'],
		['A > b', ''],
		['a b > C d', 'a b'],
		['a b > C > d', 'a b'],
		['a b > c > D e', 'a b c'],
		['a | B > c', 'a'],
		['a | > b C', 'a b'],
		['a | b C d > e', 'a b'],
		['a > b | > C d', 'a b'],
		['A | > b', 'damage'],
		['a B > c | d', 'damage'],
		['a B c > d | e', 'damage'],
		['a B > c > d | e', 'damage'],
		['a b > C > d | e', 'damage'],
		['a b > C d > e | > f', 'damage'],
		['a > B | > c', 'damage'],
		['a > B | c', 'damage'],
	])('of %j is %j', async (script, expected) => {
		const open = found(await written(script));
		if (expected === 'damage') await expect(open).rejects.toThrow(CorruptionError);
		else expect(await open).toBe(expected);
		const kept = script.replace(/ [|>]/g, '').replace(/ ?[A-Z].*/, '');
		expect(await found(await written(script), true)).toBe(kept);
	});
});
