/**
 * The leveled picker, driven by cases.txt. A case is a title, a tree, and the compaction expected of it:
 *
 *     == title
 *     L0: 4[a-c]:10 …        number[smallest-largest]:size, level 0 newest first; [smallest-end) ends before a key, [smallest-) never
 *     pointer L1 c           compaction pointer of a level
 *     full a-c               ask for the full compaction of a range (without one: of everything)
 *     ----
 *     L0 4 + L1 10 -> L1, keep a-d     inputs, output level, (move), ranges in which tombstones are kept
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { successor } from '../../ts/bytes';
import {
	type Compaction,
	levelTarget,
	pickCompaction,
	pickFullCompaction,
	rangesBelow,
	type TableShape,
} from '../../ts/compaction/picker';
import { LEVELS } from '../../ts/limits';

const FILE = join(__dirname, 'cases.txt');
const OPTIONS = { level0CompactionTrigger: 4, levelBaseSize: 100, levelMultiplier: 10 };

interface Case {
	title: string;
	/** The lines of the case, to be written back. */
	input: string;
	expected: string;
}

function parseCases(text: string): Case[] {
	return text
		.split(/^== /m)
		.slice(1)
		.map((part) => {
			const [head, expected] = part.split('----\n');
			const [title, ...lines] = head.trimEnd().split('\n');
			return { title, input: lines.join('\n'), expected: expected.trim() };
		});
}

const key = (text: string) => Buffer.from(text);
const endAfter = (text: string) => successor(key(text));
/** An end as the cases write it: `c` behind c, `c)` before it, `)` for that of all keys. */
const describeEnd = (end: Uint8Array) => (end.at(-1) === 0 ? `${end.subarray(0, -1)}` : `${end})`);

function parseTable(text: string): TableShape {
	const match = /^(\d+)\[(\w+)-(\w*)([\])]):(\d+)$/.exec(text);
	if (match === null) throw new Error(`no table: ${text}`);
	return {
		number: Number(match[1]),
		smallest: key(match[2]),
		end: match[4] === ')' ? key(match[3]) : endAfter(match[3]),
		size: Number(match[5]),
	};
}

function answer(input: string): string {
	const shape: TableShape[][] = Array.from({ length: LEVELS }, () => []);
	const pointers = new Map<number, Uint8Array>();
	let pick = () => pickCompaction(shape, OPTIONS, pointers);
	for (const line of input.split('\n').filter((one) => one !== '')) {
		const level = /^L(\d): (.*)$/.exec(line);
		const pointer = /^pointer L(\d) (\w+)$/.exec(line);
		const full = /^full(?: (\w+)-(\w+))?$/.exec(line);
		if (level !== null) shape[Number(level[1])] = level[2].split(' ').map(parseTable);
		else if (pointer !== null) pointers.set(Number(pointer[1]), endAfter(pointer[2]));
		else if (full !== null) {
			const range =
				full[1] === undefined ? { smallest: key(''), end: key('') } : { smallest: key(full[1]), end: endAfter(full[2]) };
			pick = () => pickFullCompaction(shape, range);
		} else throw new Error(`no line of a case: ${line}`);
	}
	const compaction = pick();
	return compaction === undefined ? 'none' : describeCompaction(compaction, rangesBelow(shape, compaction));
}

function describeCompaction({ inputs, outputLevel, trivialMove }: Compaction, keep: [Uint8Array, Uint8Array][]): string {
	const used = inputs.filter(({ tables }) => tables.length > 0);
	const parts = used.map(({ level, tables }) => `L${level} ${tables.map(({ number }) => number).join(' ')}`);
	const ranges = keep.map(([start, end]) => `${start}-${describeEnd(end)}`).join(' ');
	return `${parts.join(' + ')} -> L${outputLevel}${trivialMove ? ' (move)' : ''}${ranges === '' ? '' : `, keep ${ranges}`}`;
}

describe('the picker', () => {
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

	it('gives each level ten times the one above', () => {
		expect([1, 2, 3].map((level) => levelTarget(level, OPTIONS))).toEqual([100, 1000, 10_000]);
	});
});
