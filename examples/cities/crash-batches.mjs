/** The batches of the crash test; their content follows from their number. */

export const OPERATIONS_PER_BATCH = 100;

/**
 * @param {number} batch
 * @returns {import('varve').BatchOperation[]}
 */
export function batchOperations(batch) {
	return Array.from({ length: OPERATIONS_PER_BATCH }, (_, i) => ({
		type: 'put',
		key: batchKey(batch, i),
		value: batchValue(batch, i),
	}));
}

/**
 * @param {number} batch
 * @param {number} i
 */
export function batchKey(batch, i) {
	return `batch/${String(batch).padStart(8, '0')}/${String(i).padStart(3, '0')}`;
}

/**
 * @param {number} batch
 * @param {number} i
 */
export function batchValue(batch, i) {
	return `value ${i} of batch ${batch} `.repeat(4);
}
