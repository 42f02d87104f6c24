//! The entries that a walk from a restart point to a later entry has passed, decoded. Going backward takes them from here one by one: to
//! walk from the restart point again for each would cost half an interval an entry.

use std::ops::Range;

#[derive(Default)]
pub struct Passed {
    entries: Vec<Entry>,
    /// Their keys, one behind the other.
    keys: Vec<u8>,
}

/// An entry by its offsets in the block.
pub struct Entry {
    pub start: usize,
    pub value: Range<usize>,
    key_start: usize,
}

impl Passed {
    pub fn clear(&mut self) {
        self.entries.clear();
        self.keys.clear();
    }

    pub fn push(&mut self, start: usize, key: &[u8], value: Range<usize>) {
        self.entries.push(Entry { start, value, key_start: self.keys.len() });
        self.keys.extend_from_slice(key);
    }

    /// The internal key of the entry that ends where another begins, if it was the last to be passed.
    #[inline]
    pub fn key_before(&self, start: usize) -> Option<&[u8]> {
        let entry = self.entries.last().filter(|entry| entry.value.end == start)?;
        Some(&self.keys[entry.key_start..])
    }

    /// Takes the entry that ends where another begins, if it was the last to be passed, and puts its key into `key`.
    pub fn pop_before(&mut self, start: usize, key: &mut Vec<u8>) -> Option<Entry> {
        let entry = self.entries.pop_if(|entry| entry.value.end == start)?;
        key.clear();
        key.extend_from_slice(&self.keys[entry.key_start..]);
        self.keys.truncate(entry.key_start);
        Some(entry)
    }
}
