//! Internal keys. Part of the file format: do not change.
//!
//! ```text
//! | user key | trailer (8) = sequence << 8 | kind |
//! ```
//!
//! Order: user key ascending (bytewise, a prefix first), then trailer descending (newest first).

use std::cmp::Ordering;
use std::ops::Deref;

use crate::error::Error;

pub const KIND_DELETE: u8 = 0;
pub const KIND_PUT: u8 = 1;
pub const KIND_RANGE_DELETE: u8 = 2;
/// The value lies in a blob file; only in tables.
pub const KIND_VALUE_POINTER: u8 = 3;
pub const KIND_PUT_WITH_EXPIRY: u8 = 4;
/// Trailer of an internal key that is the end of a table without being in it. It stands before every version of its user key.
pub const END_TRAILER: u64 = u64::MAX;
pub const TRAILER_SIZE: usize = 8;

#[inline]
pub fn pack_trailer(sequence: u64, kind: u8) -> u64 {
    sequence << 8 | u64::from(kind)
}

/// Splits an internal key. Anything too short to be one counts as an empty user key; decoders refuse it before it gets here.
#[inline]
pub fn split(key: &[u8]) -> (&[u8], u64) {
    match key.split_last_chunk::<TRAILER_SIZE>() {
        Some((user_key, trailer)) => (user_key, u64::from_le_bytes(*trailer)),
        None => (&[], 0),
    }
}

#[inline]
pub fn user_key(key: &[u8]) -> &[u8] {
    split(key).0
}

/// The error for an entry of a kind that this release does not know.
#[cold]
pub fn unknown_kind(kind: u8) -> Error {
    Error::corruption(format!("an entry has the unknown kind {kind}; a newer release may read it"))
}

#[inline]
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let ((key_a, trailer_a), (key_b, trailer_b)) = (split(a), split(b));
    key_a.cmp(key_b).then_with(|| trailer_b.cmp(&trailer_a))
}

/// Where a table ends, given its largest internal key: behind that user key or, where it is marked as an end, before it.
pub fn end_of(largest_key: &[u8]) -> Vec<u8> {
    let (user_key, trailer) = split(largest_key);
    let mut end = user_key.to_vec();
    if trailer != END_TRAILER {
        end.push(0);
    }
    end
}

/// Writes the internal key that stands before every version of `user_key` that `sequence` can see.
pub fn seek_key(out: &mut Vec<u8>, user_key: &[u8], sequence: u64) {
    out.clear();
    out.extend_from_slice(user_key);
    out.extend_from_slice(&pack_trailer(sequence, u8::MAX).to_le_bytes());
}

/// What [`seek_key`] writes, without memory of its own where the key is short: a lookup makes one for each table.
pub struct SeekKey {
    short: [u8; SHORT_KEY + TRAILER_SIZE],
    long: Vec<u8>,
    length: usize,
}

/// Most bytes of a short user key.
const SHORT_KEY: usize = 56;

impl SeekKey {
    #[inline]
    pub fn new(user_key: &[u8], sequence: u64) -> Self {
        let mut key = Self { short: [0; SHORT_KEY + TRAILER_SIZE], long: Vec::new(), length: user_key.len() + TRAILER_SIZE };
        match key.short.get_mut(..key.length) {
            Some(short) => {
                let (place, trailer) = short.split_at_mut(user_key.len());
                place.copy_from_slice(user_key);
                trailer.copy_from_slice(&pack_trailer(sequence, u8::MAX).to_le_bytes());
            }
            None => seek_key(&mut key.long, user_key, sequence),
        }
        key
    }
}

impl Deref for SeekKey {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.short.get(..self.length).unwrap_or(&self.long)
    }
}

/// The internal key that stands before every version of `user_key`.
pub fn first_key(user_key: &[u8]) -> Vec<u8> {
    [user_key, &END_TRAILER.to_le_bytes()].concat()
}

/// Writes the internal key that stands behind every version of `user_key`.
pub fn last_key(out: &mut Vec<u8>, user_key: &[u8]) {
    out.clear();
    out.extend_from_slice(user_key);
    out.extend_from_slice(&0u64.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_by_user_key_then_newest_first() {
        let key = |user_key: &[u8], sequence| {
            let mut out = Vec::new();
            seek_key(&mut out, user_key, sequence);
            out
        };
        let ordered = [
            key(b"", 9),
            key(b"", 1),
            key(b"a", 5),
            key(b"a", 4),
            key(b"a\0", 9),
            key(b"b", 1),
            key(b"\xff", 1),
            key(b"\xff\xff", 1),
        ];
        for (i, a) in ordered.iter().enumerate() {
            for (j, b) in ordered.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
    }
}
