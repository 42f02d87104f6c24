//! Packs entries of a block straight into a chunk, for scans that read one source: to decode each into a cursor and to copy it from there
//! takes twice as long.
//!
//! Invariants:
//!  1. Only plain entries are taken: short lengths that fit, a put that the reader sees, another user key than the one before it. It stops
//!     at the first that is none, for the cursor to see to it, be it rare or damaged.
//!  2. A key is put together in the chunk, from the key before it there.

use crate::internal_key::{KIND_PUT, TRAILER_SIZE};
use crate::packed_chunk::PackedChunk;

const HEADER_SIZE: usize = 3;
/// Lengths below take one byte.
const SHORT: u8 = 128;

/// The entry that was packed last: where it starts, where its trailer and its value are, and where it ends.
pub struct LastPacked {
    pub start: usize,
    pub trailer: usize,
    pub value: usize,
    pub end: usize,
}

/// Packs entries of `entries` from `at` on, the entry before `at` having been packed last, key and value; `None` when it takes none.
pub fn pack_plain_entries(
    entries: &[u8],
    mut at: usize,
    into: &mut PackedChunk<'_>,
    sequence: u64,
    upper: Option<&[u8]>,
) -> Option<LastPacked> {
    let mut last = None;
    let mut before = into.last_key();
    while !into.is_full() {
        let Some(entry) = entries.get(at..).and_then(PlainEntry::read) else { break };
        let visible = entry.trailer as u8 == KIND_PUT && entry.trailer >> 8 <= sequence;
        if !visible || entry.shared > before.len() || !into.fits(entry.shared + entry.rest.len() + entry.value.len()) {
            break;
        }
        if ends_alike(entry.rest, &into.bytes[before.start + entry.shared..before.end]) {
            break;
        }
        let start = into.used;
        let rest_at = start + entry.shared;
        let key_end = rest_at + entry.rest.len();
        into.bytes.copy_within(before.start..before.start + entry.shared, start);
        into.bytes[rest_at..key_end].copy_from_slice(entry.rest);
        if upper.is_some_and(|upper| &into.bytes[start..key_end] >= upper) {
            break;
        }
        into.bytes[key_end..key_end + entry.value.len()].copy_from_slice(entry.value);
        into.added(key_end, key_end + entry.value.len());
        before = start..key_end;
        let trailer = at + HEADER_SIZE + entry.rest.len();
        let value = trailer + TRAILER_SIZE;
        let end = value + entry.value.len();
        last = Some(LastPacked { start: at, trailer, value, end });
        at = end;
    }
    last
}

/// Are they the same? Neighbours mostly differ in the last byte, and a comparison of many is a call.
#[inline]
fn ends_alike(a: &[u8], b: &[u8]) -> bool {
    a.last() == b.last() && a == b
}

/// An entry whose lengths take one byte each.
struct PlainEntry<'a> {
    /// Bytes of the user key that the key before it has too.
    shared: usize,
    /// The rest of the user key.
    rest: &'a [u8],
    trailer: u64,
    value: &'a [u8],
}

impl<'a> PlainEntry<'a> {
    /// The entry in front; `None` where it is none, or its lengths do not fit.
    #[inline]
    fn read(entries: &'a [u8]) -> Option<Self> {
        let (&[shared, unshared, value], rest) = entries.split_first_chunk::<HEADER_SIZE>()?;
        if shared | unshared | value >= SHORT {
            return None;
        }
        let (key, rest) = rest.split_at_checked(usize::from(unshared))?;
        let (rest_of_key, trailer) = key.split_last_chunk::<TRAILER_SIZE>()?;
        Some(Self {
            shared: usize::from(shared),
            rest: rest_of_key,
            trailer: u64::from_le_bytes(*trailer),
            value: rest.get(..usize::from(value))?,
        })
    }
}
