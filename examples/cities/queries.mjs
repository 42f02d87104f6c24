/** Point, prefix, range and reverse queries, each checked against a plain search of the array that was loaded. */
import { number } from '../../scripts/table.mjs';
import { cityKey, cityPrefix, sizeKey } from './keys.mjs';
import { prove } from './proofs.mjs';

/** @typedef {import('./keys.mjs').City} City */

/**
 * @param {import('varve').Database<'utf8'>} db
 * @param {readonly City[]} cities
 */
export async function answerQueries(db, cities) {
	await point(db, cities);
	await prefix(db, cities);
	await range(db, cities);
	await reverse(db, cities);
	await everything(db, cities);
}

/**
 * @param {import('varve').Database<'utf8'>} db
 * @param {readonly City[]} cities
 */
async function point(db, cities) {
	const zurich = cities.filter((city) => city.country === 'CH' && city.name === 'Zürich')[0];
	const key = cityKey(zurich);
	const value = await db.get(key);
	console.log(`\nget '${key}'\n  ${value}`);
	prove('the value is the place that was put', value === JSON.stringify(zurich));
	prove('a place that does not exist is undefined', (await db.get('city/CH/Atlantis/0')) === undefined);
}

/**
 * @param {import('varve').Database<'utf8'>} db
 * @param {readonly City[]} cities
 */
async function prefix(db, cities) {
	const start = cityPrefix('IS', 'H');
	const entries = await db.iterator({ prefix: start }).all();
	console.log(`\niterator { prefix: '${start}' }: places in Iceland that begin with H`);
	for (const [, value] of entries) console.log(`  ${describe(JSON.parse(value))}`);
	prove(
		`${entries.length} places, in order`,
		same(keysOf(entries), sorted(cities.map(cityKey).filter((key) => key.startsWith(start)))),
	);
}

/**
 * @param {import('varve').Database<'utf8'>} db
 * @param {readonly City[]} cities
 */
async function range(db, cities) {
	const bounds = { gte: 'size/JP/0000500000', lt: 'size/JP/0001000000' };
	const entries = await db.iterator({ ...bounds, limit: 5 }).all();
	const places = await db.getMany(entries.map(([, key]) => key));
	console.log(`\niterator { gte: '${bounds.gte}', lt: '${bounds.lt}', limit: 5 }, then getMany: Japan, from 500,000 inhabitants`);
	for (const place of places) console.log(`  ${describe(JSON.parse(String(place)))}`);
	const expected = sorted(cities.map(sizeKey).filter((key) => key >= bounds.gte && key < bounds.lt));
	prove('the first five of the range', same(keysOf(entries), expected.slice(0, 5)));
}

/**
 * @param {import('varve').Database<'utf8'>} db
 * @param {readonly City[]} cities
 */
async function reverse(db, cities) {
	console.log(`\niterator { prefix: 'size/BR/', reverse: true, limit: 5 }: the largest cities of Brazil`);
	const keys = [];
	for await (const [key, cityKeyOfEntry] of db.iterator({ prefix: 'size/BR/', reverse: true, limit: 5 })) {
		keys.push(key);
		console.log(`  ${describe(JSON.parse(String(await db.get(cityKeyOfEntry))))}`);
	}
	const expected = sorted(cities.map(sizeKey).filter((key) => key.startsWith('size/BR/'))).reverse();
	prove('the five largest, largest first', same(keys, expected.slice(0, 5)));
}

/**
 * @param {import('varve').Database<'utf8'>} db
 * @param {readonly City[]} cities
 */
async function everything(db, cities) {
	let entries = 0;
	for (const _ of db.iterator({ values: false })) entries++;
	console.log('\niterator { values: false }: every key');
	prove(`${number(entries)} keys, two for each place`, entries === 2 * cities.length);
}

/** @param {City} city */
function describe({ name, country, population, loc }) {
	const [longitude, latitude] = loc.coordinates;
	return `${name.padEnd(24)} ${country}  ${number(population).padStart(12)} inhabitants  ${latitude}, ${longitude}`;
}

/** @param {[string, string][]} entries */
function keysOf(entries) {
	return entries.map(([key]) => key);
}

/**
 * In the order of the store, which is that of the bytes.
 * @param {string[]} keys
 */
function sorted(keys) {
	return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/**
 * @param {string[]} a
 * @param {string[]} b
 */
function same(a, b) {
	return a.length === b.length && a.every((value, index) => value === b[index]);
}
