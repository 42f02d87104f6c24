/**
 * The loads. A load is a row of writes: `write(i, random)` answers the key of the i-th, negative (-1 - key) for a delete. Keys are numbers
 * below `keys`.
 */

/** @typedef {{ name: string, what: string, keys: number, write(i: number, random: import('./random.mjs').Random): number }} Load */

/** Time series arrive so far out of order. */
const SHUFFLE = 64;

/**
 * @param {number} keys size of the key space of those loads that overwrite
 * @param {number} operations how many writes there will be
 * @returns {Load[]}
 */
export function makeLoads(keys, operations) {
	// Spreads ranks over the key space: what is hot does not lie together.
	const spread = 0x9e3779b1;
	const window = Math.floor(operations / 4);
	return [
		{
			name: 'overwrite',
			what: `each of ${keys.toLocaleString('en-US')} keys equally often`,
			keys,
			write: (_, random) => random.below(keys),
		},
		{
			name: 'zipf',
			what: 'few keys very often, many seldom',
			keys,
			write: (_, random) => (Math.imul(random.rank(keys), spread) >>> 0) % keys,
		},
		{ name: 'sequential', what: 'each key once, in order', keys: operations, write: (i) => i },
		{
			name: 'time-series',
			what: 'keys in order, a little shuffled; each is deleted when it is old',
			keys: operations + SHUFFLE,
			write: (i, random) => {
				const turn = i >> 1;
				if (i % 2 === 1 && turn >= window) return -1 - (turn - window);
				return turn + random.below(SHUFFLE);
			},
		},
	];
}
