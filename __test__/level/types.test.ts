/** The public types of varve/level: what compiles for classic-level compiles here, with the same results. Checked by `npm run types`. */
import type { ClassicLevel } from 'classic-level';
import { describe, expectTypeOf, it } from 'vitest';
import type { Database } from '../../ts/index';
import type {
	ChainedBatch,
	DatabaseOptions,
	GetOptions,
	Iterator,
	IteratorOptions,
	KeyIterator,
	OpenOptions,
	ValueIterator,
	VarveLevel,
} from '../../ts/level/index';

/** Never called: only its types count. */
function calls(level: VarveLevel, bytes: VarveLevel<string, Buffer>, controller: AbortController) {
	return {
		get: level.get('k'),
		getJson: level.get<string, { a: number }>('k', { valueEncoding: 'json', fillCache: false }),
		getBytes: bytes.get('k'),
		getSync: level.getSync('k'),
		getMany: level.getMany(['k']),
		has: level.has('k', { fillCache: false }),
		hasMany: level.hasMany(['k']),
		put: level.put('k', 'v', { sync: true }),
		del: level.del('k', { sync: true }),
		batch: level.batch([{ type: 'put', key: 'k', value: 'v' }], { sync: true }),
		sublevelBatch: level.batch([{ type: 'del', key: 'k', sublevel: level.sublevel('s') }]),
		chained: level.batch().put('k', 'v').del('k'),
		written: level.batch().write({ sync: true }),
		iterator: level.iterator({ gt: 'a', highWaterMarkBytes: 1024, fillCache: false, signal: controller.signal }),
		keys: level.keys({ limit: 1, highWaterMarkBytes: 1 }),
		values: bytes.values(),
		snapshot: level.snapshot(),
		size: level.approximateSize('a', 'b', { keyEncoding: 'utf8' }),
		compacted: level.compactRange('a', 'b'),
		property: level.getProperty('leveldb.stats'),
		database: level.database,
		location: level.location,
	};
}

describe('the types of VarveLevel', () => {
	type Calls = ReturnType<typeof calls>;

	it('are those of its methods', () => {
		expectTypeOf<Calls['get']>().resolves.toEqualTypeOf<string | undefined>();
		expectTypeOf<Calls['getJson']>().resolves.toEqualTypeOf<{ a: number } | undefined>();
		expectTypeOf<Calls['getBytes']>().resolves.toEqualTypeOf<Buffer | undefined>();
		expectTypeOf<Calls['getSync']>().toEqualTypeOf<string | undefined>();
		expectTypeOf<Calls['getMany']>().resolves.toEqualTypeOf<(string | undefined)[]>();
		expectTypeOf<Calls['has']>().resolves.toEqualTypeOf<boolean>();
		expectTypeOf<Calls['hasMany']>().resolves.toEqualTypeOf<boolean[]>();
		for (const _ of ['put', 'del', 'batch', 'sublevelBatch', 'written', 'compacted'] as const) {
			expectTypeOf<Calls[typeof _]>().resolves.toBeVoid();
		}
		expectTypeOf<Calls['chained']>().toExtend<ChainedBatch<VarveLevel, string, string>>();
		expectTypeOf<Calls['iterator']>().toEqualTypeOf<Iterator<VarveLevel, string, string>>();
		expectTypeOf<Calls['keys']>().toEqualTypeOf<KeyIterator<VarveLevel, string>>();
		expectTypeOf<Calls['values']>().toEqualTypeOf<ValueIterator<VarveLevel<string, Buffer>, string, Buffer>>();
		expectTypeOf<Calls['size']>().resolves.toBeNumber();
		expectTypeOf<Calls['property']>().toBeString();
		expectTypeOf<Calls['location']>().toBeString();
		expectTypeOf<Calls['database']>().toEqualTypeOf<Database>();
		expectTypeOf<Awaited<ReturnType<Calls['iterator']['next']>>>().toEqualTypeOf<[string, string] | undefined>();
	});

	it('take the options of classic-level', () => {
		type ClassicOptions = NonNullable<ConstructorParameters<typeof ClassicLevel<string, string>>[1]>;
		expectTypeOf<ClassicOptions>().toExtend<DatabaseOptions<string, string>>();
		expectTypeOf<Parameters<ClassicLevel['open']>[0]>().toExtend<OpenOptions | undefined>();
		expectTypeOf<{ fillCache: boolean }>().toExtend<GetOptions<string, string>>();
		expectTypeOf<{ highWaterMarkBytes: number; reverse: true }>().toExtend<IteratorOptions<string, string>>();
	});

	it('refuse what is no option', () => {
		expectTypeOf<{ cacheSize: string }>().not.toExtend<OpenOptions>();
		expectTypeOf<{ kernel: 'wasm' }>().not.toExtend<OpenOptions>();
		const getNumber = (level: VarveLevel<number, string>) => level.get(1);
		expectTypeOf<ReturnType<typeof getNumber>>().resolves.toEqualTypeOf<string | undefined>();
		// @ts-expect-error a key of this database is a number
		const getText = (level: VarveLevel<number, string>) => level.get('1');
		expectTypeOf(getText).toBeFunction();
	});
});
