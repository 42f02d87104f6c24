//! A view: the memtables and tables that reads see at one moment. Immutable.
//!
//! Invariant: for one user key, everything in an earlier source is newer than everything in a later one: memtables newest first, level 0
//! newest first, then the deeper levels. So a lookup ends at the first source that knows the key.

use std::sync::Arc;

use crate::block::{BlockCursor, KeyOrder};
use crate::block_source::{cached_block, CachedBlocks, Io};
use crate::cache::BlockCache;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::{self, unknown_kind, KIND_DELETE, KIND_PUT};
use crate::level_cursor::LevelCursor;
use crate::memtable::{Found, Memtable, MemtableCursor};
use crate::merge::MergeCursor;
use crate::stats::Counters;
use crate::table::key_index::index_mismatch;
use crate::table::Table;
use crate::xxhash64::xx_hash64;

#[derive(Default)]
pub struct View {
    /// Newest first.
    pub memtables: Vec<Arc<Memtable>>,
    /// Newest first; may overlap.
    pub level0: Vec<Arc<Table>>,
    /// Levels from 1 on that have tables, and their numbers: in key order, disjoint.
    pub levels: Vec<(usize, Arc<[Arc<Table>]>)>,
}

/// A source of a scan.
pub enum Source {
    Memtable(MemtableCursor),
    Level(LevelCursor<CachedBlocks>),
}

/// What a lookup needs besides the key.
pub struct ReadContext<'a> {
    pub cache: &'a BlockCache,
    pub counters: &'a Counters,
    pub io: Io,
}

impl View {
    /// Looks for the newest version of a key that `sequence` can see.
    pub fn get<R>(
        &self,
        user_key: &[u8],
        sequence: u64,
        context: &ReadContext<'_>,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>> {
        let mut take = Some(take);
        let mut taken = |value: &[u8]| take.take().map(|take| take(value));
        for memtable in &self.memtables {
            match memtable.get(user_key, sequence, &mut taken) {
                Found::Value(result) => return Ok(result),
                Found::Tombstone => return Ok(None),
                Found::Nothing => {}
            }
        }
        let lookup = Lookup { user_key, sequence, hash: xx_hash64(user_key), context };
        for (level, table) in self.tables_for(user_key) {
            match lookup.in_table(level, table, &mut taken)? {
                Found::Value(result) => return Ok(result),
                Found::Tombstone => return Ok(None),
                Found::Nothing => {}
            }
        }
        Ok(None)
    }

    /// Tables of a level.
    pub fn tables(&self, level: usize) -> &[Arc<Table>] {
        if level == 0 {
            return &self.level0;
        }
        self.levels.iter().find(|(number, _)| *number == level).map_or(&[], |(_, tables)| tables)
    }

    /// Tables whose key range holds the key, and their levels, newest data first.
    fn tables_for<'a>(&'a self, user_key: &'a [u8]) -> impl Iterator<Item = (usize, &'a Arc<Table>)> {
        let deeper = self.levels.iter().filter_map(move |(level, tables)| {
            let position = tables.partition_point(|table| table.largest_user_key() < user_key);
            tables.get(position).map(|table| (*level, table))
        });
        let inside = move |(_, table): &(usize, &Arc<Table>)| {
            table.smallest_user_key() <= user_key && user_key <= table.largest_user_key()
        };
        self.level0.iter().map(|table| (0, table)).chain(deeper).filter(inside)
    }

    /// A cursor over every version of every key.
    pub fn cursor(&self, blocks: &CachedBlocks) -> MergeCursor<Source> {
        let mut sources: Vec<Source> =
            self.memtables.iter().map(|memtable| Source::Memtable(MemtableCursor::new(Arc::clone(memtable)))).collect();
        let runs = self
            .level0
            .iter()
            .map(|table| Arc::from([Arc::clone(table)]))
            .chain(self.levels.iter().map(|(_, tables)| Arc::clone(tables)));
        sources.extend(runs.filter_map(|run| LevelCursor::new(run, blocks.clone())).map(Source::Level));
        MergeCursor::new(sources)
    }
}

