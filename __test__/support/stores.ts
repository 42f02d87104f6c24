/** What the tests of whole stores share: directories that go away, kernels to run on, options that make trees out of few entries. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { Database, type Encoding, type OpenOptions } from '../../ts/index';
import { kernels } from '../kernels';

/** The kernels at hand, by name; every behaviour is tested on each. */
export const kernelNames = kernels.map((kernel) => kernel.name);

/** Memtables, tables and blocks so small that a few hundred entries make a deep tree. */
export const tinyTree = {
	memtableSize: 8 * 1024,
	tableSize: 8 * 1024,
	blockSize: 512,
	levelBaseSize: 16 * 1024,
	levelMultiplier: 3,
	cacheSize: 16 * 1024,
	sync: 'never',
} as const satisfies OpenOptions;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
	for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A directory that is removed after the test. */
export function temporaryDirectory(): string {
	const directory = mkdtempSync(join(tmpdir(), 'varve-test-'));
	cleanups.push(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
	return directory;
}

/** Opens a database that is closed after the test. */
export async function openDatabase<E extends Encoding = 'buffer'>(path: string, options?: OpenOptions<E>): Promise<Database<E>> {
	const database = await Database.open<E>(path, options);
	cleanups.push(() => database.close().catch(() => undefined));
	return database;
}

/** A seed for a random test: VARVE_SEED, or a new one. Put it into the name of the test, so that a failure prints it. */
export function testSeed(): number {
	return Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
}

/** Reproducible random numbers (mulberry32). */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** 0 ≤ x < 1. */
	fraction(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let t = this.#state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	/** 0 ≤ n < bound. */
	below(bound: number): number {
		return Math.floor(this.fraction() * bound);
	}

	pick<T>(choices: readonly T[]): T {
		return choices[this.below(choices.length)];
	}

	bytes(length: number): Buffer {
		return Buffer.from(Array.from({ length }, () => this.below(256)));
	}
}
