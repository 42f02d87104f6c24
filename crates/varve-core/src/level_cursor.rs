//! All entries of tables that are in key order and share no user key: a level, or a run of one. A table is not read before its turn.

use std::sync::Arc;

use crate::block_source::BlockSource;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::compare;
use crate::table::{Table, TableCursor};

pub struct LevelCursor<S: BlockSource> {
    /// At least one.
    tables: Arc<[Arc<Table>]>,
    position: usize,
    table: TableCursor<S>,
    valid: bool,
}

impl<S: BlockSource> LevelCursor<S> {
    /// `None` when there are no tables.
    pub fn new(tables: Arc<[Arc<Table>]>, source: S) -> Option<Self> {
        let first = Arc::clone(tables.first()?);
        Some(Self { tables, position: 0, table: TableCursor::new(first, source), valid: false })
    }

    /// Highest sequence number of the table that the cursor stands in.
    pub fn newest_entry(&self) -> u64 {
        self.tables[self.position].properties.largest_sequence
    }

    fn enter(&mut self, position: usize) {
        if position != self.position {
            self.table.reset(Arc::clone(&self.tables[position]));
            self.position = position;
        }
    }

    fn skip_forward(&mut self) -> Result<()> {
        while !self.table.valid() && self.position + 1 < self.tables.len() {
            self.enter(self.position + 1);
            self.table.seek_to_first()?;
        }
        self.valid = self.table.valid();
        Ok(())
    }

    fn skip_backward(&mut self) -> Result<()> {
        while !self.table.valid() && self.position > 0 {
            self.enter(self.position - 1);
            self.table.seek_to_last()?;
        }
        self.valid = self.table.valid();
        Ok(())
    }
}

impl<S: BlockSource> Cursor for LevelCursor<S> {
    #[inline]
    fn valid(&self) -> bool {
        self.valid
    }

    #[inline]
    fn key(&self) -> &[u8] {
        self.table.key()
    }

    #[inline]
    fn value(&self) -> &[u8] {
        self.table.value()
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.enter(0);
        self.table.seek_to_first()?;
        self.skip_forward()
    }

    fn seek_to_last(&mut self) -> Result<()> {
        self.enter(self.tables.len() - 1);
        self.table.seek_to_last()?;
        self.skip_backward()
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        // What lies behind the others is looked for in the last table: it may have no end.
        let others = &self.tables[..self.tables.len() - 1];
        self.enter(others.partition_point(|table| compare(&table.properties.largest_key, target).is_lt()));
        self.table.seek(target)?;
        self.skip_forward()
    }

    fn seek_for_prev(&mut self, target: &[u8]) -> Result<()> {
        let behind = self.tables.partition_point(|table| compare(&table.properties.smallest_key, target).is_le());
        let Some(position) = behind.checked_sub(1) else {
            self.valid = false;
            return Ok(());
        };
        self.enter(position);
        self.table.seek_for_prev(target)?;
        self.skip_backward()
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        self.table.next()?;
        if self.table.valid() {
            return Ok(());
        }
        self.skip_forward()
    }

    fn prev(&mut self) -> Result<()> {
        self.table.prev()?;
        if self.table.valid() {
            return Ok(());
        }
        self.skip_backward()
    }

    fn locate(&self, error: Error) -> Error {
        self.table.locate(error)
    }
}
