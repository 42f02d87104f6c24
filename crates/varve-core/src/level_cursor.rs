//! All entries of tables that are in key order and share no user key: a level, or a run of one. A table is not read before its turn.

use std::sync::Arc;

use crate::block_source::BlockSource;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::{compare, first_key};
use crate::packed_chunk::PackedChunk;
use crate::range_delete::{compare_ends, RangeDelete};
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

    /// Moves on over what a range delete over the current entry hides: to its end or, in reverse, before its start. A table with something
    /// as new as the range delete is not passed over; one that lies wholly within it is passed without being read.
    pub fn pass(&mut self, over: &RangeDelete, reverse: bool) -> Result<()> {
        match (self.is_older(self.position, over), reverse) {
            (true, true) => self.pass_backward(over),
            (true, false) => self.pass_forward(over),
            (false, true) => self.prev(),
            (false, false) => self.next(),
        }
    }

    /// As [`crate::view::Source::pack_run`].
    pub fn pack_run(&mut self, into: &mut PackedChunk<'_>, sequence: u64, upper: Option<&[u8]>) {
        self.table.pack_run(into, sequence, upper);
    }

    /// As [`crate::view::Source::pack_run_back`].
    pub fn pack_run_back(&mut self, into: &mut PackedChunk<'_>, sequence: u64, lower: Option<&[u8]>) {
        self.table.pack_run_back(into, sequence, lower);
    }

    fn pass_forward(&mut self, over: &RangeDelete) -> Result<()> {
        let passed =
            |position: usize| self.is_older(position, over) && compare_ends(&self.tables[position].end, &over.end).is_le();
        let Some(position) = (self.position..self.tables.len()).find(|&position| !passed(position)) else {
            self.valid = false;
            return Ok(());
        };
        self.enter(position);
        if self.is_older(position, over) {
            self.table.seek(&first_key(&over.end))?;
        } else {
            self.table.seek_to_first()?;
        }
        self.skip_forward()
    }

    fn pass_backward(&mut self, over: &RangeDelete) -> Result<()> {
        let passed =
            |position: usize| self.is_older(position, over) && over.start.as_slice() <= self.tables[position].smallest_user_key();
        let Some(position) = (0..=self.position).rev().find(|&position| !passed(position)) else {
            self.valid = false;
            return Ok(());
        };
        self.enter(position);
        if self.is_older(position, over) {
            self.table.seek_for_prev(&first_key(&over.start))?;
        } else {
            self.table.seek_to_last()?;
        }
        self.skip_backward()
    }

    fn is_older(&self, position: usize, over: &RangeDelete) -> bool {
        self.tables[position].span.largest_sequence < over.sequence
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
        self.enter(others.partition_point(|table| compare(&table.span.largest_key, target).is_lt()));
        self.table.seek(target)?;
        self.skip_forward()
    }

    fn seek_for_prev(&mut self, target: &[u8]) -> Result<()> {
        let behind = self.tables.partition_point(|table| compare(&table.span.smallest_key, target).is_le());
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
