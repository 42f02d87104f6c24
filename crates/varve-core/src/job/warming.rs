//! Keeps the cache warm through a compaction: where it holds what is merged, it gets what comes of it. Else every read of the new tables would go
//! to their files, as long as the job runs and after it.
//!
//! Invariants:
//!  1. A block that is written goes into the cache if one of the input blocks that were read since the last one is there; if none was read, as
//!     the last one did. So about as much goes in as the inputs have in the cache, and of a cold tree nothing.
//!  2. Looking whether a block is in the cache is no hit: what the job reads counts as little as before.
//!  3. New blocks are under the number of a table that is not open yet. Whoever gives the table up drops them.

use std::cell::Cell;
use std::sync::Arc;

use crate::block::Block;
use crate::cache::BlockCache;

pub struct Warming {
    cache: Arc<BlockCache>,
    /// Was one of the input blocks in the cache?
    is_warm: Cell<bool>,
    /// Has a block been written since the last one was read?
    has_written: Cell<bool>,
}

impl Warming {
    pub fn new(cache: Arc<BlockCache>) -> Self {
        Self { cache, is_warm: Cell::new(false), has_written: Cell::new(true) }
    }

    /// A block of the input was read.
    pub fn read(&self, table: u64, offset: u64) {
        let before = !self.has_written.replace(false) && self.is_warm.get();
        self.is_warm.set(before || self.cache.holds(table, offset));
    }

    /// A block of the output was finished, with these contents.
    pub fn wrote(&self, table: u64, offset: u64, contents: &[u8]) {
        self.has_written.set(true);
        if self.is_warm.get() {
            self.cache.insert(table, offset, &Block::from(contents));
        }
    }

    /// Tables that were written, or begun, will not be.
    pub fn give_up(&self, tables: &[u64]) {
        self.cache.drop_tables(tables);
    }
}
