/** Random writes, flushes and compactions, then damage that costs no data: the repaired store equals a sorted map. */
import { readFileSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Database } from '../../ts/index';
import { repairStore } from '../../ts/maintenance/repair';
import { kernels } from '../kernels';
import { Model, range } from '../support/model';
import { Random, temporaryDirectory, testSeed, tinyTree } from '../support/stores';
import { loseManifest, manifestOf } from './support';

const ROUNDS = 12;
const OPERATIONS = 1500;

describe.each(kernels)('repair against a model ($name)', (kernel) => {
	const seed = testSeed();

	it(`brings back the newest state, seed ${seed}`, async () => {
		const random = new Random(seed);
		const path = temporaryDirectory();
		const model = new Model();
		for (let round = 0; round < ROUNDS; round++) {
			const database = await Database.open(path, { ...tinyTree, kernel: kernel.name });
			for (let i = random.below(OPERATIONS); i > 0; i--) await step(database, model, random);
			await database.close();
			damage(path, random);
			const report = await repairStore(path, {}, undefined, kernel);
			expect(report).toMatchObject({ lostTables: [], lostLogs: [] });
			const repaired = await Database.open(path, { ...tinyTree, kernel: kernel.name });
			const entries = await repaired.iterator().all();
			await repaired.close();
			expect(entries.map(([key, value]) => [key.toString('hex'), value.toString('hex')])).toEqual(range(model.freeze(), {}));
		}
	});
});

async function step(database: Database, model: Model, random: Random): Promise<void> {
	const dice = random.below(1000);
	const key = Buffer.from(`k${random.below(300)}`);
	if (dice < 700) {
		const value = random.bytes(random.below(60));
		database.putSync(key, value);
		model.put(key, value);
	} else if (dice < 985) {
		database.deleteSync(key);
		model.delete(key);
	} else if (dice < 995) await database.flush();
	else await database.compact(random.below(2) === 0 ? {} : { gte: key });
}

/** Damage of the manifest only. */
function damage(path: string, random: Random): void {
	const kind = random.below(5);
	if (kind === 0) loseManifest(path);
	else if (kind === 1) unlinkSync(join(path, 'CURRENT'));
	else if (kind < 4) truncateSync(manifestOf(path), random.below(readFileSync(manifestOf(path)).length));
}
