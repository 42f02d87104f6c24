//! The range deletes of a memtable, beside its tree.
//!
//! Invariant: they come in the order of their sequence numbers. Most reads see all of them: for these the coverage answers. A read that is
//! older than the newest one over its key looks through the list.

use std::sync::Arc;

use crate::coverage::Coverage;
use crate::range_delete::RangeDelete;

#[derive(Default)]
pub struct RangeDeletes {
    /// Oldest first.
    all: Vec<RangeDelete>,
    /// Shared with scans: one that goes on while it is added to keeps what it has.
    newest: Arc<Coverage>,
    /// Bytes in memory, of the list and the coverage, about.
    memory: usize,
}

impl RangeDeletes {
    pub fn insert(&mut self, range_delete: RangeDelete) {
        Arc::make_mut(&mut self.newest).paint(range_delete.clone());
        self.memory += 2 * (range_delete.start.len() + range_delete.end.len() + std::mem::size_of::<RangeDelete>());
        self.all.push(range_delete);
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn memory(&self) -> usize {
        self.memory
    }

    pub fn all(&self) -> &[RangeDelete] {
        &self.all
    }

    /// What those cover that `sequence` can see.
    pub fn coverage(&self, sequence: u64) -> Arc<Coverage> {
        match self.all.last() {
            Some(last) if last.sequence > sequence => Arc::new(Coverage::of(self.visible(sequence))),
            _ => Arc::clone(&self.newest),
        }
    }

    fn visible(&self, sequence: u64) -> &[RangeDelete] {
        &self.all[..self.all.partition_point(|one| one.sequence <= sequence)]
    }

    /// The sequence number of the newest one over a key that `sequence` can see; 0 when there is none.
    pub fn covering(&self, user_key: &[u8], sequence: u64) -> u64 {
        match self.newest.at(user_key) {
            None => 0,
            Some(newest) if newest.sequence <= sequence => newest.sequence,
            Some(_) => self.visible(sequence).iter().rfind(|one| one.covers(user_key)).map_or(0, |one| one.sequence),
        }
    }
}
