//! Reads several blocks of a table at once when they are asked for one behind the other.
//!
//! Invariants:
//!  1. A read goes from the block that is asked for to the last block that ends within the reach, at least the one block. So no more is
//!     allocated than the reach or one block.
//!  2. Blocks are verified and decompressed when they are asked for: damage behind that is nobody's business yet.

use crate::block::Block;
use crate::error::Result;
use crate::io::Io;
use crate::table::format::{open_data_block, BLOCK_TRAILER_SIZE};
use crate::table::Table;

/// How far the second read of a sequence reaches, and all from the third on.
const FIRST_REACH: u64 = 64 * 1024;
const MOST_REACH: u64 = 256 * 1024;

/// Some bytes of a table's file.
#[derive(Default)]
pub struct Window {
    bytes: Vec<u8>,
    table: u64,
    offset: u64,
}

impl Window {
    /// A block, when it lies in the window.
    pub fn block(&self, table: &Table, position: usize) -> Result<Option<Block>> {
        let handle = table.load()?.index.handle(position);
        let inside =
            self.table == table.number && handle.offset >= self.offset && handle.end() <= self.offset + self.bytes.len() as u64;
        if !inside {
            return Ok(None);
        }
        let sealed = &self.bytes[(handle.offset - self.offset) as usize..(handle.end() - self.offset) as usize];
        open_data_block(sealed, table.path(), handle.offset).map(Some)
    }

    /// Reads a block, and those behind it that end within `reach` bytes; returns the block.
    pub fn read(&mut self, table: &Table, position: usize, reach: u64) -> Result<Block> {
        self.fill(table, position, reach)?;
        self.first(table, position)
    }

    fn first(&self, table: &Table, position: usize) -> Result<Block> {
        let handle = table.load()?.index.handle(position);
        open_data_block(&self.bytes[..handle.size as usize + BLOCK_TRAILER_SIZE], table.path(), handle.offset)
    }

    fn fill(&mut self, table: &Table, position: usize, reach: u64) -> Result<()> {
        let index = &table.load()?.index;
        let handle = index.handle(position);
        let last = (position..index.len()).take_while(|&next| index.handle(next).end() <= handle.offset + reach).last();
        let end = index.handle(last.unwrap_or(position)).end();
        self.bytes.resize((end - handle.offset) as usize, 0);
        (self.table, self.offset) = (table.number, handle.offset);
        let read = table.file.read_range(&mut self.bytes, handle.offset, Io::Pass);
        if read.is_err() {
            self.bytes.clear();
        }
        read
    }
}

/// For a scan: the window reaches further with each read of a sequence.
#[derive(Default)]
pub struct ReadAhead {
    window: Window,
    reach: u64,
    /// The block that was asked for last, and whether it was the last of its table.
    previous: Option<(u64, usize, bool)>,
    /// Is the block that is asked for now the one behind it?
    sequential: bool,
}

impl ReadAhead {
    /// To be told of every block that is asked for, wherever it comes from.
    pub fn follow(&mut self, table: &Table, position: usize, count: usize) {
        self.sequential = match self.previous {
            // A scan that had to wait asks for the same block again.
            Some((number, before, _)) if (number, before) == (table.number, position) => return,
            Some((number, before, _)) if number == table.number => before + 1 == position,
            Some((_, _, ended)) => ended && position == 0,
            None => false,
        };
        self.previous = Some((table.number, position, position + 1 == count));
    }

    /// A block that was read already.
    pub fn block(&self, table: &Table, position: usize) -> Result<Option<Block>> {
        self.window.block(table, position)
    }

    /// Reads a block, and more when the scan goes on from block to block; returns the block. More is never read without waiting: other
    /// threads do that better.
    pub fn read(&mut self, table: &Table, position: usize, io: Io) -> Result<Block> {
        if !io.waits() {
            let alone = if self.sequential { Io::None } else { io };
            return table.file.read_data_block(table.load()?.index.handle(position), alone);
        }
        self.reach = if self.sequential { (self.reach * 4).clamp(FIRST_REACH, MOST_REACH) } else { 0 };
        // When more cannot be read, what is behind the block may be to blame.
        if self.reach > 0 && self.window.fill(table, position, self.reach).is_ok() {
            return self.window.first(table, position);
        }
        self.window.read(table, position, 0)
    }
}
