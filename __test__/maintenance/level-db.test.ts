/** A directory of LevelDB is refused by everything, and stays as it is, byte for byte. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { ConfigError, Database } from '../../ts/index';
import { destroyStore } from '../../ts/maintenance/destroy';
import { repairStore } from '../../ts/maintenance/repair';
import { temporaryDirectory } from '../support/stores';
import { snapshotOf } from './support';

/** A database of LevelDB: with tables, or with a log alone. */
async function levelDb(withTables: boolean): Promise<string> {
	const path = join(temporaryDirectory(), 'level');
	const database = new ClassicLevel(path);
	await database.open();
	await database.batch(Array.from({ length: 500 }, (_, i) => ({ type: 'put', key: `key${i}`, value: `value ${i}` })));
	if (withTables) await database.compactRange('', '~');
	await database.close();
	return path;
}

describe.each([false, true])('a directory of LevelDB (tables: %s)', (withTables) => {
	it('is refused and not changed', async () => {
		const path = await levelDb(withTables);
		for (const leftovers of [false, true]) {
			if (leftovers) for (const name of ['sst', 'wal']) mkdirSync(join(path, name));
			const before = snapshotOf(path);
			for (const refused of [
				Database.open(path),
				Database.open(path, { createIfMissing: false }),
				Database.open(path, { salvage: true }),
				repairStore(path),
				destroyStore(path),
			]) {
				const error = await refused.then(
					() => undefined,
					(reason: Error) => reason,
				);
				expect(error).toBeInstanceOf(ConfigError);
				expect(error?.message).toMatch(/LevelDB.*Nothing was changed.*examples\/migrate-from-classic-level/);
			}
			expect(snapshotOf(path)).toEqual(before);
		}
		const database = new ClassicLevel(path);
		expect(await database.get('key7')).toBe('value 7');
		await database.close();
	});
});