/// A point lookup under way.
struct Lookup<'a> {
    user_key: &'a [u8],
    sequence: u64,
    hash: u64,
    context: &'a ReadContext<'a>,
}

impl Lookup<'_> {
    fn in_table<R>(&self, level: usize, table: &Table, take: &mut impl FnMut(&[u8]) -> R) -> Result<Found<R>> {
        let ReadContext { cache, counters, io } = *self.context;
        if let Some(filter) = &table.filter {
            Counters::count(&counters.filters(level).probes);
            if !filter.may_contain(self.hash) {
                Counters::count(&counters.filters(level).negatives);
                return Ok(Found::Nothing);
            }
        }
        let mut target = Vec::with_capacity(self.user_key.len() + internal_key::TRAILER_SIZE);
        internal_key::seek_key(&mut target, self.user_key, self.sequence);
        let position = table.index.find(&target);
        if position == table.index.len() {
            return Ok(self.absent(level, table));
        }
        let block = cached_block(table, position, cache, counters, io)?;
        let here = table.index.handle(position).offset;
        let found = self.in_block(BlockCursor::new(block, KeyOrder::Internal), &target, take);
        Ok(found.map_err(|error| error.at(&table.path, here))?.unwrap_or_else(|| self.absent(level, table)))
    }

    fn in_block<R>(
        &self,
        cursor: Result<BlockCursor>,
        target: &[u8],
        take: &mut impl FnMut(&[u8]) -> R,
    ) -> Result<Option<Found<R>>> {
        let mut cursor = cursor?;
        cursor.seek(target)?;
        if !cursor.valid() {
            return Err(index_mismatch());
        }
        let (user_key, trailer) = internal_key::split(cursor.key());
        if user_key != self.user_key {
            return Ok(None);
        }
        match trailer as u8 {
            KIND_PUT => Ok(Some(Found::Value(take(cursor.value())))),
            KIND_DELETE => Ok(Some(Found::Tombstone)),
            kind => Err(unknown_kind(kind)),
        }
    }

    /// The table does not have the key, or only versions that are too new. When none can be too new, the filter let it pass in vain.
    fn absent<R>(&self, level: usize, table: &Table) -> Found<R> {
        if table.filter.is_some() && self.sequence >= table.properties.largest_sequence {
            Counters::count(&self.context.counters.filters(level).false_positives);
        }
        Found::Nothing
    }
}

/// Calls the same method of whichever source it is.
macro_rules! of_source {
    ($self:expr, $cursor:ident => $call:expr) => {
        match $self {
            Source::Memtable($cursor) => $call,
            Source::Level($cursor) => $call,
        }
    };
}

impl Cursor for Source {
    #[inline]
    fn valid(&self) -> bool {
        of_source!(self, cursor => cursor.valid())
    }

    #[inline]
    fn key(&self) -> &[u8] {
        of_source!(self, cursor => cursor.key())
    }

    #[inline]
    fn value(&self) -> &[u8] {
        of_source!(self, cursor => cursor.value())
    }

    fn seek_to_first(&mut self) -> Result<()> {
        of_source!(self, cursor => cursor.seek_to_first())
    }

    fn seek_to_last(&mut self) -> Result<()> {
        of_source!(self, cursor => cursor.seek_to_last())
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        of_source!(self, cursor => cursor.seek(target))
    }

    fn seek_for_prev(&mut self, target: &[u8]) -> Result<()> {
        of_source!(self, cursor => cursor.seek_for_prev(target))
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        of_source!(self, cursor => cursor.next())
    }

    #[inline]
    fn prev(&mut self) -> Result<()> {
        of_source!(self, cursor => cursor.prev())
    }

    fn locate(&self, error: Error) -> Error {
        of_source!(self, cursor => cursor.locate(error))
    }
}
