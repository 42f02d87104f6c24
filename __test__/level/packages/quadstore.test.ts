/** quadstore 15: an RDF graph database, with one level as its storage. Six indexes over each quad, patterns as key ranges. */
import { Readable } from 'node:stream';
import { DataFactory } from 'rdf-data-factory';
import { describe, expect, it } from 'vitest';
import { kernelNames, type Level, onVarve, type Store, sameAsClassic } from './support';

const PEOPLE = 1200;

const rdf = new DataFactory();
const iri = (name: string) => rdf.namedNode(`http://example.org/${name}`);
const integer = (value: number) => rdf.literal(String(value), rdf.namedNode('http://www.w3.org/2001/XMLSchema#integer'));

const name = iri('name');
const age = iri('age');
const knows = iri('knows');
const person = (index: number) => iri(`person/${index}`);
const graph = (index: number) => iri(`graph/${index % 3}`);

/** Who they are, how old, and whom they know, over three graphs. */
function quadsOf(index: number) {
	return [
		rdf.quad(person(index), name, rdf.literal(`Name ${index} 漢字`, 'en'), graph(index)),
		rdf.quad(person(index), age, integer(index % 90), graph(index)),
		rdf.quad(person(index), knows, person((index * 7) % PEOPLE), graph(index)),
	];
}

const allQuads = Array.from({ length: PEOPLE }, (_, index) => quadsOf(index)).flat();

async function openStore(level: Level) {
	const { Quadstore } = await import('quadstore');
	const store = new Quadstore({ backend: level, dataFactory: rdf });
	await store.open();
	return store;
}

async function filledStore(store: Store) {
	const quadstore = await openStore(await store.open());
	for (let first = 0; first < allQuads.length; first += 400) await quadstore.multiPut(allQuads.slice(first, first + 400));
	return quadstore;
}

const collect = <T>(source: AsyncIterable<T>): Promise<T[]> => Readable.from(source).toArray();

describe.each(kernelNames)('quadstore, %s kernel', (kernel) => {
	it('puts and gets by all patterns', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const quadstore = await filledStore(store);
			await quadstore.put(rdf.quad(person(5), name, rdf.literal('Another name'), rdf.defaultGraph()));
			const found: Record<string, unknown[]> = {};
			const some = { subject: person(5), predicate: knows, object: person(35), graph: graph(5) };
			for (let mask = 0; mask < 16; mask++) {
				const pattern = Object.fromEntries(Object.entries(some).filter((_, bit) => mask & (1 << bit)));
				found[Object.keys(pattern).join(' ')] = (await quadstore.get(pattern)).items;
			}
			return found;
		});
		expect(results['']).toHaveLength(allQuads.length + 1);
		expect(results.subject).toHaveLength(4);
		expect(results.predicate).toHaveLength(PEOPLE);
		expect(results.graph).toHaveLength(allQuads.length / 3);
		const [quad] = results['subject predicate object graph'] as ReturnType<typeof quadsOf>;
		expect(quad.equals(quadsOf(5)[2])).toBe(true);
	});

	it('gets ranges, in an order, reversed, limited', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const quadstore = await filledStore(store);
			const range = { termType: 'Range', gte: integer(20), lt: integer(22) } as const;
			return {
				range: (await quadstore.get({ predicate: age, object: range })).items,
				ordered: await quadstore.get({ predicate: age }, { order: ['object', 'subject'], limit: 50 }),
				resorted: await quadstore.get({ object: person(7) }, { order: ['graph', 'subject'], reverse: true }),
				last: (await quadstore.get({}, { reverse: true, limit: 10, maxBufferSize: 3 })).items,
			};
		});
		expect(new Set(results.range.map(({ object }) => object.value))).toEqual(new Set(['20', '21']));
		expect(results.ordered.items).toHaveLength(50);
		expect(results.last).toHaveLength(10);
	});

	it('deletes, patches and clears', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const quadstore = await filledStore(store);
			await quadstore.del(quadsOf(0)[0]);
			await quadstore.multiDel(allQuads.slice(3, 600));
			await quadstore.patch(quadsOf(300)[0], rdf.quad(person(300), name, rdf.literal('New'), graph(0)));
			await quadstore.multiPatch(quadsOf(301), quadsOf(1));
			const left = (await quadstore.get({})).items;
			const removal = quadstore.removeMatches(undefined, age);
			await new Promise((resolve, reject) => removal.on('end', resolve).on('error', reject));
			const ages = (await quadstore.get({ predicate: age })).items;
			const others = (await quadstore.get({})).items.length;
			await quadstore.clear();
			return { left, ages, others, cleared: (await quadstore.get({})).items };
		});
		expect(results.left).toHaveLength(allQuads.length - 598);
		expect(results).toMatchObject({ ages: [], cleared: [] });
	});

	it('streams in and out, with blank nodes in scopes, and writes of its user in the same batch', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const level = await store.open();
			const quadstore = await openStore(level);
			await quadstore.putStream(Readable.from(allQuads), { batchSize: 100 });
			const scope = await quadstore.initScope();
			const blank = (label: string) => rdf.quad(rdf.blankNode(label), knows, person(1));
			await quadstore.multiPut([blank('x'), blank('y'), blank('x')], { scope });
			const again = await quadstore.loadScope(scope.id);
			await quadstore.put(blank('y'), { scope: again });
			await quadstore.put(quadsOf(0)[0], { preWrite: (batch) => batch.put('application', 'state') });
			const blanks = (await quadstore.get({ object: person(1) })).items.filter(({ subject }) => subject.termType === 'BlankNode');
			await quadstore.deleteScope(scope.id);
			return {
				all: (await collect(quadstore.match(undefined, name))).length,
				some: await collect(quadstore.match(person(9), undefined, undefined, graph(9))),
				blanks: blanks.length,
				state: await level.get('application'),
				scopes: await level.keys({ gte: 'SCOPE', lt: 'SCOPF' }).all(),
			};
		});
		expect(results).toMatchObject({ all: PEOPLE, blanks: 2, state: 'state', scopes: [] });
		expect(results.some).toHaveLength(3);
	});

	it('is the same after it was closed and opened', async () => {
		const results = await sameAsClassic(kernel, async (store) => {
			const first = await filledStore(store);
			const before = (await first.get({ predicate: knows })).items;
			await first.close();
			await expect(first.get({})).rejects.toThrow('not ready');
			const second = await openStore(await store.open());
			return { before, after: (await second.get({ predicate: knows })).items };
		});
		expect(results.after).toHaveLength(PEOPLE);
		expect(results.after).toEqual(results.before);
	});

	it('counts quads by approximate sizes', async () => {
		await onVarve(kernel, async (level, database) => {
			const quadstore = await openStore(level);
			await quadstore.multiPut(allQuads);
			await database.flush();
			const size = async (pattern: object) => (await quadstore.getApproximateSize(pattern)).approximateSize;
			const [all, inGraph, none] = [await size({}), await size({ graph: graph(0) }), await size({ subject: iri('z') })];
			expect(all).toBeGreaterThan(inGraph);
			expect(inGraph).toBeGreaterThan(none);
			expect(await quadstore.countQuads(undefined, name)).toBeGreaterThan(1);
		});
	});
});
