/** The compaction strategies, driven by cases.txt; cases.ts describes its format. VARVE_REWRITE=1 writes the answers anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { levelTargets } from '../../ts/compaction/level-targets';
import { checkStrategyChange } from '../../ts/compaction/strategy';
import { ConfigError } from '../../ts/index';
import { answer, parseCases } from './cases';

const FILE = join(__dirname, 'cases.txt');

describe('the strategies', () => {
	const text = readFileSync(FILE, 'utf8');
	const cases = parseCases(text);
	if (process.env.VARVE_REWRITE === '1') {
		const head = text.slice(0, text.indexOf('== '));
		const bodies = cases.map(({ title, input }) => `== ${title}\n${input === '' ? '' : `${input}\n`}----\n${answer(input)}\n`);
		writeFileSync(FILE, head + bodies.join('\n'));
	}

	it.each(cases.map((one) => [one.title, one] as const))('%s', (_, { input, expected }) => {
		expect(answer(input)).toBe(expected);
	});

	it('have cases with titles of their own', () => {
		expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
	});
});

describe('targets of levels', () => {
	const options = { levelBaseSize: 100, levelMultiplier: 10 };
	const targetsOf = (sizes: number[]) => levelTargets([0, ...sizes], options);
	const { POSITIVE_INFINITY: all } = Number;

	it.each([
		['nothing', [0, 0, 0, 0, 0, 0], 6, [0, 0, 0, 0, 0]],
		['less than a level', [0, 0, 0, 0, 0, 499], 6, [0, 0, 0, 0, 0]],
		['nearly a level: one that is there stays', [0, 0, 0, 0, 0, 999], 6, [0, 0, 0, 0, 99.9]],
		['one level', [0, 0, 0, 0, 0, 1000], 5, [0, 0, 0, 0, 100]],
		['two levels', [0, 0, 0, 0, 0, 20_000], 4, [0, 0, 0, 200, 2000]],
		['the largest level not the last', [0, 20_000, 0, 0, 0, 10], 4, [0, 0, 0, 200, 2000]],
		['more than all levels take', [0, 0, 0, 0, 0, 10 ** 9], 1, [1000, 10_000, 100_000, 1_000_000, 10_000_000]],
	])('for %s', (_, sizes, base, targets) => {
		const result = targetsOf(sizes);
		expect(result.base).toBe(base);
		expect(result.targets[0]).toBe(all);
		expect(result.targets[6]).toBe(all);
		for (const [i, target] of targets.entries()) expect(result.targets[i + 1]).toBeCloseTo(target);
	});
});

describe('a change of strategy', () => {
	const levels = (...counts: number[]) => counts.map((count) => new Array<object>(count).fill({}));

	it('goes both ways between leveled and tiered, and from fifo to either', () => {
		for (const from of ['leveled', 'tiered', 'fifo'] as const)
			for (const to of ['leveled', 'tiered'] as const) expect(() => checkStrategyChange(from, to, levels(3, 0, 2))).not.toThrow();
	});

	it('to fifo takes a tree that has no merged table', () => {
		expect(() => checkStrategyChange('leveled', 'fifo', levels(3, 0, 0))).not.toThrow();
		expect(() => checkStrategyChange(undefined, 'fifo', levels(0, 0, 0))).not.toThrow();
		expect(() => checkStrategyChange('leveled', 'fifo', levels(3, 0, 1))).toThrow(ConfigError);
		expect(() => checkStrategyChange('tiered', 'fifo', levels(0, 1, 0))).toThrow(/from 'tiered' to 'fifo'/);
	});

	it('is none for a fifo store that a repair has merged', () => {
		expect(() => checkStrategyChange('fifo', 'fifo', levels(0, 0, 1))).not.toThrow();
	});
});
