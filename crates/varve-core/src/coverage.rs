//! Which stretches of the key space are covered by range deletes, and the newest one of each.
//!
//! Range deletes are painted one over the other, the oldest first. However they overlap, there are never more than twice as many pieces.
//!
//! Invariant: pieces are in key order and disjoint. Two that touch have different sequence numbers, if those that share a sequence number
//! were painted in key order.

use std::cmp::Ordering;

use crate::range_delete::{compare_ends, is_before, RangeDelete};

#[derive(Clone, Debug, Default)]
pub struct Coverage {
    pieces: Vec<RangeDelete>,
}

impl Coverage {
    /// The coverage by range deletes in any order.
    pub fn of(mut range_deletes: Vec<RangeDelete>) -> Self {
        range_deletes.sort_by(|a, b| a.sequence.cmp(&b.sequence).then_with(|| a.start.cmp(&b.start)));
        let mut coverage = Self::default();
        range_deletes.into_iter().for_each(|range_delete| coverage.paint(range_delete));
        coverage
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

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
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
            assert_eq!(text(&Coverage::of(range_deletes.to_vec())), expected);
        }
    }

    #[test]
    fn a_span_is_covered_when_no_key_of_it_is_left_out() {
        let coverage = Coverage::of(vec![range("b", "d", 5), range("d", "f", 7), range("g", "", 9)]);
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
