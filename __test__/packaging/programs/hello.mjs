import { Database } from 'varve';

const db = await Database.open('data', { encoding: 'utf8' });

await db.put('layer/2024', 'clay');
await db.batch([
	{ type: 'put', key: 'layer/2025', value: 'silt' },
	{ type: 'put', key: 'layer/2026', value: 'sand' },
	{ type: 'delete', key: 'layer/2024' },
]);

console.log(await db.get('layer/2025')); // silt
console.log(await db.get('layer/2024')); // undefined

for await (const [key, value] of db.iterator({ prefix: 'layer/', reverse: true })) {
	console.log(key, value); // layer/2026 sand, then layer/2025 silt
}

console.log(`kernel: ${db.kernel}`); // native, or js where there is no binary
await db.close();
