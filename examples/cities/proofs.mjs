/** Claims that the example makes, checked and counted. */

let failures = 0;

/**
 * Prints a claim and whether it holds.
 * @param {string} claim
 * @param {boolean} holds
 */
export function prove(claim, holds) {
	if (!holds) failures++;
	console.log(`  ${holds ? 'proved' : 'FAILED'}: ${claim}`);
}

/** How many claims did not hold. */
export function failedProofs() {
	return failures;
}
