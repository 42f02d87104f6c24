//! All entries of a table: the index leads to a block, the block to an entry.

use std::sync::Arc;

use super::key_index::{index_mismatch, KeyIndex};
use super::reader::Table;
use crate::block::{fingerprint_of, BlockCursor, KeyOrder};
use crate::block_source::BlockSource;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::user_key;
use crate::packed_chunk::PackedChunk;
use crate::xxhash64::xx_hash64;

pub struct TableCursor<S: BlockSource> {
    table: Arc<Table>,
    source: S,
    /// Position of the current block in the index.
    position: usize,
    /// Where the current block begins in the file.
    offset: u64,
    block: Option<BlockCursor>,
}

impl<S: BlockSource> TableCursor<S> {
    pub fn new(table: Arc<Table>, source: S) -> Self {
        Self { table, source, position: 0, offset: 0, block: None }
    }

    /// Goes over to another table; the position is undefined until the next seek.
    pub fn reset(&mut self, table: Arc<Table>) {
        self.table = table;
        self.position = usize::MAX;
    }

    fn index(&self) -> Result<&KeyIndex> {
        Ok(&self.source.resident(&self.table)?.index)
    }

    fn load(&mut self, position: usize) -> Result<&mut BlockCursor> {
        let offset = self.index()?.handle(position).offset;
        let block = self.source.block(&self.table, position)?;
        (self.position, self.offset) = (position, offset);
        let cursor = match self.block.take() {
            Some(mut cursor) => cursor.reset(block).map(|()| cursor),
            None => BlockCursor::new(block, KeyOrder::Internal),
        };
        let cursor = cursor.map_err(|error| error.at(self.table.path(), offset))?;
        Ok(self.block.insert(cursor))
    }

    /// Loads a block and seeks in it; errors get their place.
    fn enter(&mut self, position: usize, seek: impl FnOnce(&mut BlockCursor) -> Result<()>) -> Result<()> {
        let result = seek(self.load(position)?);
        result.map_err(|error| self.locate(error))
    }

    /// As [`crate::view::Source::pack_run`].
    pub fn pack_run(&mut self, into: &mut PackedChunk<'_>, sequence: u64, upper: Option<&[u8]>) {
        if let Some(block) = &mut self.block {
            block.pack_run(into, sequence, upper);
        }
    }

    /// As [`crate::view::Source::pack_run_back`].
    pub fn pack_run_back(&mut self, into: &mut PackedChunk<'_>, sequence: u64, lower: Option<&[u8]>) {
        if let Some(block) = &mut self.block {
            block.pack_run_back(into, sequence, lower);
        }
    }

    fn invalidate(&mut self) {
        self.block = None;
    }

    /// Behind the last entry of a block the next one begins.
    fn skip_forward(&mut self) -> Result<()> {
        while self.block.as_ref().is_some_and(|block| !block.valid()) {
            if self.position + 1 >= self.index()?.len() {
                self.invalidate();
                return Ok(());
            }
            self.enter(self.position + 1, BlockCursor::seek_to_first)?;
        }
        Ok(())
    }

    fn skip_backward(&mut self) -> Result<()> {
        while self.block.as_ref().is_some_and(|block| !block.valid()) {
            if self.position == 0 {
                self.invalidate();
                return Ok(());
            }
            self.enter(self.position - 1, BlockCursor::seek_to_last)?;
        }
        Ok(())
    }
}

impl<S: BlockSource> Cursor for TableCursor<S> {
    #[inline]
    fn valid(&self) -> bool {
        self.block.as_ref().is_some_and(Cursor::valid)
    }

    #[inline]
    fn key(&self) -> &[u8] {
        self.block.as_ref().map_or(&[], Cursor::key)
    }

    #[inline]
    fn value(&self) -> &[u8] {
        self.block.as_ref().map_or(&[], Cursor::value)
    }

    fn seek_to_first(&mut self) -> Result<()> {
        if self.index()?.is_empty() {
            self.invalidate();
            return Ok(());
        }
        self.enter(0, BlockCursor::seek_to_first)?;
        self.skip_forward()
    }

    fn seek_to_last(&mut self) -> Result<()> {
        let Some(last) = self.index()?.len().checked_sub(1) else {
            self.invalidate();
            return Ok(());
        };
        self.enter(last, BlockCursor::seek_to_last)?;
        self.skip_backward()
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        let index = self.index()?;
        let position = index.find(target);
        if position == index.len() {
            self.invalidate();
            return Ok(());
        }
        let fingerprint = fingerprint_of(xx_hash64(user_key(target)));
        self.enter(position, |block| block.seek_probable(target, fingerprint))?;
        if !self.valid() {
            return Err(self.locate(index_mismatch()));
        }
        Ok(())
    }

    fn seek_for_prev(&mut self, target: &[u8]) -> Result<()> {
        let index = self.index()?;
        let position = index.find(target);
        if position == index.len() {
            return self.seek_to_last();
        }
        self.enter(position, |block| block.seek_for_prev(target))?;
        self.skip_backward()
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        let Some(block) = &mut self.block else { return Ok(()) };
        let result = block.next();
        result.map_err(|error| self.locate(error))?;
        self.skip_forward()
    }

    fn prev(&mut self) -> Result<()> {
        let Some(block) = &mut self.block else { return Ok(()) };
        let result = block.prev();
        result.map_err(|error| self.locate(error))?;
        self.skip_backward()
    }

    fn locate(&self, error: Error) -> Error {
        error.at(self.table.path(), self.offset)
    }
}
