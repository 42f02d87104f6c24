//! The filter policies that this version knows. A table without a filter is one with a size of 0 bits for each key.

use super::blocked_bloom::BlockedBloom;
use super::policy::FilterPolicy;

/// The policy of new tables.
pub static WRITTEN: &dyn FilterPolicy = &BlockedBloom;

static POLICIES: [&dyn FilterPolicy; 1] = [WRITTEN];

/// The policy whose filters have this name in the metaindex.
pub fn policy_of(name: &[u8]) -> Option<&'static dyn FilterPolicy> {
    POLICIES.into_iter().find(|policy| policy.name().as_bytes() == name)
}
