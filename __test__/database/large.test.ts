/** Keys and values far larger than a block, through every way of writing and every state on disk. Over the limits: bad-input.test.ts. */
import { describe, expect, it } from 'vitest';
import type { Database } from '../../ts/index';
import { kernelNames, openDatabase, temporaryDirectory } from '../support/stores';

const KEY_BYTES = 64 * 1024;
const VALUE_BYTES = 16 * 1024 * 1024;

/** Keys that differ in their last byte only. */
const keyOf = (i: number) => Buffer.alloc(KEY_BYTES, 'k').fill(i, KEY_BYTES - 1);

/** Bytes that tell where they stand, and that no codec makes smaller. */
function largeValue(i: number): Buffer {
	const words = new Uint32Array(VALUE_BYTES / 4);
	for (let at = 0; at < words.length; at++) words[at] = Math.imul(at + i, 0x9e3779b1);
	return Buffer.from(words.buffer);
}

describe.each(kernelNames)('keys of 64 KiB and values of 16 MiB (%s)', (kernel) => {
	const values = [1, 2, 3, 4].map(largeValue);
	const check = async (database: Database) => {
		for (const [i, value] of values.entries()) {
			expect(value.equals((await database.get(keyOf(i))) ?? Buffer.alloc(0))).toBe(true);
			expect(value.equals(database.getSync(keyOf(i)) ?? Buffer.alloc(0))).toBe(true);
		}
		let i = 0;
		for (const [key, value] of database.iterator()) {
			expect(keyOf(i).equals(key) && values[i].equals(value)).toBe(true);
			i++;
		}
		expect(i).toBe(values.length);
		expect(await database.get(keyOf(9))).toBeUndefined();
	};

	it.each([false, 4096] as const)('come back from log, table and merged table, with blobThreshold %s', async (blobThreshold) => {
		const path = temporaryDirectory();
		const reopen = () => openDatabase(path, { kernel, sync: 'never', blobThreshold });
		const database = await reopen();
		await database.put(keyOf(0), values[0]);
		database.putSync(keyOf(1), values[1]);
		await database.batch([
			{ type: 'put', key: keyOf(2), value: values[2] },
			{ type: 'put', key: keyOf(9), value: values[0] },
			{ type: 'put', key: keyOf(3), value: values[3] },
			{ type: 'delete', key: keyOf(9) },
		]);
		await check(database);
		await database.close();
		const replayed = await reopen();
		await check(replayed);
		await replayed.flush();
		await check(replayed);
		await replayed.compact();
		await check(replayed);
		await replayed.close();
		await check(await reopen());
	});
});
