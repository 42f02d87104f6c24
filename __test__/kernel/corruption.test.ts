/** Every byte of a table flipped, and the table cut at every length: a typed error or the right answer, nothing else. */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CorruptionError } from '../../ts/errors';
import type { KernelEngine, TableSpec } from '../../ts/kernel/kernel';
import { kernels } from '../kernels';
import { apply, cursorOptions, get, jobOutput, type Operation, readAll, tableSpec, temporaryDirectory } from './support';

describe.each(kernels)('corruption sweep of the $name kernel', (kernel) => {
	const directory = temporaryDirectory();
	let nextNumber = 1;
	const keys = Array.from({ length: 25 }, (_, i) => Buffer.from(`key${i}`));

	/** With entries, range deletes or both. */
	async function makeTable(operations: Operation[]): Promise<TableSpec> {
		const engine = kernel.createEngine({ cacheBytes: 0 });
		engine.createMemtable(1, 1 << 20);
		apply(engine, 1, operations);
		const snapshots = [operations.length - 2, operations.length - 1];
		const [summary] = await engine.flush({ memtable: 1, snapshots, output: jobOutput(directory, nextNumber++) }).done;
		await engine.close();
		return tableSpec(directory, summary as never);
	}

	const entries = keys.map((key, i) => ({ key, value: i % 5 === 0 ? undefined : Buffer.from(`value of ${key}`) }));
	const ranges = [
		{ key: Buffer.from('key11'), end: Buffer.from('key14') },
		{ key: Buffer.from('key13'), end: Buffer.from('key20') },
		{ key: Buffer.from('key9'), end: Buffer.alloc(0) },
	];
	const tables = [
		{ what: 'entries', operations: entries },
		{ what: 'entries and range deletes', operations: [...entries, ...ranges] },
		{ what: 'range deletes', operations: ranges },
	];

	async function readEverything(engine: KernelEngine, spec: TableSpec): Promise<string> {
		await engine.openTables([spec]);
		engine.installView([], [[spec.number]]);
		const values = [1000, 26].flatMap((sequence) => keys.map((key) => String(get(engine, key, sequence, 1))));
		const cursor = engine.openCursor(cursorOptions());
		try {
			return JSON.stringify([values, await readAll(cursor, 'sync')]);
		} finally {
			cursor.close();
		}
	}

	async function attempt(spec: TableSpec): Promise<string> {
		const engine = kernel.createEngine({ cacheBytes: 1 << 16 });
		try {
			return await readEverything(engine, spec);
		} catch (error) {
			expect(error).toBeInstanceOf(CorruptionError);
			expect((error as CorruptionError).path).toBe(spec.path);
			expect((error as CorruptionError).offset).toBeTypeOf('number');
			return 'corrupt';
		} finally {
			await engine.close();
		}
	}

	it.each(tables)('never answers wrongly after a flipped byte of $what', async ({ operations }) => {
		const spec = await makeTable(operations);
		const right = await attempt(spec);
		expect(right).not.toBe('corrupt');
		const bytes = readFileSync(spec.path);
		const path = join(directory, 'flipped.sst');
		writeFileSync(path, bytes);
		const fd = openSync(path, 'r+');
		let refused = 0;
		for (let at = 0; at < bytes.length; at++) {
			const byte = bytes[at] as number;
			writeSync(fd, Buffer.from([byte ^ (1 << (at % 8))]), 0, 1, at);
			const answer = await attempt({ ...spec, path });
			if (answer === 'corrupt') refused++;
			else expect(answer).toBe(right);
			writeSync(fd, Buffer.from([byte]), 0, 1, at);
		}
		closeSync(fd);
		// There is no slack: every byte of a table is under a checksum or compared with what it must be.
		expect(refused).toBe(bytes.length);
	});

	it.each(tables)('refuses a table of $what cut at every length', async ({ operations }) => {
		const spec = await makeTable(operations);
		const bytes = readFileSync(spec.path);
		const path = join(directory, 'cut.sst');
		for (let length = 0; length < bytes.length; length += 1) {
			writeFileSync(path, bytes.subarray(0, length));
			expect(await attempt({ ...spec, path, size: length })).toBe('corrupt');
			if (length % 16 === 0) expect(await attempt({ ...spec, path })).toBe('corrupt');
		}
	});
});
