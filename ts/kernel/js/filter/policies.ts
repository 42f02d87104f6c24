/** The filter policies that this version knows. A table without a filter is one with a size of 0 bits for each key. */
import { blockedBloom } from './blocked-bloom';
import type { FilterPolicy } from './policy';

/** The policy of new tables. */
export const WRITTEN: FilterPolicy = blockedBloom;

const POLICIES: readonly FilterPolicy[] = [WRITTEN];

/** The policy whose filters have this name in the metaindex. */
export function policyOf(name: string): FilterPolicy | undefined {
	return POLICIES.find((policy) => policy.name === name);
}
