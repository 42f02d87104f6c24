//! Reads a block in both directions.
//!
//! Invariants:
//!  1. Every offset and length is checked against the block: a hostile block is an error, never a panic or a read outside.
//!  2. Entries begin at restart points or right behind another entry, and lie before the restart array.
//!  3. A fingerprint is a hint where an entry is: the key of the entry decides.

use std::cmp::Ordering;
use std::ops::{Deref, Range};

use super::fingerprints::position_of;
use super::passed::Passed;
use super::run::pack_plain_entries;
use super::{Block, FINGERPRINTED};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::{self, KIND_PUT, TRAILER_SIZE};
use crate::packed_chunk::PackedChunk;
use crate::varint::read_varint32;

/// In a block of more entries a binary search is faster than one through all fingerprints.
const MOST_FINGERPRINTS: usize = 2048;

/// How the keys of a block are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// Data and index blocks.
    Internal,
    /// Properties and metaindex.
    Plain,
}

/// `B` is whatever holds the bytes.
pub struct BlockCursor<B = Block> {
    order: KeyOrder,
    block: B,
    /// Where the restart array begins; entries end there.
    entries_end: usize,
    restarts: usize,
    /// Where the fingerprints lie; empty when there are none.
    fingerprints: Range<usize>,
    /// Entries between two restart points; 0 when there are no fingerprints.
    restart_interval: usize,
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

impl<B: Deref<Target = [u8]>> BlockCursor<B> {
    pub fn new(block: B, order: KeyOrder) -> Result<Self> {
        let mut cursor = Self {
            order,
            block,
            entries_end: 0,
            restarts: 0,
            fingerprints: 0..0,
            restart_interval: 0,
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
    pub fn reset(&mut self, block: B) -> Result<()> {
        self.block = block;
        self.passed.clear();
        self.check()
    }

    fn check(&mut self) -> Result<()> {
        self.check_tail().ok_or_else(|| Error::corruption("the restart array of a block does not fit into it"))?;
        self.invalidate();
        Ok(())
    }

    fn check_tail(&mut self) -> Option<()> {
        let (body, count) = self.block.split_last_chunk::<4>()?;
        let count = u32::from_le_bytes(*count);
        let entries = if count < FINGERPRINTED {
            (self.restarts, self.restart_interval, self.fingerprints) = (count as usize, 0, body.len()..body.len());
            body.len()
        } else {
            let (body, interval) = body.split_last_chunk::<2>()?;
            let (interval, count) = (usize::from(u16::from_le_bytes(*interval)), (count - FINGERPRINTED) as usize);
            self.fingerprints = body.len().checked_sub(count)?..body.len();
            self.restart_interval = interval;
            self.restarts = if interval == 0 { 0 } else { count.div_ceil(interval) };
            self.fingerprints.start
        };
        self.entries_end = entries.checked_sub(self.restarts.checked_mul(4)?)?;
        (self.restarts > 0).then_some(())
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

    /// Moves to the first entry at or after `target`, an internal key, that is of the same user key; to none when the block has none. The
    /// fingerprint is that of the user key.
    pub fn find(&mut self, target: &[u8], fingerprint: u8) -> Result<()> {
        if self.fingerprints.is_empty() || self.fingerprints.len() > MOST_FINGERPRINTS {
            self.seek(target)?;
            return self.stay_at(internal_key::user_key(target));
        }
        let user_key = internal_key::user_key(target);
        let mut from = 0;
        while let Some(position) = position_of(&self.block[self.fingerprints.clone()], fingerprint, from) {
            self.move_to(position)?;
            if internal_key::user_key(&self.key) == user_key {
                while self.valid() && self.compare(&self.key, target) == Ordering::Less {
                    self.advance()?;
                }
                return self.stay_at(user_key);
            }
            from = position + 1;
        }
        self.invalidate();
        Ok(())
    }

    /// As `seek`, of a target whose user key the block most likely has: it is looked for by its fingerprint first, which spares the search
    /// its way over the restart points, each of them another miss of the processor's cache.
    pub fn seek_probable(&mut self, target: &[u8], fingerprint: u8) -> Result<()> {
        if !self.fingerprints.is_empty() && self.fingerprints.len() <= MOST_FINGERPRINTS {
            self.find(target, fingerprint)?;
            if self.valid() {
                return Ok(());
            }
        }
        self.seek(target)
    }

    fn stay_at(&mut self, user_key: &[u8]) -> Result<()> {
        if self.valid() && internal_key::user_key(&self.key) != user_key {
            self.invalidate();
        }
        Ok(())
    }

    /// As [`crate::view::Source::pack_run`], in this block; at what is rare, or wrong, it stops.
    pub fn pack_run(&mut self, into: &mut PackedChunk<'_>, sequence: u64, upper: Option<&[u8]>) {
        let entries = &self.block[..self.entries_end];
        let Some(last) = pack_plain_entries(entries, self.next, into, sequence, upper) else { return };
        self.key.clear();
        self.key.extend_from_slice(&into.bytes[into.last_key()]);
        self.key.extend_from_slice(&entries[last.trailer..last.value]);
        self.current = last.start;
        self.value = last.value..last.end;
        self.next = last.end;
    }

    /// Moves to the entry before the current one, if that was the last to be passed.
    #[inline]
    fn step_back(&mut self) -> bool {
        let Some(entry) = self.passed.pop_before(self.current, &mut self.key) else { return false };
        self.next = self.current;
        self.current = entry.start;
        self.value = entry.value;
        true
    }

    /// As [`crate::view::Source::pack_run_back`], among the entries that were passed on the way to the current one.
    pub fn pack_run_back(&mut self, into: &mut PackedChunk<'_>, sequence: u64, lower: Option<&[u8]>) {
        while !into.is_full() {
            let Some(before) = self.passed.key_before(self.current) else { break };
            let (user_key, trailer) = internal_key::split(&self.key);
            let visible = trailer as u8 == KIND_PUT && trailer >> 8 <= sequence;
            if !visible || user_key == internal_key::user_key(before) || lower.is_some_and(|lower| user_key < lower) {
                break;
            }
            if !into.pack(user_key, &self.block[self.value.clone()]) {
                break;
            }
            self.step_back();
        }
    }

    /// Moves to an entry by its number. There are fingerprints.
    fn move_to(&mut self, position: usize) -> Result<()> {
        self.start_at_restart(position / self.restart_interval)?;
        for _ in 0..=position % self.restart_interval {
            self.advance()?;
        }
        self.valid().then_some(()).ok_or_else(|| Error::corruption("a block has more fingerprints than entries"))
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

impl<B: Deref<Target = [u8]>> Cursor for BlockCursor<B> {
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
        if self.step_back() {
            return Ok(());
        }
        let limit = self.current;
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
