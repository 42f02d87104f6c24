const { Database } = require('varve');

async function main() {
	const db = await Database.open('data', { encoding: 'utf8' });

	await db.put('layer/2024', 'clay');
	await db.batch([
		{ type: 'put', key: 'layer/2025', value: 'silt' },
		{ type: 'put', key: 'layer/2026', value: 'sand' },
		{ type: 'delete', key: 'layer/2024' },
	]);

	console.log(await db.get('layer/2025'));
	console.log(await db.get('layer/2024'));

	for await (const [key, value] of db.iterator({ prefix: 'layer/', reverse: true })) {
		console.log(key, value);
	}

	console.log(`kernel: ${db.kernel}`);
	await db.close();
}

main();
