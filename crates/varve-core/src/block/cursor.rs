//! Reads a block in both directions.
//!
//! Invariants:
//!  1. Every offset and length is checked against the block: a hostile block is an error, never a panic or a read outside.
//!  2. Entries begin at restart points or right behind another entry, and lie before the restart array.

use std::cmp::Ordering;
use std::ops::Range;

use super::passed::Passed;
use super::Block;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::{self, TRAILER_SIZE};
use crate::varint::read_varint32;

/// How the keys of a block are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// Data and index blocks.
    Internal,
    /// Properties and metaindex.
    Plain,
}

pub struct BlockCursor {
    order: KeyOrder,
    block: Block,
    /// Where the restart array begins; entries end there.
    entries_end: usize,
    restarts: usize,
    /// Offset of the entry that the cursor stands at; `entries_end` when it stands at none.
    current: usize,
    /// Offset of the entry behind it.
    next: usize,
    key: Vec<u8>,
    value: Range<usize>,
    /// Entries before the current one, while the cursor goes backward.
    passed: Passed,
}

/// The lengths of an entry and where its key bytes begin.
struct Header {
    shared: usize,
    unshared: usize,
    value: usize,
    key_start: usize,
}

impl BlockCursor {
    pub fn new(block: Block, order: KeyOrder) -> Result<Self> {
        let mut cursor = Self {
            order,
            block,
            entries_end: 0,
            restarts: 0,
            current: 0,
            next: 0,
            key: Vec::new(),
            value: 0..0,
            passed: Passed::default(),
        };
        cursor.check()?;
        Ok(cursor)
    }

    /// Goes over to another block, keeping the key buffer.
    pub fn reset(&mut self, block: Block) -> Result<()> {
        self.block = block;
        self.passed.clear();
        self.check()
    }

    fn check(&mut self) -> Result<()> {
        let malformed = || Error::corruption("the restart array of a block does not fit into it");
        let count_at = self.block.len().checked_sub(4).ok_or_else(malformed)?;
        self.restarts = self.u32_at(count_at).ok_or_else(malformed)? as usize;
        if self.restarts == 0 {
            return Err(malformed());
        }
        let array = self.restarts.checked_mul(4).ok_or_else(malformed)?;
        self.entries_end = count_at.checked_sub(array).ok_or_else(malformed)?;
        self.invalidate();
        Ok(())
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        let bytes = self.block.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn restart(&self, index: usize) -> Result<usize> {
        let offset = self.u32_at(self.entries_end + 4 * index).map(|offset| offset as usize);
        offset
            .filter(|&offset| offset <= self.entries_end)
            .ok_or_else(|| Error::corruption("a restart point lies outside its block"))
    }

    fn header(&self, offset: usize) -> Result<Header> {
        self.header_in(offset).ok_or_else(|| Error::corruption("an entry of a block is malformed"))
    }

    #[inline]
    fn header_in(&self, offset: usize) -> Option<Header> {
        let mut rest = self.block.get(offset..self.entries_end)?;
        let mut at = offset;
        let mut length = || -> Option<usize> {
            let (value, size) = read_varint32(rest)?;
            rest = rest.get(size..)?;
            at += size;
            Some(value as usize)
        };
        let (shared, unshared, value) = (length()?, length()?, length()?);
        (unshared.checked_add(value)? <= rest.len()).then_some(Header { shared, unshared, value, key_start: at })
    }

    fn invalidate(&mut self) {
        self.current = self.entries_end;
        self.next = self.entries_end;
    }

    /// Reads the entry at `self.next`, whose shared bytes are in `self.key`; stands at none when there is no more.
    #[inline]
    fn advance(&mut self) -> Result<()> {
        if self.next >= self.entries_end {
            self.invalidate();
            return Ok(());
        }
        let header = self.header(self.next)?;
        if header.shared > self.key.len() {
            return Err(Error::corruption("an entry of a block shares more than the key before it has"));
        }
        let key_end = header.key_start + header.unshared;
        self.key.truncate(header.shared);
        self.key.extend_from_slice(&self.block[header.key_start..key_end]);
        if self.order == KeyOrder::Internal && self.key.len() < TRAILER_SIZE {
            return Err(Error::corruption("a key of a block is too short to be an internal key"));
        }
        self.current = self.next;
        self.next = key_end + header.value;
        self.value = key_end..self.next;
        Ok(())
    }

    fn start_at_restart(&mut self, index: usize) -> Result<()> {
        self.next = self.restart(index)?;
        self.key.clear();
        Ok(())
    }

    #[inline]
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self.order {
            KeyOrder::Internal => internal_key::compare(a, b),
            KeyOrder::Plain => a.cmp(b),
        }
    }

    /// The key at a restart point, which shares nothing.
    fn restart_key(&self, index: usize) -> Result<&[u8]> {
        let header = self.header(self.restart(index)?)?;
        if header.shared != 0 {
            return Err(Error::corruption("the entry at a restart point shares bytes with another"));
        }
        Ok(&self.block[header.key_start..header.key_start + header.unshared])
    }

    /// The last restart point whose key is before `target`; the first one when there is none.
    fn find_restart(&self, target: &[u8]) -> Result<usize> {
        let (mut low, mut high) = (0, self.restarts - 1);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.compare(self.restart_key(middle)?, target) == Ordering::Less {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }

    /// Walks on from a restart point to the last entry that begins before `limit`.
    fn walk_to_last_before(&mut self, restart: usize, limit: usize) -> Result<()> {
        self.passed.clear();
        self.start_at_restart(restart)?;
        loop {
            self.advance()?;
            if !self.valid() || self.next >= limit {
                return Ok(());
            }
            self.passed.push(self.current, &self.key, self.value.clone());
        }
    }
}

impl Cursor for BlockCursor {
    #[inline]
    fn valid(&self) -> bool {
        self.current < self.entries_end
    }

    #[inline]
    fn key(&self) -> &[u8] {
        &self.key
    }

    #[inline]
    fn value(&self) -> &[u8] {
        &self.block[self.value.clone()]
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.start_at_restart(0)?;
        self.advance()
    }

    fn seek_to_last(&mut self) -> Result<()> {
        self.walk_to_last_before(self.restarts - 1, self.entries_end)
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        let restart = if self.entries_end == 0 { 0 } else { self.find_restart(target)? };
        self.start_at_restart(restart)?;
        loop {
            self.advance()?;
            if !self.valid() || self.compare(&self.key, target) != Ordering::Less {
                return Ok(());
            }
        }
    }

    fn seek_for_prev(&mut self, target: &[u8]) -> Result<()> {
        self.seek(target)?;
        if !self.valid() {
            return self.seek_to_last();
        }
        if self.compare(&self.key, target) == Ordering::Greater {
            return self.prev();
        }
        Ok(())
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        self.advance()
    }

    fn prev(&mut self) -> Result<()> {
        let limit = self.current;
        if let Some(entry) = self.passed.pop_before(limit, &mut self.key) {
            self.current = entry.start;
            self.next = limit;
            self.value = entry.value;
            return Ok(());
        }
        let mut restart = self.restarts;
        while restart > 0 {
            restart -= 1;
            if self.restart(restart)? < limit {
                return self.walk_to_last_before(restart, limit);
            }
        }
        self.invalidate();
        Ok(())
    }
}
