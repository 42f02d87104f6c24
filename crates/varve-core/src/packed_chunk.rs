//! The chunk that a scan fills: keys and values one behind the other, their ends in the index (see `ts/iterator/chunk.ts`).
//!
//! Invariant: what is refused leaves it as it was.

use std::ops::Range;

pub struct PackedChunk<'a> {
    pub bytes: &'a mut [u8],
    index: &'a mut [u32],
    /// Most entries.
    limit: usize,
    /// Entries packed.
    pub count: usize,
    /// Bytes packed.
    pub used: usize,
}

impl<'a> PackedChunk<'a> {
    pub fn new(bytes: &'a mut [u8], index: &'a mut [u32], limit: usize) -> Self {
        let limit = limit.min(index.len() / 2);
        Self { bytes, index, limit, count: 0, used: 0 }
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.count == self.limit
    }

    /// Is there room for so many bytes?
    #[inline]
    pub fn fits(&self, needed: usize) -> bool {
        needed <= self.bytes.len() - self.used
    }

    /// Where the key lies that was packed last. Only when one was.
    #[inline]
    pub fn last_key(&self) -> Range<usize> {
        let start = if self.count < 2 { 0 } else { self.index[2 * self.count - 3] as usize };
        start..self.index[2 * self.count - 2] as usize
    }

    /// Appends an entry; false when it does not fit.
    #[inline]
    pub fn pack(&mut self, key: &[u8], value: &[u8]) -> bool {
        if !self.fits(key.len() + value.len()) {
            return false;
        }
        let key_end = self.used + key.len();
        self.bytes[self.used..key_end].copy_from_slice(key);
        self.bytes[key_end..key_end + value.len()].copy_from_slice(value);
        self.added(key_end, key_end + value.len());
        true
    }

    /// Counts an entry whose bytes were written behind the others.
    #[inline]
    pub fn added(&mut self, key_end: usize, value_end: usize) {
        self.index[2 * self.count] = key_end as u32;
        self.index[2 * self.count + 1] = value_end as u32;
        self.used = value_end;
        self.count += 1;
    }
}
