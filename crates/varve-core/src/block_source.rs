//! Where cursors get their blocks from.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::block::Block;
use crate::cache::BlockCache;
use crate::error::{Error, Result};
use crate::stats::Counters;
use crate::table::file::read_range;
use crate::table::format::{open_data_block, BLOCK_TRAILER_SIZE};
use crate::table::Table;

const READ_AHEAD: usize = 256 * 1024;

/// What a read may do for a block that is not in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// Nothing: the read has to wait.
    None,
    /// Read it, and keep it in the cache.
    Cache,
    /// Read it past the cache, which keeps what it holds.
    Pass,
}

/// Gives a cursor the data blocks of a table.
pub trait BlockSource {
    fn block(&mut self, table: &Table, position: usize) -> Result<Block>;
}

/// For reads: from the cache, else from the file, if the read may touch it.
pub struct CachedBlocks {
    pub cache: Arc<BlockCache>,
    pub counters: Arc<Counters>,
    /// Set while the cursor may not touch the disk; shared by all sources of one scan.
    pub cache_only: Arc<AtomicBool>,
    pub fill_cache: bool,
}

impl Clone for CachedBlocks {
    fn clone(&self) -> Self {
        Self {
            cache: Arc::clone(&self.cache),
            counters: Arc::clone(&self.counters),
            cache_only: Arc::clone(&self.cache_only),
            fill_cache: self.fill_cache,
        }
    }
}

impl BlockSource for CachedBlocks {
    fn block(&mut self, table: &Table, position: usize) -> Result<Block> {
        let io = match (self.cache_only.load(Ordering::Relaxed), self.fill_cache) {
            (true, _) => Io::None,
            (false, true) => Io::Cache,
            (false, false) => Io::Pass,
        };
        cached_block(table, position, &self.cache, &self.counters, io)
    }
}

/// A data block from the cache, else from its file.
pub fn cached_block(table: &Table, position: usize, cache: &BlockCache, counters: &Counters, io: Io) -> Result<Block> {
    let handle = table.index.handle(position);
    if let Some(block) = cache.get(table.number, handle.offset) {
        return Ok(block);
    }
    if io == Io::None {
        return Err(Error::WouldBlock);
    }
    Counters::count(&counters.block_reads);
    let block = table.read_block(handle)?;
    if io == Io::Cache && !table.dropped.load(Ordering::Relaxed) {
        cache.insert(table.number, handle.offset, &block);
    }
    Ok(block)
}

/// For jobs: in file order, many blocks a read, past the cache.
#[derive(Default)]
pub struct SequentialBlocks {
    bytes: Vec<u8>,
    /// Table and offset of `bytes`.
    table: u64,
    offset: u64,
}

impl BlockSource for SequentialBlocks {
    fn block(&mut self, table: &Table, position: usize) -> Result<Block> {
        let handle = table.index.handle(position);
        let size = handle.size as usize + BLOCK_TRAILER_SIZE;
        let inside =
            self.table == table.number && handle.offset >= self.offset && handle.end() <= self.offset + self.bytes.len() as u64;
        if !inside {
            let length = size.max(READ_AHEAD).min((table.size - handle.offset) as usize);
            self.bytes.resize(length, 0);
            self.table = table.number;
            self.offset = handle.offset;
            let read = read_range(&table.file, &table.path, &mut self.bytes, handle.offset);
            if read.is_err() {
                self.bytes.clear();
            }
            read?;
        }
        let start = (handle.offset - self.offset) as usize;
        let sealed = &self.bytes[start..start + size];
        open_data_block(sealed, &table.path, handle.offset)
    }
}
