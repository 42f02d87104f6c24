/** The filter policies that this version knows. A table without a filter is one with a size of 0 bits for each key. */
import { blockedBloom } from './blocked-bloom';
import { bloom } from './bloom';
import type { FilterPolicy } from './policy';

const POLICIES: readonly FilterPolicy[] = [blockedBloom, bloom];

/** The policy with this name. */
export function policyOf(name: string): FilterPolicy | undefined {
	return POLICIES.find((policy) => policy.name === name);
}

/** The policy of new tables, whose name the options were checked for. */
export function writtenPolicy(name: string): FilterPolicy {
	const policy = policyOf(name);
	if (policy === undefined) throw new TypeError(`there is no filter policy '${name}'`);
	return policy;
}
