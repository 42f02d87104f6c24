/**
 * fergies-inverted-index 13, the index under search-index. It makes its database itself, out of a class, and works before that is open: keys
 * in the encoding charwise, values in JSON, each query a few ranges.
 */
import { describe, expect, it } from 'vitest';
import { type DatabaseOptions, kernelNames, type Store, sameAsClassic } from './support';

const MAKES = ['BMW', 'Tesla', 'Volvo', 'Škoda'];
const COLOURS = ['Black', 'Blue', 'Green', 'Red', 'Yellow'];

const cars = Array.from({ length: 300 }, (_, index) => ({
	_id: index,
	make: MAKES[index % 4],
	colour: COLOURS[index % 5],
	year: 2000 + (index % 25),
	owners: [{ name: `Owner ${index % 40}` }, { name: '漢字' }],
}));

async function openIndex(store: Store) {
	const { InvertedIndex } = await import('fergies-inverted-index');
	// A function, not a class: `new` gives what it returns.
	function Level(_name: string, options: DatabaseOptions) {
		return store.create(options);
	}
	const index = new InvertedIndex({ name: 'cars', Level });
	await new Promise((resolve) => index.EVENTS.once('ready', resolve));
	return index;
}

async function filledIndex(store: Store) {
	const index = await openIndex(store);
	for (let first = 0; first < cars.length; first += 100) await index.PUT(structuredClone(cars.slice(first, first + 100)));
	return index;
}

/** Everything in the index but the times at which it was made and changed. */
async function exported(index: Awaited<ReturnType<typeof openIndex>>) {
	return (await index.EXPORT()).filter(({ key }) => !String(key[0]).startsWith('~'));
}

const ids = (matches: { _id: number }[]) => matches.map(({ _id }) => _id).sort((a, b) => a - b);

describe.each(kernelNames)('fergies-inverted-index, %s kernel', (kernel) => {
	it('finds documents', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const index = await filledIndex(store);
			return {
				and: await index.AND(['make:Tesla', 'colour:Red']).then((matches) => index.OBJECT(matches)),
				or: await index.OR(['make:Škoda', 'owners.name:Owner 3']),
				not: await index.NOT(index.GET('make:BMW'), index.GET('colour:Black')),
				range: await index.GET({ FIELD: 'year', VALUE: { GTE: 2003, LTE: 2005 } }),
				everything: await index.GET({ FIELD: 'owners.name', VALUE: '漢字' }),
			};
		});
		const expected = (matches: (car: (typeof cars)[number]) => boolean) => cars.filter(matches).map(({ _id }) => _id);
		expect(ids(results.and)).toEqual(expected(({ make, colour }) => make === 'Tesla' && colour === 'Red'));
		expect(ids(results.not)).toEqual(expected(({ make, colour }) => make === 'BMW' && colour !== 'Black'));
		expect(ids(results.range)).toEqual(expected(({ year }) => year >= 2003 && year <= 2005));
		expect(results.everything).toHaveLength(cars.length);
	});

	it('aggregates', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const index = await filledIndex(store);
			return {
				fields: await index.FIELDS(),
				distinct: await index.DISTINCT({ FIELD: 'make' }),
				facets: await index.FACETS({ FIELD: 'colour' }),
				buckets: await index.BUCKETS({ FIELD: 'year', VALUE: { LTE: 2010 } }, { FIELD: 'year', VALUE: { GTE: 2010 } }),
				extremes: [await index.MIN({ FIELD: 'year' }), await index.MAX({ FIELD: 'year' })],
			};
		});
		expect(results.fields.sort()).toEqual(['colour', 'make', 'owners.name', 'year']);
		expect(results.distinct).toHaveLength(MAKES.length);
		expect(results.extremes).toEqual([2000, 2024]);
	});

	it('deletes, exports and imports', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const index = await filledIndex(store);
			await index.DELETE(Array.from({ length: 250 }, (_, id) => id));
			await index.PUT([{ _id: 260, make: 'Lada', colour: 'Red' }]);
			const entries = await exported(index);
			await index.IMPORT(structuredClone(entries));
			return {
				entries,
				again: await exported(index),
				exist: await index.EXIST(1, 249, 250, 299, 300),
				lada: await index.GET('make:Lada').then((matches) => index.OBJECT(matches)),
			};
		});
		expect(results.again).toEqual(results.entries);
		expect(results.exist).toEqual([250, 299]);
		expect(results.lada).toMatchObject([{ _id: 260, _object: { make: 'Lada' } }]);
	});
});
