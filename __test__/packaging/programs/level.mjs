// Uses varve/level on the main thread and on a worker, each with a store of its own.
import { createRequire } from 'node:module';
import { isMainThread, Worker } from 'node:worker_threads';

const require = createRequire(import.meta.url);

async function useLevel(name) {
	const { VarveLevel } = await import('varve/level');
	const db = new VarveLevel(`level-${name}`);
	await db.sublevel('layer').put('2025', 'silt');
	console.log(`${name}: ${await db.sublevel('layer').get('2025')}`);
	await db.close();
	return VarveLevel;
}

if (isMainThread) {
	require('varve');
	await import('varve');
	const loaded = Object.keys(require.cache).some((path) => path.includes('abstract-level'));
	console.log(`varve alone: ${loaded ? 'loaded' : 'not loaded'}`);
	const imported = await useLevel('main');
	await new Promise((resolve, reject) => new Worker(new URL(import.meta.url)).once('exit', resolve).once('error', reject));
	console.log(imported === require('varve/level').VarveLevel ? 'one copy' : 'two copies');
} else {
	await useLevel('worker');
}
