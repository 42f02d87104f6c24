/** Options, the configuration in the manifest, and the bounds of ranges. */
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../ts/index';
import { halfOpenRange } from '../../ts/iterator/range';
import { durabilityOf, encodingOf, readModeOf } from '../../ts/options/calls';
import { decodeConfiguration, encodeConfiguration, nextConfiguration } from '../../ts/options/configuration';
import { checkOpenOptions, defaultStoreOptions, recordedOptions, resolveOptions } from '../../ts/options/schema';

describe('options', () => {
	it('have defaults that pass their own checks', () => {
		expect(() => checkOpenOptions(defaultStoreOptions)).not.toThrow();
		expect(resolveOptions({}, {})).toEqual(defaultStoreOptions);
	});

	it('are taken from the call, else from the manifest, else from the defaults', () => {
		const options = resolveOptions({ blockSize: 1024, tableSize: 8192 }, { blockSize: 2048 });
		expect(options).toEqual({ ...defaultStoreOptions, blockSize: 2048, tableSize: 8192 });
	});

	it('are refused when they are unknown, wrong or contradict each other', () => {
		for (const options of [{ size: 1 }, { blockSize: '1' }, { blockSize: 1 }, { toString: 1 }, { sync: true }, null, 'x']) {
			expect(() => checkOpenOptions(options)).toThrow(ConfigError);
		}
		expect(() => checkOpenOptions({ blockSize: undefined })).not.toThrow();
		expect(() => resolveOptions({}, { level0SlowdownTrigger: 30 })).toThrow(/'level0SlowdownTrigger' \(30\)/);
	});

	it.each([
		[{ filterBitsPerKey: -1 }],
		[{ filterBitsPerKey: 0 }],
		[{ filterBitsPerKey: 41 }],
		[{ filterBitsPerKey: Number.NaN }],
		[{ filterBitsPerKey: '10' }],
		[{ filterBitsPerKey: true }],
		[{ filterFalsePositiveRate: 0 }],
		[{ filterFalsePositiveRate: 1 }],
		[{ filterPolicy: 'cuckoo' }],
		[{ filterPolicy: false }],
		[{ filterAllocation: 'monkey' }],
		[{ filterBottomLevel: 1 }],
		[{ filterAdaptive: 'yes' }],
	])('refuse %j', (options) => {
		expect(() => checkOpenOptions(options)).toThrow(ConfigError);
	});

	it('say how large filters are by a rate or by bits, whichever was given last', () => {
		const bits = { filterBitsPerKey: 12 };
		expect(resolveOptions(bits, {}).filterBitsPerKey).toBe(12);
		expect(resolveOptions(bits, { filterFalsePositiveRate: 0.01 }).filterBitsPerKey).toBe(false);
		expect(resolveOptions({ filterFalsePositiveRate: 0.001 }, bits).filterBitsPerKey).toBe(12);
		expect(() => resolveOptions({}, { ...bits, filterFalsePositiveRate: 0.01 })).toThrow(ConfigError);
		expect(() => resolveOptions({}, { ...bits, filterFalsePositiveRate: false })).toThrow(ConfigError);
	});

	it('in a manifest that are no longer possible are left out', () => {
		expect(recordedOptions({ blockSize: 1024, tableSize: -1, old: 1 })).toEqual({ blockSize: 1024 });
		expect(recordedOptions('nonsense')).toEqual({});
	});
});

describe('the configuration', () => {
	it('goes up one version for each change and keeps what was before', () => {
		const first = nextConfiguration(undefined, { ...defaultStoreOptions });
		expect(first).toMatchObject({ version: 1, previous: undefined });
		const same = nextConfiguration(decodeConfiguration(encodeConfiguration(first)), { ...defaultStoreOptions });
		expect(same).toEqual(first);
		const changed = nextConfiguration(decodeConfiguration(encodeConfiguration(first)), {
			...defaultStoreOptions,
			blockSize: 1024,
		});
		expect(changed).toMatchObject({ version: 2, previous: { blockSize: defaultStoreOptions.blockSize } });
		const recorded = decodeConfiguration(encodeConfiguration(changed));
		expect(recorded).toEqual(changed);
		expect(nextConfiguration(recorded, changed.options)).toEqual(changed);
	});

	it('is the same text for the same options', () => {
		const shuffled = Object.fromEntries(Object.entries(defaultStoreOptions).reverse()) as typeof defaultStoreOptions;
		const texts = [defaultStoreOptions, shuffled].map((options) =>
			encodeConfiguration({ version: 1, options, previous: undefined }),
		);
		expect(texts[0]).toEqual(texts[1]);
	});
});

describe('options of calls', () => {
	it('become durabilities, modes and encodings', () => {
		expect(
			[undefined, {}, { sync: true }, { sync: false }, { sync: 'interval' as const }].map((o) => durabilityOf(o, 'never')),
		).toEqual(['never', 'never', 'always', 'never', 'interval']);
		expect([readModeOf(undefined, 'buffer'), readModeOf({ encoding: 'utf8' }, 'buffer')]).toEqual([0, 1]);
		expect(encodingOf({}, 'utf8')).toBe('utf8');
	});

	it.each([[{ sync: 1 }], [{ snyc: true }], [null]])('refuse %j', (options) => {
		expect(() => durabilityOf(options as never, 'never')).toThrow(ConfigError);
	});
});

describe('ranges', () => {
	const range = (bounds: object) => {
		const { lower, upper } = halfOpenRange(bounds);
		return [lower, upper].map((bound) => (bound === undefined ? undefined : Buffer.from(bound).toString('hex')));
	};

	it.each([
		[{}, undefined, undefined],
		[{ gte: 'a' }, '61', undefined],
		[{ gt: 'a' }, '6100', undefined],
		[{ lt: 'b' }, undefined, '62'],
		[{ lte: 'b' }, undefined, '6200'],
		[{ prefix: 'ab' }, '6162', '6163'],
		[{ prefix: '' }, '', undefined],
		[{ prefix: Uint8Array.of(0x61, 0xff) }, '61ff', '62'],
		[{ prefix: Uint8Array.of(0xff, 0xff) }, 'ffff', undefined],
		[{ prefix: 'a', gt: 'ab', lt: 'zz' }, '616200', '62'],
		[{ prefix: 'a', gte: '0', lte: 'az' }, '61', '617a00'],
	])('%j', (bounds, lower, upper) => {
		expect(range(bounds)).toEqual([lower, upper]);
	});

	it('refuse two bounds of one side', () => {
		expect(() => halfOpenRange({ lt: 'a', lte: 'b' })).toThrow(ConfigError);
	});
});
