//! The filter policies that this version knows. A table without a filter is one with a size of 0 bits for each key.

use super::blocked_bloom::BlockedBloom;
use super::bloom::Bloom;
use super::policy::FilterPolicy;

/// The metaindex names a filter block so, followed by the name of its policy.
pub const BLOCK_PREFIX: &[u8] = b"filter.";

static POLICIES: [&dyn FilterPolicy; 2] = [&BlockedBloom, &Bloom];

/// The policy with this name.
pub fn policy_of(name: &[u8]) -> Option<&'static dyn FilterPolicy> {
    POLICIES.into_iter().find(|policy| policy.name().as_bytes() == name)
}
