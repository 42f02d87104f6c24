/** What the kernel suites share: seeded randomness, WAL records, internal keys, table options and cursors read to their end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import type { TableOptions, TableSpec, TableSummary } from '../../ts/kernel/kernel';
import {
	type CursorOptions,
	IO_CACHE,
	type IoPolicy,
	type JobOutput,
	type KernelCursor,
	type KernelEngine,
	KIND_DELETE,
	KIND_PUT,
	KIND_PUT_WITH_EXPIRY,
	KIND_RANGE_DELETE,
	READ_BUFFER,
} from '../../ts/kernel/kernel';

export const NEWEST = Number.MAX_SAFE_INTEGER;

/** Small, fast and good enough (mulberry32). Suites print or name their seeds. */
export class Random {
	constructor(private state: number) {}

	/** 0 … 1 */
	fraction(): number {
		this.state = (this.state + 0x6d2b79f5) | 0;
		let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	/** 0 … end − 1 */
	below(end: number): number {
		return Math.floor(this.fraction() * end);
	}

	chance(probability: number): boolean {
		return this.fraction() < probability;
	}

	pick<T>(items: readonly T[]): T {
		return items[this.below(items.length)] as T;
	}

	bytes(length: number): Buffer {
		return Buffer.from(Array.from({ length }, () => this.below(256)));
	}

	/** Keys that collide often: short, over few bytes, with prefixes of each other and 0xff. */
	key(): Buffer {
		return Buffer.from(Array.from({ length: this.below(5) }, () => this.pick([0, 1, 97, 98, 255])));
	}
}

export interface Operation {
	/** Of a range delete: its start. */
	key: Uint8Array;
	/** Undefined deletes. */
	value?: Uint8Array | undefined;
	/** Of a put: when it expires, in milliseconds since the epoch. */
	expiresAt?: number | undefined;
	/** Given: a range delete; empty: to the end of all keys. */
	end?: Uint8Array | undefined;
}

function varint(value: number): Buffer {
	const bytes: number[] = [];
	for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
	return Buffer.from([...bytes, value]);
}

/** A value as it stands behind its expiry. */
export function withExpiry(value: Uint8Array, expiresAt: number): Buffer {
	const time = Buffer.alloc(8);
	time.writeBigUInt64LE(BigInt(expiresAt));
	return Buffer.concat([time, value]);
}

/** One batch in WAL format. */
export function encodeRecord(sequence: number, operations: readonly Operation[]): Buffer {
	const header = Buffer.alloc(12);
	header.writeBigUInt64LE(BigInt(sequence));
	header.writeUInt32LE(operations.length, 8);
	const parts: Uint8Array[] = [header];
	for (const { key, value: given, end, expiresAt } of operations) {
		const value = given !== undefined && expiresAt !== undefined ? withExpiry(given, expiresAt) : given;
		const kind =
			end !== undefined
				? KIND_RANGE_DELETE
				: value === undefined
					? KIND_DELETE
					: expiresAt === undefined
						? KIND_PUT
						: KIND_PUT_WITH_EXPIRY;
		const second = end ?? value ?? Buffer.alloc(0);
		parts.push(Buffer.from([kind]), varint(key.length), key, varint(second.length), second);
	}
	return Buffer.concat(parts);
}

export function apply(engine: KernelEngine, sequence: number, operations: readonly Operation[]): void {
	const record = encodeRecord(sequence, operations);
	engine.apply(record, 0, record.length);
}

export function internalKey(userKey: Uint8Array | string, sequence: number, kind = KIND_PUT): Buffer {
	const trailer = Buffer.alloc(8);
	trailer.writeBigUInt64LE((BigInt(sequence) << 8n) | BigInt(kind));
	return Buffer.concat([Buffer.from(userKey), trailer]);
}

export function compareInternal(a: Uint8Array, b: Uint8Array): number {
	const order = Buffer.compare(a.subarray(0, -8), b.subarray(0, -8));
	return order !== 0 ? order : Buffer.compare(Buffer.from(b.subarray(-8)).reverse(), Buffer.from(a.subarray(-8)).reverse());
}

export const TABLE: TableOptions = {
	blockSize: 256,
	restartInterval: 4,
	filterPolicy: 'blocked-bloom',
	filterMilliBitsPerKey: 10_000,
	filterProbes: 6,
	tableSize: 2048,
	compression: 0,
	compressionLevel: 3,
};

export function jobOutput(directory: string, firstNumber: number, level = 0, table: Partial<TableOptions> = {}): JobOutput {
	return {
		directory,
		level,
		firstNumber,
		numberCount: 1000,
		createdAt: 1_700_000_000_000_000_000n,
		table: { ...TABLE, ...table },
	};
}

export function tableSpec(directory: string, summary: TableSummary): TableSpec {
	const { birthLevel, number, createdAt, size } = summary;
	const name = `${birthLevel}_${String(number).padStart(6, '0')}_${String(createdAt).padStart(20, '0')}.sst`;
	return { number, path: join(directory, name), size };
}

/** A directory that goes away after the suite. */
export function temporaryDirectory(): string {
	const directory = mkdtempSync(join(tmpdir(), 'varve-kernel-'));
	afterAll(() => rmSync(directory, { recursive: true, force: true }));
	return directory;
}

export function get(engine: KernelEngine, key: Uint8Array, sequence = NEWEST, mode: 0 | 1 | 2 = 0, io: IoPolicy = IO_CACHE) {
	engine.reserveKey(key.length);
	engine.keyScratch.set(key);
	return engine.get(key.length, sequence, mode, io);
}

/** The value through `getInto`, whose target has `room`; its length where it does not fit. */
export function getInto(engine: KernelEngine, key: Uint8Array, room: number, sequence = NEWEST) {
	engine.reserveKey(key.length);
	engine.keyScratch.set(key);
	const target = Buffer.alloc(room, 0xee);
	const length = engine.getInto(key.length, sequence, target, IO_CACHE);
	if (length === undefined) return undefined;
	const written = length <= room ? length : 0;
	expect(target.subarray(written)).toEqual(Buffer.alloc(room - written, 0xee));
	return written === length ? target.subarray(0, length) : length;
}

export function getAsync(engine: KernelEngine, key: Uint8Array, sequence = NEWEST) {
	engine.reserveKey(key.length);
	engine.keyScratch.set(key);
	return engine.getAsync(key.length, sequence, READ_BUFFER, true);
}

export function packKeys(keys: readonly Uint8Array[]): Buffer {
	return Buffer.concat(
		keys.flatMap((key) => {
			const length = Buffer.alloc(4);
			length.writeUInt32LE(key.length);
			return [length, key];
		}),
	);
}

export function cursorOptions(options: Partial<CursorOptions> = {}): CursorOptions {
	return { sequence: NEWEST, reverse: false, keys: true, values: true, fillCache: true, ...options };
}

/** An entry as text, so that failures read well. */
export type TextEntry = [key: string, value: string];

/** Takes the entries of a chunk. */
export function unpack(chunk: Uint8Array, index: Uint32Array, count: number): TextEntry[] {
	const entries: TextEntry[] = [];
	let at = 0;
	for (let i = 0; i < count; i++) {
		const key = Buffer.from(chunk.subarray(at, index[2 * i])).toString('latin1');
		const value = Buffer.from(chunk.subarray(index[2 * i], index[2 * i + 1])).toString('latin1');
		entries.push([key, value]);
		at = index[2 * i + 1] as number;
	}
	return entries;
}

/** Reads a cursor to its end; chunks that are too small grow. */
export async function readAll(cursor: KernelCursor, how: 'sync' | 'async', chunkSize = 4096, limit = 1000): Promise<TextEntry[]> {
	const entries: TextEntry[] = [];
	const index = new Uint32Array(64);
	for (let chunk = Buffer.alloc(chunkSize); ; ) {
		const count = how === 'sync' ? cursor.fill(chunk, index, limit, true) : await cursor.fillAsync(chunk, index, limit);
		if (count === 0) return entries;
		if (count < 0) chunk = Buffer.alloc(index[0] as number);
		else entries.push(...unpack(chunk, index, count));
	}
}
