/**
 * Cases as text, see cases.txt. A case is a title, a tree, and the compaction expected of it:
 *
 *     == title
 *     tiered tieredMaxRuns=4           strategy and options, beside those of all cases; leveled when there is no such line
 *     L0: 4[a-c]:10 3[a-c]:10 …        number[smallest-largest]:size, level 0 newest first; behind it, each when it matters,
 *                                      t20 tombstones (of 100 entries), e30!90 that expire by second 90, @50 written at second 50, #7 newest sequence number,
 *                                      r range deletes alone; [smallest-end) ends before a key, [smallest-) with all keys
 *     busy 4 3                         tables that running jobs read
 *     running L1 a-c                   span that a running job writes
 *     pointer L1 c                     compaction pointer of a level
 *     snapshot 7                       the oldest snapshot
 *     now 100                          the time in seconds
 *     full a-c                         ask for the full compaction of a range (without one: of everything)
 *     split 2                          split what is picked
 *     debt                             ask for the debt
 *     due                              ask when the time makes something due
 *     ----
 *     L0 4 + L1 10 -> L1 (level0), cut at g, keep a-d
 */
import { successor } from '../../ts/bytes';
import { type Compaction, rangesBelow } from '../../ts/compaction/compaction';
import type { KeyRange } from '../../ts/compaction/key-range';
import { splitCompaction } from '../../ts/compaction/split';
import { type CompactionDebt, makeStrategy, type StrategyOptions } from '../../ts/compaction/strategy';
import type { RunningSpan, TableShape, TreeView } from '../../ts/compaction/tree';
import { LEVELS } from '../../ts/limits';

export interface Case {
	title: string;
	/** The lines of the case, to be written back. */
	input: string;
	expected: string;
}

