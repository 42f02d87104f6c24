/** Encodes the operations of `batch([...])`. */
import { ConfigError } from '../errors';
import type { BatchOperation } from '../types';
import type { BatchEncoder } from '../wal/batch-encoder';

/**
 * Adds operations to an encoder; throws at the first that is none, naming its place.
 * @param expiresAt when an entry with a ttl that is put now expires
 */
export function encodeOperations(
	encoder: BatchEncoder,
	operations: readonly BatchOperation[],
	expiresAt: (ttl: number | undefined) => number | undefined,
): void {
	for (let i = 0; i < operations.length; i++) {
		const operation = operations[i];
		if (operation?.type === 'put') encoder.put(operation.key, operation.value, expiresAt(operation.ttl));
		else if (operation?.type === 'delete') encoder.delete(operation.key);
		else if (operation?.type === 'deleteRange') encoder.deleteRange(operation.start, operation.end);
		else throw new ConfigError(`Operation ${i} of the batch must have the type 'put', 'delete' or 'deleteRange'.`);
	}
}
