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

use crate::internal_key::{split, KIND_DELETE};

type KeyRange = (Vec<u8>, Vec<u8>);

pub struct Retention<'a> {
    snapshots: &'a [u64],
    /// `None` keeps all tombstones.
    keep_tombstones: Option<&'a [KeyRange]>,
    /// User key and stripe of the entry before.
    last: Option<(Vec<u8>, usize)>,
    range: usize,
}

impl<'a> Retention<'a> {
    /// `snapshots` and the ranges of `keep_tombstones` ascend.
    pub fn new(snapshots: &'a [u64], keep_tombstones: Option<&'a [KeyRange]>) -> Self {
        Self { snapshots, keep_tombstones, last: None, range: 0 }
    }

    /// Does the entry with this internal key survive?
    pub fn keeps(&mut self, key: &[u8]) -> bool {
        let (user_key, trailer) = split(key);
        let stripe = self.snapshots.partition_point(|&snapshot| snapshot < trailer >> 8);
        match &mut self.last {
            Some((last_key, last_stripe)) if last_key.as_slice() == user_key => {
                if *last_stripe == stripe {
                    return false;
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
        match self.keep_tombstones {
            Some(ranges) if trailer as u8 == KIND_DELETE && stripe == 0 => self.is_below(ranges, user_key),
            _ => true,
        }
    }

    /// Is the user key in one of the ranges? Keys ascend from call to call.
    fn is_below(&mut self, ranges: &[KeyRange], user_key: &[u8]) -> bool {
        while let Some((smallest, largest)) = ranges.get(self.range) {
            if user_key <= largest.as_slice() {
                return user_key >= smallest.as_slice();
            }
            self.range += 1;
        }
        false
    }
}
