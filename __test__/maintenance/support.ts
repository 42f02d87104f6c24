/** Damaged stores, and what should come back from them. */
import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Database } from '../../ts/index';
import { temporaryDirectory, tinyTree } from '../support/stores';

export type Contents = Map<string, string>;

/** Paths of the files in a directory of a store, by name. */
export function filesIn(root: string, directory: string, pattern = /^/): string[] {
	const names = readdirSync(join(root, directory)).filter((name) => pattern.test(name));
	return names.sort().map((name) => join(root, directory, name));
}

export const tablesOf = (root: string) => filesIn(root, 'sst', /\.sst$/);
export const logsOf = (root: string) => filesIn(root, 'wal');
export const manifestOf = (root: string) => filesIn(root, '.', /^MANIFEST-/)[0];

/** Every file below a directory with its bytes. */
export function snapshotOf(root: string): Map<string, string> {
	const entries = readdirSync(root, { withFileTypes: true, recursive: true });
	const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
	const directories = entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
	return new Map([
		...directories.map((path): [string, string] => [path, 'directory']),
		...files.map((path): [string, string] => [path, readFileSync(path).toString('base64')]),
	]);
}

export function flipByte(path: string, offset: number): void {
	const bytes = readFileSync(path);
	bytes[offset] ^= 1;
	writeFileSync(path, bytes);
}

/** Takes CURRENT and all manifests away. */
export function loseManifest(root: string): void {
	for (const path of filesIn(root, '.', /^(?:MANIFEST-\d+|CURRENT)$/)) unlinkSync(path);
}

/**
 * A store with tables in several levels and a log, in which keys were written over and deleted: some of the deletes are in the log, some in
 * tables above what they delete, some have been dropped with it. Range deletes too are in a table and in the log.
 */
export async function layeredStore(kernel: 'native' | 'js'): Promise<{ path: string; contents: Contents }> {
	const path = temporaryDirectory();
	const database = await Database.open(path, {
		...tinyTree,
		kernel,
		level0CompactionTrigger: 30,
		level0SlowdownTrigger: 40,
		level0StopTrigger: 80,
	});
	const contents: Contents = new Map();
	const put = (i: number, value: string) => {
		database.putSync(`key${i}`, value);
		contents.set(`key${i}`, value);
	};
	const remove = (i: number) => {
		database.deleteSync(`key${i}`);
		contents.delete(`key${i}`);
	};
	const removeRange = (start: string, end: string) => {
		database.deleteRangeSync({ gte: start, lt: end });
		for (const key of contents.keys()) if (key >= start && key < end) contents.delete(key);
	};
	for (let i = 0; i < 600; i++) put(i, `first ${i} ${'x'.repeat(40)}`);
	await database.compact();
	for (let i = 0; i < 600; i += 3) remove(i);
	await database.compact({ gte: 'key0', lt: 'key3' });
	for (let i = 1; i < 600; i += 3) put(i, `second ${i}`);
	await database.flush();
	for (let i = 0; i < 600; i += 7) remove(i);
	remove(599);
	await database.flush();
	removeRange('key2', 'key25');
	await database.flush();
	for (let i = 0; i < 600; i += 11) put(i, `third ${i}`);
	for (let i = 5; i < 600; i += 13) remove(i);
	removeRange('key47', 'key5');
	await database.close();
	return { path, contents };
}

/** Everything in the store at a path. */
export async function contentsOf(path: string, kernel: 'native' | 'js'): Promise<Contents> {
	const database = await Database.open(path, { kernel, encoding: 'utf8', createIfMissing: false });
	try {
		const entries = await database.iterator().all();
		for (const [key, value] of entries) expect(database.getSync(key)).toBe(value);
		return new Map(entries);
	} finally {
		await database.close();
	}
}

export const sorted = (contents: Contents): [string, string][] => [...contents].sort(([a], [b]) => (a < b ? -1 : 1));
