/** Statistics of samples. */

/**
 * The value in the middle, or halfway between the two in the middle.
 * @param {readonly number[]} samples at least one
 */
export function median(samples) {
	const sorted = [...samples].sort((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * How far samples lie apart: the distance of the least and the greatest, as a share of the median.
 * @param {readonly number[]} samples at least one
 */
export function spread(samples) {
	return (Math.max(...samples) - Math.min(...samples)) / median(samples);
}
