//! Where cursors get tables and their blocks from.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::block::Block;
use crate::cache::BlockCache;
use crate::error::{Error, Result};
use crate::io::Io;
use crate::job::warming::Warming;
use crate::read_ahead::{ReadAhead, Window};
use crate::stats::Counters;
use crate::table::format::BlockHandle;
use crate::table::{Resident, Table};

const JOB_REACH: u64 = 256 * 1024;

/// Gives a cursor what it needs of a table.
pub trait BlockSource {
    /// Index, filter and properties.
    fn resident<'a>(&self, table: &'a Table) -> Result<&'a Resident>;
    /// A data block. The table is loaded.
    fn block(&mut self, table: &Table, position: usize) -> Result<Block>;
}

/// Index, filter and properties of a table, if they are in memory or the read may touch the file.
#[inline]
pub fn resident(table: &Table, io: Io) -> Result<&Resident> {
    match table.loaded() {
        Some(resident) => Ok(resident),
        None if io.waits() => table.load(),
        None => Err(Error::WouldBlock),
    }
}

/// For scans: from the cache, else from the file, if the scan may touch it; each with its own window on the file.
pub struct CachedBlocks {
    pub cache: Arc<BlockCache>,
    pub counters: Arc<Counters>,
    /// Set while the cursor may not wait for a disk; shared by all sources of one scan.
    pub cache_only: Arc<AtomicBool>,
    pub fill_cache: bool,
    pub ahead: ReadAhead,
}

impl CachedBlocks {
    fn io(&self) -> Io {
        Io::of(!self.cache_only.load(Ordering::Relaxed), self.fill_cache)
    }
}

impl Clone for CachedBlocks {
    fn clone(&self) -> Self {
        Self {
            cache: Arc::clone(&self.cache),
            counters: Arc::clone(&self.counters),
            cache_only: Arc::clone(&self.cache_only),
            fill_cache: self.fill_cache,
            ahead: ReadAhead::default(),
        }
    }
}

impl BlockSource for CachedBlocks {
    fn resident<'a>(&self, table: &'a Table) -> Result<&'a Resident> {
        resident(table, self.io())
    }

    fn block(&mut self, table: &Table, position: usize) -> Result<Block> {
        let index = &table.load()?.index;
        let offset = index.handle(position).offset;
        self.ahead.follow(table, position, index.len());
        if let Some(block) = self.cache.get(table.number, offset, index.hint(position)) {
            return Ok(block);
        }
        let block = match self.ahead.block(table, position)? {
            Some(block) => block,
            None => {
                let block = self.ahead.read(table, position, self.io())?;
                Counters::count(&self.counters.file_reads);
                block
            }
        };
        Counters::count(&self.counters.block_reads);
        if self.fill_cache && !table.dropped.load(Ordering::Relaxed) {
            self.cache.insert(table.number, offset, &block);
        }
        Ok(block)
    }
}

/// For lookups: a data block that is not in the cache, from its file, if the read may touch it.
pub fn read_block(table: &Table, handle: BlockHandle, cache: &BlockCache, counters: &Counters, io: Io) -> Result<Block> {
    let block = table.file.read_data_block(handle, io)?;
    Counters::count(&counters.block_reads);
    Counters::count(&counters.file_reads);
    if io.fills_cache() && !table.dropped.load(Ordering::Relaxed) {
        cache.insert(table.number, handle.offset, &block);
    }
    Ok(block)
}

/// For jobs: in file order, many blocks a read, past the cache.
#[derive(Default)]
pub struct SequentialBlocks {
    window: Window,
    warming: Option<Rc<Warming>>,
}

impl SequentialBlocks {
    /// Tells of each block that is read.
    pub fn warming(warming: Rc<Warming>) -> Self {
        Self { window: Window::default(), warming: Some(warming) }
    }
}

impl BlockSource for SequentialBlocks {
    fn resident<'a>(&self, table: &'a Table) -> Result<&'a Resident> {
        table.load()
    }

    fn block(&mut self, table: &Table, position: usize) -> Result<Block> {
        if let Some(warming) = &self.warming {
            warming.read(table.number, table.load()?.index.handle(position).offset);
        }
        if let Some(block) = self.window.block(table, position)? {
            return Ok(block);
        }
        self.window.read(table, position, JOB_REACH)
    }
}
