/**
 * Writes batches until it is killed. Each batch puts `batch<i>/<0…9>`, all with the value of i; after its acknowledgement i is printed.
 * Arguments: the compiled package, the directory, the kernel, the first i.
 */
const [, , entry, directory, kernel, first] = process.argv;
const { Database } = require(entry);
const { writeSync } = require('node:fs');

async function main() {
	const options = { kernel, memtableSize: 16 * 1024, tableSize: 16 * 1024, levelBaseSize: 32 * 1024, levelMultiplier: 3 };
	const database = await Database.open(directory, options);
	for (let i = Number(first); ; i++) {
		const operations = Array.from({ length: 10 }, (_, j) => ({ type: 'put', key: `batch${i}/${j}`, value: `${i}`.repeat(20) }));
		await database.batch(operations);
		writeSync(1, `${i}\n`);
	}
}

main();
