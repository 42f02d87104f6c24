/** One suite over every internal cursor of the TypeScript kernel. */
import { describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../../ts/fs/node-file-system';
import { BlockBuilder } from '../../../ts/kernel/js/block/builder';
import { BlockCursor, INTERNAL_KEYS } from '../../../ts/kernel/js/block/cursor';
import { CachedBlocks } from '../../../ts/kernel/js/block-source';
import { BlockCache } from '../../../ts/kernel/js/cache';
import type { Cursor } from '../../../ts/kernel/js/cursor';
import { FileCache } from '../../../ts/kernel/js/file-cache';
import { Level, LevelCursor } from '../../../ts/kernel/js/level-cursor';
import { Memtable } from '../../../ts/kernel/js/memtable/memtable';
import { MergeCursor } from '../../../ts/kernel/js/merge/cursor';
import { TableCursor } from '../../../ts/kernel/js/table/cursor';
import { Table } from '../../../ts/kernel/js/table/reader';
import { TableWriter } from '../../../ts/kernel/js/table/writer';
import { compareInternal, encodeRecord, internalKey, Random, TABLE, temporaryDirectory } from '../support';

interface Entry {
	userKey: Buffer;
	sequence: number;
	deleted: boolean;
	key: Buffer;
	value: Buffer;
}

const directory = temporaryDirectory();
let fileNumber = 1;

function blockCursor(entries: Entry[]): Cursor {
	const builder = new BlockBuilder(3);
	for (const { key, value } of entries) builder.add(key, 0, key.length, value, 0, value.length);
	const cursor = new BlockCursor(INTERNAL_KEYS);
	cursor.reset(Buffer.from(builder.finish()));
	return cursor;
}

function openTable(entries: Entry[]): Table {
	const path = `${directory}/${fileNumber}.sst`;
	const file = nodeFileSystem.create(path);
	const writer = new TableWriter(file, { ...TABLE, blockSize: 40 }, 1n);
	for (const { key, value } of entries) {
		writer.add(writer.compareUserKey(key, 0, key.length), key, 0, key.length, value, 0, value.length);
	}
	const { size } = writer.finish([]);
	file.closeSync();
	return Table.open(new FileCache(nodeFileSystem, 16), { number: fileNumber++, path, size });
}

function uncached(): CachedBlocks {
	return new CachedBlocks(new BlockCache(0), { blockReads: 0, fileReads: 0 });
}

function memtableCursor(entries: Entry[]): Cursor {
	const memtable = Memtable.create(1 << 16);
	const shuffled = [...entries].sort((a, b) => a.sequence - b.sequence);
	for (const { sequence, userKey, deleted, value } of shuffled) {
		const record = encodeRecord(sequence, [{ key: userKey, value: deleted ? undefined : value }]);
		memtable.apply(record, 0, record.length);
	}
	return memtable.cursor();
}

function levelCursor(entries: Entry[]): Cursor {
	const tables: Entry[][] = [];
	for (const entry of entries) {
		const last = tables.at(-1);
		if (last !== undefined && (last.length < 4 || last.at(-1)?.userKey.equals(entry.userKey))) last.push(entry);
		else tables.push([entry]);
	}
	return new LevelCursor(new Level(tables.map(openTable)), uncached());
}

function mergeCursor(entries: Entry[]): Cursor {
	const parts: Entry[][] = [[], [], [], []];
	for (const [i, entry] of entries.entries()) parts[(i * 7 + entry.sequence) % 3]?.push(entry);
	return new MergeCursor([memtableCursor(parts[0] as Entry[]), ...parts.slice(1).map(blockCursor)]);
}

const makers: [string, (entries: Entry[]) => Cursor, minimum: number][] = [
	['block', blockCursor, 0],
	['memtable', memtableCursor, 0],
	['table', (entries) => new TableCursor(openTable(entries), uncached()), 1],
	['level', levelCursor, 0],
	['merge', mergeCursor, 0],
	['merge of one', (entries) => new MergeCursor([blockCursor(entries)]), 0],
];

function makeEntries(random: Random, count: number): Entry[] {
	return Array.from({ length: count }, (_, i) => {
		const userKey = random.key();
		const deleted = random.chance(0.2);
		const value = deleted ? Buffer.alloc(0) : random.bytes(random.below(20));
		return { userKey, sequence: i + 1, deleted, value, key: internalKey(userKey, i + 1, deleted ? 0 : 1) };
	}).sort((a, b) => compareInternal(a.key, b.key));
}

describe.each(makers)('%s cursor', (_name, make, minimum) => {
	const random = new Random(7);

	function stateOf(cursor: Cursor): string {
		if (!cursor.valid) return 'end';
		const { keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd } = cursor;
		return `${keyBytes.toString('hex', keyStart, keyEnd)}=${valueBytes.toString('hex', valueStart, valueEnd)}`;
	}

	function expectedAt(entries: Entry[], position: number): string {
		const entry = entries[position];
		return entry === undefined ? 'end' : `${entry.key.toString('hex')}=${entry.value.toString('hex')}`;
	}

	it.each([0, 1, 2, 17, 60, 400])('walks %d entries in both directions', (count) => {
		if (count < minimum) return;
		const entries = makeEntries(random, count);
		const cursor = make(entries);
		cursor.seekToFirst();
		for (let i = 0; i <= count; i++) {
			expect(stateOf(cursor)).toBe(expectedAt(entries, i));
			if (cursor.valid) cursor.next();
		}
		cursor.seekToLast();
		for (let i = count - 1; i >= -1; i--) {
			expect(stateOf(cursor)).toBe(expectedAt(entries, i));
			if (cursor.valid) cursor.prev();
		}
	});

	it.each([0, 1, 2, 17, 60, 400])('seeks and turns among %d entries', (count) => {
		if (count < minimum) return;
		const entries = makeEntries(random, count);
		const cursor = make(entries);
		for (let run = 0; run < 60; run++) {
			const known = random.chance(0.3) && count > 0;
			const target = known ? random.pick(entries).key : internalKey(random.key(), random.below(count + 2), 255);
			const after = entries.findIndex(({ key }) => compareInternal(key, target) >= 0);
			let position = after < 0 ? count : after;
			if (random.chance(0.5)) {
				cursor.seek(target, 0, target.length);
			} else {
				cursor.seekForPrev(target, 0, target.length);
				if (expectedAt(entries, position) === 'end' || compareInternal((entries[position] as Entry).key, target) > 0) position--;
			}
			expect(stateOf(cursor)).toBe(expectedAt(entries, position));
			for (let step = 0; step < 12 && cursor.valid; step++) {
				const forward = random.chance(0.5);
				position += forward ? 1 : -1;
				if (forward) cursor.next();
				else cursor.prev();
				expect(stateOf(cursor)).toBe(expectedAt(entries, position));
			}
		}
	});
});
