//! Which range deletes of a job's input survive, and what they hide from its outputs.
//!
//! Invariants:
//!  1. Of the range deletes over a key only the newest of each stripe (see [`super::retention`]) matters: the others look alike to every
//!     reader, and are dropped.
//!  2. An entry with a newer range delete over it in its own stripe is seen by no reader.
//!  3. What survives comes as fragments: two of them are the same range, or share no key.

use std::collections::BTreeMap;

use super::retention::KeyRange;
use crate::coverage::Coverage;
use crate::range_delete::{is_before, RangeDelete};

pub struct RangeRetention {
    /// By stripe.
    stripes: BTreeMap<usize, Coverage>,
}

impl RangeRetention {
    pub fn new(range_deletes: Vec<RangeDelete>, stripe_of: impl Fn(u64) -> usize) -> Self {
        let mut by_stripe: BTreeMap<usize, Vec<RangeDelete>> = BTreeMap::new();
        for range_delete in range_deletes {
            by_stripe.entry(stripe_of(range_delete.sequence)).or_default().push(range_delete);
        }
        Self { stripes: by_stripe.into_iter().map(|(stripe, all)| (stripe, Coverage::of(&all))).collect() }
    }

    /// Is an entry of this stripe hidden from everybody?
    pub fn hides(&self, user_key: &[u8], sequence: u64, stripe: usize) -> bool {
        let over = self.stripes.get(&stripe).and_then(|coverage| coverage.at(user_key));
        over.is_some_and(|piece| piece.sequence > sequence)
    }

    /// The fragments that survive, in key order, those of one range newest first. In stripe 0 only those that overlap one of the ranges
    /// `keep` do; without ranges all do.
    pub fn fragments(&self, keep: Option<&[KeyRange]>) -> Vec<RangeDelete> {
        let pieces = || self.stripes.values().flat_map(Coverage::pieces);
        let ends = pieces().map(|piece| &piece.end).filter(|end| !end.is_empty());
        let mut edges: Vec<&Vec<u8>> = pieces().map(|piece| &piece.start).chain(ends).collect();
        edges.sort_unstable();
        edges.dedup();
        let mut fragments = Vec::new();
        for (i, &start) in edges.iter().enumerate() {
            let end = edges.get(i + 1).map_or_else(Vec::new, |&end| end.clone());
            for (&stripe, coverage) in self.stripes.iter().rev() {
                let Some(piece) = coverage.at(start) else { continue };
                if stripe > 0 || keep.is_none_or(|ranges| overlaps_any(ranges, start, &end)) {
                    fragments.push(RangeDelete { start: start.clone(), end: end.clone(), sequence: piece.sequence });
                }
            }
        }
        fragments
    }
}

/// `ranges` ascend and are disjoint.
fn overlaps_any(ranges: &[KeyRange], start: &[u8], end: &[u8]) -> bool {
    let passed = ranges.partition_point(|(_, range_end)| !is_before(start, range_end));
    ranges.get(passed).is_some_and(|(range_start, _)| is_before(range_start, end))
}
