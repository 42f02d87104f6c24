/**
 * The strategies played on random trees: flushes, jobs that run side by side and end in any order, snapshots, manual compactions, changes
 * of strategy. tree-model.ts checks what a store guarantees after every job. A failure prints its seed: run again with VARVE_SEED.
 */
import { describe, expect, it } from 'vitest';
import { levelTargets } from '../../ts/compaction/level-targets';
import { makeStrategy, type StrategyOptions } from '../../ts/compaction/strategy';
import { bytesOf } from '../../ts/compaction/tree';
import { Random, testSeed } from '../support/stores';
import { caseOptions } from './cases';
import { TreeModel } from './tree-model';

const SEED = testSeed();
const ROUNDS = 16;
/** Rounds that are the same in every run: they alone reach every kind of compaction. */
const FIXED_ROUNDS = 8;
const STEPS = 150;
const KEYS = 300;

class Play {
	readonly #random: Random;
	readonly #model: TreeModel;
	#options: StrategyOptions;
	readonly kinds = new Set<string>();

	constructor(seed: number, options: StrategyOptions) {
		this.#random = new Random(seed);
		this.#options = options;
		this.#model = new TreeModel(options.tableSize);
	}

	get merges(): boolean {
		return this.#options.compactionStrategy !== 'fifo';
	}

	step(changes: readonly StrategyOptions['compactionStrategy'][]): void {
		const model = this.#model;
		const random = this.#random;
		model.now += 1000;
		const dice = random.below(100);
		if (dice < 25) this.#flush();
		else if (dice < 60) this.#begin();
		else if (dice < 92) {
			if (model.jobs.length > 0) model.end(random.below(model.jobs.length));
		} else if (dice < 95) this.#beginFull();
		else if (dice < 98) model.oldestSnapshot = random.below(2) === 0 ? Number.POSITIVE_INFINITY : model.sequence;
		else this.#options = { ...this.#options, compactionStrategy: random.pick(changes) };
	}

	/** Begins with two levels at the top, as fixed targets would have made them. */
	fillFromAbove(): void {
		for (const level of [2, 1]) {
			this.#flush();
			this.#model.place(level);
		}
	}

	/** Begins with tables of one entry each, as a store that is flushed often gets them. */
	fillWithFragments(): void {
		for (let key = 0; key < 20; key++) {
			this.#model.flush(new Map([[key, false]]));
			this.settle();
		}
	}

	/** Runs all that is due. */
	settle(): void {
		const model = this.#model;
		while (model.jobs.length > 0) model.end(0);
		for (let jobs = 0; this.#begin(); jobs++) {
			expect(jobs, 'the tree does not come to rest').toBeLessThan(1000);
			model.end(0);
		}
		this.#checkShape();
	}

	#flush(): void {
		const random = this.#random;
		const writes = new Map<number, boolean>();
		const start = random.below(KEYS);
		const width = random.pick([20, KEYS]);
		const deletes = random.pick([0, 10, 90]);
		for (let i = random.below(15); i >= 0; i--) writes.set((start + random.below(width)) % KEYS, random.below(100) < deletes);
		this.#model.flush(writes);
	}

	#begin(): boolean {
		const compaction = makeStrategy(this.#options).pick(this.#model.view());
		if (compaction === undefined) return false;
		this.kinds.add(`${compaction.kind} ${compaction.reason}${compaction.outputLevel === 0 ? ' within level 0' : ''}`);
		this.#model.begin(compaction);
		return true;
	}

	#beginFull(): void {
		const from = this.#random.below(KEYS);
		const key = (number: number) => Buffer.from(String(number).padStart(6, '0'));
		const range = this.#random.pick([undefined, { smallest: key(from), end: key(from + 21) }]);
		const compaction = makeStrategy(this.#options).pickFull(this.#model.view(), range);
		if (compaction === 'blocked') expect(this.#model.jobs.length).toBeGreaterThan(0);
		else if (compaction !== undefined) this.#model.begin(compaction);
	}

	#checkShape(): void {
		const tree = this.#model.view();
		const options = this.#options;
		const sizes = tree.levels.map(bytesOf);
		expect(makeStrategy(options).debt(tree).bytes).toBe(0);
		if (options.compactionStrategy === 'leveled') {
			expect(tree.levels[0].length).toBeLessThan(options.level0CompactionTrigger);
			const { targets } = levelTargets(sizes, options);
			for (const [level, size] of sizes.entries()) expect(size <= targets[level], `level ${level} is over its target`).toBe(true);
		}
		if (options.compactionStrategy === 'tiered') {
			const runs = [...tree.levels[0].map((table) => table.size), ...sizes.slice(1).filter((size) => size > 0)];
			expect(runs.length).toBeLessThan(options.tieredMaxRuns);
			if (runs.length > 1)
				expect(bytesOf(tree.levels.flat()) / (runs.at(-1) as number)).toBeLessThanOrEqual(options.tieredMaxSpaceAmplification);
		}
		if (options.compactionStrategy === 'fifo' && tree.levels.flat().length > 1)
			expect(bytesOf(tree.levels.flat())).toBeLessThanOrEqual(options.fifoMaxSize);
	}
}

function play(options: Partial<StrategyOptions>, changes: readonly StrategyOptions['compactionStrategy'][]): Set<string> {
	const kinds = new Set<string>();
	for (let round = 0; round < ROUNDS; round++) {
		const seed = round < FIXED_ROUNDS ? round : SEED + round;
		const random = new Random(seed);
		const game = new Play(seed, {
			...caseOptions,
			levelBaseSize: 20,
			levelMultiplier: random.pick([2, 3, 10]),
			tableSize: [10, 2, 40][round % 3],
			compactionPeriodSeconds: random.pick([0, 0, 20]),
			fifoMaxAgeSeconds: random.pick([0, 20]),
			...options,
		});
		if (round % 2 === 1 && game.merges) game.fillFromAbove();
		if (round % 4 === 0) game.fillWithFragments();
		for (let step = 0; step < STEPS; step++) game.step(changes);
		game.settle();
		for (const kind of game.kinds) kinds.add(kind);
	}
	return kinds;
}

describe(`whatever is written and whenever jobs end, nothing is lost and the tree comes to rest (VARVE_SEED=${SEED})`, () => {
	it('leveled', () => {
		const kinds = play({}, ['leveled']);
		const due = [
			'merge level0',
			'move level0',
			'merge size',
			'move size',
			'merge tombstones',
			'merge age',
			'move placement',
			'merge fragments',
			'merge level0 within level 0',
		];
		for (const kind of due) expect(kinds).toContain(kind);
	});

	it('tiered', () => {
		const kinds = play({ compactionStrategy: 'tiered' }, ['tiered']);
		for (const kind of ['merge space', 'merge similarRuns', 'merge runs', 'merge tombstones', 'merge age', 'merge fragments'])
			expect(kinds).toContain(kind);
	});

	it('fifo', () => {
		const kinds = play({ compactionStrategy: 'fifo' }, ['fifo']);
		expect([...kinds].map((kind) => kind.replace(' within level 0', '')).sort()).toEqual(['drop age', 'drop size']);
	});

	it('leveled and tiered in turn', () => {
		play({}, ['leveled', 'tiered']);
	});
});
