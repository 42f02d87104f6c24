/**
 * The process that dies: `node crash-writer.mjs <path> <kernel> <first batch number>`.
 *
 * Keeps several batches in flight and prints the number of each one that was acknowledged, until it is killed.
 */
import { writeSync } from 'node:fs';
import { Database } from 'varve';
import { batchOperations } from './crash-batches.mjs';

const IN_FLIGHT = 4;

const [path, kernel, first] = process.argv.slice(2);
const db = await Database.open(path, {
	kernel: /** @type {'native' | 'js'} */ (kernel),
	sync: 'always',
	memtableSize: 1024 * 1024,
});
let next = Number(first);
await Promise.all(Array.from({ length: IN_FLIGHT }, writeForEver));

async function writeForEver() {
	for (;;) {
		const batch = next++;
		await db.batch(batchOperations(batch));
		// Not console.log: an acknowledgement that waits in a buffer would die with the process.
		writeSync(1, `${batch}\n`);
	}
}
