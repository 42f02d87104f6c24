//! The block of a table's range deletes. Part of the file format: do not change.
//!
//! A block with restart interval 16. Of each entry the key is an internal key of kind 2, the start of the range; the value is its end.
//!
//! Invariants:
//!  1. Ranges are *fragments*: two of them are the same range, or share no key. Those of one range come newest first.
//!  2. There is at least one, and none is empty.

use crate::block::{BlockBuilder, BlockCursor, KeyOrder};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::{pack_trailer, split, KIND_RANGE_DELETE};
use crate::range_delete::{is_before, RangeDelete};
use crate::varint::MAX_SAFE_INTEGER;

const RESTART_INTERVAL: usize = 16;

/// Fragments in the order of the block; none for a table without the block.
#[derive(Debug, Default)]
pub struct RangeDeletes {
    fragments: Vec<RangeDelete>,
    newest: u64,
}

/// Of a table without range deletes.
pub static NONE: RangeDeletes = RangeDeletes { fragments: Vec::new(), newest: 0 };

impl RangeDeletes {
    pub fn encode(fragments: &[RangeDelete]) -> Vec<u8> {
        let mut block = BlockBuilder::new(RESTART_INTERVAL);
        for RangeDelete { start, end, sequence } in fragments {
            let trailer = pack_trailer(*sequence, KIND_RANGE_DELETE).to_le_bytes();
            block.add(&[start.as_slice(), &trailer].concat(), end);
        }
        block.finish()
    }

    pub fn decode(block: Vec<u8>) -> Result<Self> {
        let mut fragments: Vec<RangeDelete> = Vec::new();
        let mut cursor = BlockCursor::new(block, KeyOrder::Internal)?;
        cursor.seek_to_first()?;
        while cursor.valid() {
            let (start, trailer) = split(cursor.key());
            let fragment = RangeDelete { start: start.to_vec(), end: cursor.value().to_vec(), sequence: trailer >> 8 };
            let follows = fragments.last().is_none_or(|last| follows(last, &fragment));
            let is_range = trailer as u8 == KIND_RANGE_DELETE && fragment.sequence <= MAX_SAFE_INTEGER;
            if !is_range || !is_before(&fragment.start, &fragment.end) || !follows {
                return Err(Error::corruption("the range deletes of a table are malformed"));
            }
            fragments.push(fragment);
            cursor.next()?;
        }
        if fragments.is_empty() {
            return Err(Error::corruption("a block of range deletes is empty"));
        }
        let newest = fragments.iter().map(|one| one.sequence).max().unwrap_or(0);
        Ok(Self { fragments, newest })
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.fragments.is_empty()
    }

    pub fn all(&self) -> &[RangeDelete] {
        &self.fragments
    }

    /// The highest sequence number.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Bytes in memory.
    pub fn size(&self) -> usize {
        let bytes = |one: &RangeDelete| one.start.len() + one.end.len() + std::mem::size_of::<RangeDelete>();
        self.fragments.iter().map(bytes).sum()
    }

    /// The sequence number of the newest one over a key that `sequence` can see; 0 when there is none.
    pub fn covering(&self, user_key: &[u8], sequence: u64) -> u64 {
        let behind = self.fragments.partition_point(|one| one.start.as_slice() <= user_key);
        let Some(oldest) = self.fragments[..behind].last().filter(|one| is_before(user_key, &one.end)) else { return 0 };
        let same = self.fragments[..behind].iter().rev().take_while(|one| one.start == oldest.start);
        same.take_while(|one| one.sequence <= sequence).last().map_or(0, |one| one.sequence)
    }
}

fn follows(last: &RangeDelete, fragment: &RangeDelete) -> bool {
    if last.start == fragment.start {
        return last.end == fragment.end && last.sequence > fragment.sequence;
    }
    last.start < fragment.start && !is_before(&fragment.start, &last.end)
}
