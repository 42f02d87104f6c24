//! Filters: what lets a lookup pass by a table that does not have its key.

pub mod blocked_bloom;
pub mod bloom;
pub mod policies;
pub mod policy;

pub use policies::{policy_of, BLOCK_PREFIX};
pub use policy::{Filter, FilterBuilder, FilterPolicy, FilterSizing};
