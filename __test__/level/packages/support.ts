/**
 * What the tests of packages share: one program runs on classic-level and on VarveLevel, each in a directory of its own, and has to give
 * the same result on both.
 */
import type { AbstractDatabaseOptions, AbstractLevel } from 'abstract-level';
import { ClassicLevel } from 'classic-level';
import { expect } from 'vitest';
import type { Database } from '../../../ts/index';
import { VarveLevel } from '../../../ts/level';
import { temporaryDirectory } from '../../support/stores';

export { kernelNames } from '../../support/stores';

/** What the packages are given. Both classes extend it, yet the type of `hooks` makes neither assignable to it. */
export type Level = AbstractLevel<string | Buffer | Uint8Array, string, string>;

export type DatabaseOptions = AbstractDatabaseOptions<string, string>;

export type KernelName = 'native' | 'js';

/** A directory and the database that opens in it. */
export interface Store {
	/** A new database object, which opens in the background. Closed after the program, or by the program before the next one. */
	create(options?: DatabaseOptions): Level;
	/** The same, once it is open. */
	open(options?: DatabaseOptions): Promise<Level>;
}

/** Memtables and tables so small that a few thousand entries are read from the disk, and from several levels. */
const SIZES = { writeBufferSize: 256 * 1024, maxFileSize: 1024 * 1024, blockSize: 4096 };

/**
 * Runs the program on classic-level and on VarveLevel, and expects equal results.
 * @returns the result, for expectations that say what it should be
 */
export async function sameAsClassic<T>(kernel: KernelName, program: (store: Store) => Promise<T>): Promise<T> {
	const expected = await run((directory, options) => new ClassicLevel(directory, { ...SIZES, ...options }), program);
	const actual = await run((directory, options) => new VarveLevel(directory, { ...SIZES, ...options, kernel }), program);
	expect(actual).toEqual(expected);
	return actual;
}

/** Runs the program on VarveLevel alone, where it may look at the store underneath. */
export function onVarve<T>(kernel: KernelName, program: (level: Level, database: Database) => Promise<T>): Promise<T> {
	return run(
		(directory) => new VarveLevel(directory, { ...SIZES, kernel }),
		async (store) => {
			const level = await store.open();
			return program(level, (level as unknown as VarveLevel).database);
		},
	);
}

async function run<T>(
	construct: (directory: string, options: DatabaseOptions | undefined) => ClassicLevel | VarveLevel,
	program: (store: Store) => Promise<T>,
): Promise<T> {
	const directory = temporaryDirectory();
	const created: Level[] = [];
	const create = (options?: DatabaseOptions) => {
		const level = construct(directory, options) as unknown as Level;
		created.push(level);
		return level;
	};
	const open = async (options?: DatabaseOptions) => {
		const level = create(options);
		await level.open();
		return level;
	};
	try {
		return await program({ create, open });
	} finally {
		for (const level of created) await level.close();
	}
}
