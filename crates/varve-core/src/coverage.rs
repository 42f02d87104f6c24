//! Which stretches of the key space are covered by range deletes, and the newest one of each.
//!
//! However range deletes overlap, there are never more than twice as many pieces.
//!
//! Invariant: pieces are in key order and disjoint.

use std::cmp::{Ordering, Reverse};

use crate::range_delete::{compare_ends, is_before, RangeDelete};

#[derive(Clone, Debug, Default)]
pub struct Coverage {
    pieces: Vec<RangeDelete>,
}

impl Coverage {
    /// The coverage by range deletes in any order.
    pub fn of<'a>(range_deletes: impl IntoIterator<Item = &'a RangeDelete>) -> Self {
        let mut newest_first: Vec<&RangeDelete> =
            range_deletes.into_iter().filter(|one| is_before(&one.start, &one.end)).collect();
        newest_first.sort_unstable_by_key(|one| Reverse(one.sequence));
        let ends = newest_first.iter().map(|one| &one.end).filter(|end| !end.is_empty());
        let mut edges: Vec<&Vec<u8>> = newest_first.iter().map(|one| &one.start).chain(ends).collect();
        edges.sort_unstable();
        edges.dedup();
        let mut slots = Slots::new(edges.len());
        for one in newest_first {
            let from = edges.partition_point(|&edge| *edge < one.start);
            let to = edges.partition_point(|&edge| is_before(edge, &one.end));
            slots.fill(from, to, one.sequence);
        }
        let end_of = |slot: usize| edges.get(slot + 1).map_or_else(Vec::new, |&end| end.clone());
        let mut pieces: Vec<RangeDelete> = Vec::new();
        for (slot, &sequence) in slots.sequences.iter().enumerate().filter(|(_, &sequence)| sequence > 0) {
            match pieces.last_mut() {
                Some(last) if last.sequence == sequence && last.end == *edges[slot] => last.end = end_of(slot),
                _ => pieces.push(RangeDelete { start: edges[slot].clone(), end: end_of(slot), sequence }),
            }
        }
        Self { pieces }
    }

    /// Adds a range delete that is not older than those before. An empty range changes nothing.
    pub fn paint(&mut self, mut range_delete: RangeDelete) {
        if !is_before(&range_delete.start, &range_delete.end) {
            return;
        }
        let mut from = self.pieces.partition_point(|piece| !is_before(&range_delete.start, &piece.end));
        let to = self.pieces.partition_point(|piece| is_before(&piece.start, &range_delete.end));
        let covered = &self.pieces[from..to];
        let left = covered.first().filter(|first| first.start < range_delete.start);
        let left = left.map(|first| RangeDelete { end: range_delete.start.clone(), ..first.clone() });
        let right = covered.last().filter(|last| compare_ends(&last.end, &range_delete.end) == Ordering::Greater);
        let right = right.map(|last| RangeDelete { start: range_delete.end.clone(), ..last.clone() });
        let before = from.checked_sub(1).map(|before| &self.pieces[before]);
        if let Some(before) = before.filter(|one| one.sequence == range_delete.sequence && one.end == range_delete.start) {
            range_delete.start.clone_from(&before.start);
            from -= 1;
        }
        self.pieces.splice(from..to, left.into_iter().chain([range_delete]).chain(right));
    }

    pub fn pieces(&self) -> &[RangeDelete] {
        &self.pieces
    }

    /// The piece that a user key lies in.
    pub fn at(&self, user_key: &[u8]) -> Option<&RangeDelete> {
        let behind = self.pieces.partition_point(|piece| piece.start.as_slice() <= user_key);
        self.pieces[..behind].last().filter(|piece| is_before(user_key, &piece.end))
    }

    /// The highest sequence number over the keys from `start` to `end`, if all of them are covered by numbers above `sequence`.
    pub fn spans(&self, start: &[u8], end: &[u8], sequence: u64) -> Option<u64> {
        let mut next = start;
        let mut highest = 0;
        let from = self.pieces.partition_point(|piece| !is_before(start, &piece.end));
        for piece in &self.pieces[from..] {
            if piece.start.as_slice() > next || piece.sequence <= sequence {
                return None;
            }
            highest = highest.max(piece.sequence);
            if compare_ends(end, &piece.end) != Ordering::Greater {
                return Some(highest);
            }
            next = &piece.end;
        }
        None
    }
}

