//! What a kind of filter is: its name in the file, how it is built over the keys of a table, and how it is probed.
//!
//! Invariants:
//!  1. A filter that says no is right: the key is not in the table.
//!  2. A policy sees the hashes of keys, xxHash64 with seed 0, and never the keys: a lookup hashes its key once for all tables.
//!  3. The name is part of the file format. A change to what a name means is another name: a table whose filter has an unknown
//!     name is read without it.

use std::fmt::Debug;

use super::policies::BLOCK_PREFIX;
use crate::error::Result;

/// How large a filter is made.
#[derive(Clone, Copy, Debug)]
pub struct FilterSizing {
    /// Thousandths of a bit for each distinct user key.
    pub milli_bits_per_key: u64,
    /// Bits set for each key.
    pub probes: u32,
}

/// A kind of filter.
pub trait FilterPolicy: Debug + Sync {
    /// In options, and in the metaindex of a table behind `BLOCK_PREFIX`.
    fn name(&self) -> &'static str;
    /// The filter block over distinct user keys.
    fn build(&self, hashes: &[u64], sizing: FilterSizing) -> Vec<u8>;
    /// Checks a filter block.
    fn open(&self, block: Vec<u8>) -> Result<Box<dyn Filter>>;
}

/// A filter block that was checked.
pub trait Filter: Debug + Send + Sync {
    /// Bytes in memory.
    fn size(&self) -> usize;
    /// False when no key with this hash was added.
    fn may_contain(&self, hash: u64) -> bool;
}

/// Collects the keys of one table, whose number decides the size of the filter.
pub struct FilterBuilder {
    policy: &'static dyn FilterPolicy,
    sizing: FilterSizing,
    hashes: Vec<u64>,
}

impl FilterBuilder {
    pub fn new(policy: &'static dyn FilterPolicy, sizing: FilterSizing) -> Self {
        Self { policy, sizing, hashes: Vec::new() }
    }

    /// Name in the metaindex of the block that `finish` makes.
    pub fn block_name(&self) -> Vec<u8> {
        [BLOCK_PREFIX, self.policy.name().as_bytes()].concat()
    }

    /// Adds the hash of a user key that was not added before.
    pub fn add(&mut self, hash: u64) {
        self.hashes.push(hash);
    }

    /// The filter block.
    pub fn finish(&self) -> Vec<u8> {
        self.policy.build(&self.hashes, self.sizing)
    }
}
