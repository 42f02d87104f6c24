// Flushes and compacts on the kernel that is named on the command line, and counts what the job thread of the TypeScript kernel was given.
import { Database } from 'varve';

const ENTRIES = 20_000;
const ROUNDS = 2;

async function main() {
	let jobsOfThread = 0;
	process.on('worker', (worker) => {
		// The thread is told of in the turn after it got its first job.
		jobsOfThread++;
		const post = worker.postMessage.bind(worker);
		worker.postMessage = (message) => {
			jobsOfThread++;
			post(message);
		};
	});

	const db = await Database.open('data', { encoding: 'utf8', kernel: process.argv[2] });
	for (let round = 0; round < ROUNDS; round++) {
		await db.batch(Array.from({ length: ENTRIES }, (_, i) => ({ type: 'put', key: key(i), value: `${round} ${i}` })));
		await db.flush();
	}
	await db.compact();

	let count = 0;
	for await (const [found, value] of db.iterator()) {
		if (found !== key(count) || value !== `${ROUNDS - 1} ${count}`) throw new Error(`Read ${found}: ${value}.`);
		count++;
	}
	if (count !== ENTRIES) throw new Error(`Read ${count} of ${ENTRIES} entries.`);
	console.log(`kernel: ${db.kernel}, jobs of the job thread: ${jobsOfThread}`);
	await db.close();
	console.log('OK');
}

function key(i) {
	return `layer/${String(i).padStart(8, '0')}`;
}

main();
