// Uses the package through both module systems in one process.
import { createRequire } from 'node:module';

const imported = await import('varve');
const required = createRequire(import.meta.url)('varve');
for (const name of new Set([...Object.keys(imported), ...Object.keys(required)])) {
	if (imported[name] !== required[name]) throw new Error(`There are two copies of ${name}.`);
}
for (const { Database } of [imported, required]) {
	const db = await Database.open('both');
	await db.close();
}
console.log('one copy');
