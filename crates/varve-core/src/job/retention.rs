//! Which entries of a job's input survive.
//!
//! `stripe(s)` is the number of living snapshots strictly below sequence number s: two versions of a user key in the same stripe look
//! alike to every reader, so only the newer one is needed.
//!
//! Invariants:
//!  1. Entries come in internal key order. One whose stripe equals that of the next newer entry of its user key is dropped.
//!  2. After that check a compaction drops a tombstone in stripe 0 whose user key no level below the output holds. It still counts as
//!     the next newer entry, so what it hid goes with it.
//!  3. A flush keeps every other tombstone: tables may hold what they delete.
//!  4. An entry that has expired is a tombstone, whatever the snapshots: it is dropped where one is, and becomes one where not.
//!  5. Last, an entry is dropped that a range delete of the input hides from everybody, see [`super::range_retention`].

use super::range_retention::RangeRetention;
use crate::internal_key::{split, KIND_DELETE};
use crate::range_delete::{is_before, RangeDelete};

/// From a user key to an end.
pub type KeyRange = (Vec<u8>, Vec<u8>);

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Dropped,
    /// It stays as a tombstone with its sequence number.
    Buried,
}

pub struct Retention<'a> {
    snapshots: &'a [u64],
    /// `None` keeps all tombstones.
    keep_tombstones: Option<&'a [KeyRange]>,
    /// User key and stripe of the entry before.
    last: Option<(Vec<u8>, usize)>,
    range: usize,
    /// `None` when the input has no range deletes.
    ranges: Option<RangeRetention>,
}

impl<'a> Retention<'a> {
    /// `snapshots` and the ranges of `keep_tombstones` ascend; `range_deletes` come in any order.
    pub fn new(snapshots: &'a [u64], keep_tombstones: Option<&'a [KeyRange]>, range_deletes: Vec<RangeDelete>) -> Self {
        let stripe_of = |sequence| stripe(snapshots, sequence);
        let ranges = (!range_deletes.is_empty()).then(|| RangeRetention::new(range_deletes, stripe_of));
        Self { snapshots, keep_tombstones, last: None, range: 0, ranges }
    }

    /// The range deletes that survive, as fragments in order.
    pub fn range_deletes(&self) -> Vec<RangeDelete> {
        self.ranges.as_ref().map_or_else(Vec::new, |ranges| ranges.fragments(self.keep_tombstones))
    }

    /// What becomes of the entry with this internal key?
    pub fn fate(&mut self, key: &[u8], has_expired: bool) -> Fate {
        let (user_key, trailer) = split(key);
        let sequence = trailer >> 8;
        let stripe = stripe(self.snapshots, sequence);
        match &mut self.last {
            Some((last_key, last_stripe)) if last_key.as_slice() == user_key => {
                if *last_stripe == stripe {
                    return Fate::Dropped;
                }
                *last_stripe = stripe;
            }
            Some((last_key, last_stripe)) => {
                last_key.clear();
                last_key.extend_from_slice(user_key);
                *last_stripe = stripe;
            }
            None => self.last = Some((user_key.to_vec(), stripe)),
        }
        if self.ranges.as_ref().is_some_and(|ranges| ranges.hides(user_key, sequence, stripe)) {
            return Fate::Dropped;
        }
        let is_tombstone = has_expired || trailer as u8 == KIND_DELETE;
        let may_go = self.keep_tombstones.filter(|_| is_tombstone && stripe == 0);
        if may_go.is_some_and(|ranges| !self.is_below(ranges, user_key)) {
            return Fate::Dropped;
        }
        if has_expired {
            Fate::Buried
        } else {
            Fate::Kept
        }
    }

    /// Is the user key in one of the ranges? Keys ascend from call to call.
    fn is_below(&mut self, ranges: &[KeyRange], user_key: &[u8]) -> bool {
        while let Some((start, end)) = ranges.get(self.range) {
            if is_before(user_key, end) {
                return user_key >= start.as_slice();
            }
            self.range += 1;
        }
        false
    }
}

fn stripe(snapshots: &[u64], sequence: u64) -> usize {
    snapshots.partition_point(|&snapshot| snapshot < sequence)
}
