//! The range deletes of a memtable, beside its tree.
//!
//! Invariant: they come in the order of their sequence numbers. Most reads see all of them: for these the coverage answers. A read that is
//! older than the newest one over its key looks through the list.

use crate::coverage::Coverage;
use crate::range_delete::RangeDelete;

#[derive(Default)]
pub struct RangeDeletes {
    /// Oldest first.
    all: Vec<RangeDelete>,
    newest: Coverage,
}

impl RangeDeletes {
    pub fn insert(&mut self, range_delete: RangeDelete) {
        self.newest.paint(range_delete.clone());
        self.all.push(range_delete);
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn all(&self) -> &[RangeDelete] {
        &self.all
    }

    /// The sequence number of the newest one over a key that `sequence` can see; 0 when there is none.
    pub fn covering(&self, user_key: &[u8], sequence: u64) -> u64 {
        match self.newest.at(user_key) {
            None => 0,
            Some(newest) if newest.sequence <= sequence => newest.sequence,
            Some(_) => {
                let visible = self.all.partition_point(|one| one.sequence <= sequence);
                self.all[..visible].iter().rfind(|one| one.covers(user_key)).map_or(0, |one| one.sequence)
            }
        }
    }
}
