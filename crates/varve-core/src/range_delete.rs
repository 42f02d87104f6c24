//! Range deletes: all entries of a stretch of user keys, deleted by one record.
//!
//! Invariants:
//!  1. `start` is inside, `end` is not. An empty end stands for the end of all keys: no range ends at the empty key, below which there is
//!     nothing. Every end of this kernel is meant so, those of tables too.
//!  2. A range delete hides the entries of its keys with smaller sequence numbers from the readers that see its own.

use std::cmp::Ordering;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeDelete {
    pub start: Vec<u8>,
    pub end: Vec<u8>,
    pub sequence: u64,
}

impl RangeDelete {
    pub fn covers(&self, user_key: &[u8]) -> bool {
        self.start.as_slice() <= user_key && is_before(user_key, &self.end)
    }
}

/// Is a user key before an end?
#[inline]
pub fn is_before(user_key: &[u8], end: &[u8]) -> bool {
    end.is_empty() || user_key < end
}

/// The order of two ends; the end of all keys is the greatest.
pub fn compare_ends(a: &[u8], b: &[u8]) -> Ordering {
    (a.is_empty(), a).cmp(&(b.is_empty(), b))
}