/// A row of slots, each of which takes the first sequence number that it is filled with.
struct Slots {
    /// 0: free.
    sequences: Vec<u64>,
    /// For each slot, and the end, one at or behind it, from which the next free one is found.
    next: Vec<usize>,
}

impl Slots {
    fn new(count: usize) -> Self {
        Self { sequences: vec![0; count], next: (0..=count).collect() }
    }

    fn fill(&mut self, from: usize, to: usize, sequence: u64) {
        let mut slot = self.free(from);
        while slot < to {
            self.sequences[slot] = sequence;
            self.next[slot] = slot + 1;
            slot = self.free(slot + 1);
        }
    }

    /// The first free slot at or behind one. Halves the way that it went.
    fn free(&mut self, mut slot: usize) -> usize {
        while self.next[slot] != slot {
            self.next[slot] = self.next[self.next[slot]];
            slot = self.next[slot];
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &str, end: &str, sequence: u64) -> RangeDelete {
        RangeDelete { start: start.into(), end: end.into(), sequence }
    }

    fn text(coverage: &Coverage) -> String {
        let piece = |piece: &RangeDelete| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            format!("{}-{}@{}", text(&piece.start), text(&piece.end), piece.sequence)
        };
        coverage.pieces().iter().map(piece).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_newest_lies_on_top() {
        let cases: [(&[RangeDelete], &str); 7] = [
            (&[range("b", "d", 1), range("f", "h", 2)], "b-d@1 f-h@2"),
            (&[range("b", "f", 1), range("c", "d", 2)], "b-c@1 c-d@2 d-f@1"),
            (&[range("c", "d", 1), range("b", "f", 2)], "b-f@2"),
            (&[range("b", "d", 1), range("c", "f", 2), range("a", "b", 3)], "a-b@3 b-c@1 c-f@2"),
            (&[range("b", "", 1), range("d", "e", 2), range("f", "", 3)], "b-d@1 d-e@2 e-f@1 f-@3"),
            (&[range("b", "d", 1), range("d", "f", 1), range("g", "h", 1)], "b-f@1 g-h@1"),
            (&[range("b", "b", 1), range("d", "c", 2), range("", "a", 3)], "-a@3"),
        ];
        for (range_deletes, expected) in cases {
            assert_eq!(text(&Coverage::of(range_deletes)), expected);
            assert_eq!(text(&Coverage::of(range_deletes.iter().rev())), expected);
            let mut painted = Coverage::default();
            range_deletes.iter().cloned().for_each(|one| painted.paint(one));
            assert_eq!(text(&painted), expected);
        }
    }

    #[test]
    fn a_span_is_covered_when_no_key_of_it_is_left_out() {
        let coverage = Coverage::of(&[range("b", "d", 5), range("d", "f", 7), range("g", "", 9)]);
        assert_eq!(coverage.spans(b"b", b"f", 4), Some(7));
        assert_eq!(coverage.spans(b"c", b"d", 4), Some(5));
        assert_eq!(coverage.spans(b"b", b"f", 5), None);
        assert_eq!(coverage.spans(b"d", b"f", 6), Some(7));
        assert_eq!(coverage.spans(b"a", b"c", 1), None);
        assert_eq!(coverage.spans(b"e", b"h", 1), None);
        assert_eq!(coverage.spans(b"h", b"", 1), Some(9));
        assert_eq!(coverage.spans(b"b", b"", 1), None);
    }
}