export function parseCases(text: string): Case[] {
	return text
		.split(/^== /m)
		.slice(1)
		.map((part) => {
			const [head, expected = ''] = part.split('----\n');
			const [title, ...lines] = head.trimEnd().split('\n');
			return { title, input: lines.join('\n'), expected: expected.replace(/^#.*$/gm, '').trim() };
		});
}

export const caseOptions: StrategyOptions = {
	compactionStrategy: 'leveled',
	level0CompactionTrigger: 4,
	level0SlowdownTrigger: 8,
	levelBaseSize: 100,
	levelMultiplier: 10,
	tableSize: 10,
	tieredMaxRuns: 4,
	tieredSizeRatio: 1.25,
	tieredMaxSpaceAmplification: 3,
	fifoMaxSize: 100,
	fifoMaxAgeSeconds: 0,
	tombstoneRatio: 0.5,
	compactionPeriodSeconds: 0,
};

interface ParsedCase {
	tree: TreeView;
	options: StrategyOptions;
	ask: 'pick' | 'debt' | 'due' | { full: KeyRange | undefined };
	parts: number | undefined;
}

/** The answer to a case. */
export function answer(input: string): string {
	const { tree, options, ask, parts } = parseCase(input);
	const strategy = makeStrategy(options);
	if (ask === 'debt') return describeDebt(strategy.debt(tree));
	if (ask === 'due') return String(strategy.nextDue(tree) / 1000);
	const compaction = ask === 'pick' ? strategy.pick(tree) : strategy.pickFull(tree, ask.full);
	if (compaction === undefined) return 'none';
	if (compaction === 'blocked') return compaction;
	if (parts !== undefined) return describeParts(compaction, parts);
	return describeCompaction(compaction, rangesBelow(tree, compaction));
}

const describeDebt = ({ bytes, level0Tables }: CompactionDebt) => `${bytes} bytes, ${level0Tables} of level 0`;
const key = (text: string) => Buffer.from(text);
const behind = (text: string) => successor(key(text));
/** A range with both ends inside. */
const closed = (text: string): KeyRange => {
	const [smallest, largest] = text.split('-');
	return { smallest: key(smallest), end: behind(largest) };
};
/** `c` for an end behind c, `c)` for one before it, `)` for that of all keys. */
const describeEnd = (end: Uint8Array) => (end.at(-1) === 0 ? `${end.subarray(0, -1)}` : `${end})`);

function parseCase(input: string): ParsedCase {
	const levels: TableShape[][] = Array.from({ length: LEVELS }, () => []);
	const busy = new Set<number>();
	const running: RunningSpan[] = [];
	const pointers = new Map<number, Uint8Array>();
	const tree = { levels, busy, running, pointers, oldestSnapshot: Number.POSITIVE_INFINITY, now: 0 };
	const result: ParsedCase = { tree, options: { ...caseOptions }, ask: 'pick', parts: undefined };
	for (const line of input.split('\n').filter((one) => one !== '')) {
		const [word, ...rest] = line.split(' ');
		const level = Number(/^L(\d)/.exec(word === 'running' || word === 'pointer' ? rest[0] : word)?.[1]);
		if (/^L\d:$/.test(word)) levels[level] = rest.map(parseTable);
		else if (word === 'busy') for (const number of rest) busy.add(Number(number));
		else if (word === 'running') running.push({ outputLevel: level, range: closed(rest[1]) });
		else if (word === 'pointer') pointers.set(level, behind(rest[1]));
		else if (word === 'snapshot') tree.oldestSnapshot = Number(rest[0]);
		else if (word === 'now') tree.now = Number(rest[0]) * 1000;
		else if (word === 'full') result.ask = { full: rest.length === 0 ? undefined : closed(rest[0]) };
		else if (word === 'split') result.parts = Number(rest[0]);
		else if (word === 'debt' || word === 'due') result.ask = word;
		else if (['leveled', 'tiered', 'fifo'].includes(word)) Object.assign(result.options, parseOptions(word, rest));
		else throw new Error(`no line of a case: ${line}`);
	}
	return result;
}

function parseOptions(compactionStrategy: string, settings: string[]): Record<string, unknown> {
	const entries = settings.map((setting): [string, unknown] => {
		const [name, value] = setting.split('=');
		if (!(name in caseOptions)) throw new Error(`no option: ${name}`);
		return [name, JSON.parse(value)];
	});
	return { compactionStrategy, ...Object.fromEntries(entries) };
}

function parseTable(text: string): TableShape {
	const match = /^(\d+)\[(\w+)-(\w*)([\])]):(\d+)(r)?(?:t(\d+))?(?:e(\d+)!(\d+))?(?:@(\d+))?(?:#(\d+))?$/.exec(text);
	if (match === null) throw new Error(`no table: ${text}`);
	const [, number, smallest, end, bracket, size, alone, tombstones = 0, expiring, latest, seconds = 0, sequence = number] = match;
	return {
		number: Number(number),
		smallest: key(smallest),
		end: bracket === ')' ? key(end) : behind(end),
		size: Number(size),
		entries: alone === undefined ? 100 : 0,
		tombstones: Number(tombstones),
		expiry: expiring === undefined ? undefined : { entries: Number(expiring), latest: Number(latest) * 1000 },
		createdAt: Number(seconds) * 1000,
		largestSequence: Number(sequence),
	};
}

function describeInputs(inputs: Compaction['inputs']): string {
	return inputs.map(({ level, tables }) => `L${level} ${tables.map(({ number }) => number).join(' ')}`).join(' + ');
}

function describeCompaction({ kind, reason, inputs, outputLevel, cuts }: Compaction, keep: [Uint8Array, Uint8Array][]): string {
	const what = kind === 'merge' ? reason : `${kind}, ${reason}`;
	const parts = [`${describeInputs(inputs)}${kind === 'drop' ? '' : ` -> L${outputLevel}`} (${what})`];
	if (cuts.length > 0) parts.push(`cut at ${cuts.join(' ')}`);
	if (keep.length > 0 && kind === 'merge')
		parts.push(`keep ${keep.map(([start, end]) => `${start}-${describeEnd(end)}`).join(' ')}`);
	return parts.join(', ');
}

function describeParts(compaction: Compaction, count: number): string {
	return splitCompaction(compaction, count)
		.map(({ lower, upper, inputs, bytes }) => `[${lower ?? ''}, ${upper ?? ''}) ${describeInputs(inputs)}: ${Math.round(bytes)}`)
		.join('\n');
}
