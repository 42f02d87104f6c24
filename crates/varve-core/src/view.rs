//! A view: the memtables and tables that reads see at one moment. Immutable.
//!
//! Invariant: for one user key, everything in an earlier source is newer than everything in a later one: memtables newest first, level 0
//! newest first, then the deeper levels. So a lookup ends at the first source that knows the key; one with a range delete over it does.

use std::sync::{Arc, OnceLock};

use crate::blob::{BlobFiles, ValuePointer};
use crate::block::{fingerprint_of, BlockCursor, KeyOrder};
use crate::block_source::{read_block, resident, CachedBlocks};
use crate::cache::BlockCache;
use crate::coverage::Coverage;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::expiry::{live_value, Moment};
use crate::internal_key::{self, SeekKey, KIND_VALUE_POINTER};
use crate::io::Io;
use crate::level_cursor::LevelCursor;
use crate::memtable::{Found, Memtable, MemtableCursor};
use crate::merge::MergeCursor;
use crate::packed_chunk::PackedChunk;
use crate::range_delete::{is_before, RangeDelete};
use crate::stats::Counters;
use crate::table::{Resident, Table};
use crate::xxhash64::xx_hash64;

#[derive(Default)]
pub struct View {
    /// Newest first.
    pub memtables: Vec<Arc<Memtable>>,
    /// Newest first; may overlap.
    pub level0: Vec<Arc<Table>>,
    /// Levels from 1 on that have tables, and their numbers: in key order, disjoint.
    pub levels: Vec<(usize, Arc<[Arc<Table>]>)>,
    /// Tables with range deletes, from all levels.
    with_range_deletes: Vec<Arc<Table>>,
    /// What all of their range deletes cover; made when it is first asked for.
    table_coverage: OnceLock<Arc<Coverage>>,
}

/// A source of a scan.
#[expect(clippy::large_enum_variant, reason = "a scan has few of them, and a box would be one step more for each entry")]
pub enum Source {
    Memtable(MemtableCursor),
    Level(LevelCursor<CachedBlocks>),
}

/// What a lookup needs besides the key.
pub struct ReadContext<'a> {
    pub cache: &'a BlockCache,
    pub counters: &'a Counters,
    pub blobs: &'a BlobFiles,
    pub io: Io,
    /// Is the value wanted? Otherwise it is given as an empty one where it would have to be read from a blob file.
    pub values: bool,
    pub moment: &'a Moment<'a>,
}

impl View {
    /// Memtables and tables of level 0 newest first, the levels from 1 on in key order.
    pub fn new(memtables: Vec<Arc<Memtable>>, level0: Vec<Arc<Table>>, levels: Vec<(usize, Arc<[Arc<Table>]>)>) -> Self {
        let mut view = Self { memtables, level0, levels, with_range_deletes: Vec::new(), table_coverage: OnceLock::new() };
        view.with_range_deletes = view.all_tables().filter(|table| !table.range_deletes().is_empty()).cloned().collect();
        view
    }

    fn all_tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.level0.iter().chain(self.levels.iter().flat_map(|(_, tables)| tables.iter()))
    }

    /// What range deletes cover that `sequence` can see: for each memtable that has some, and for all tables together.
    pub fn coverages(&self, sequence: u64) -> Vec<Arc<Coverage>> {
        let memtables = self.memtables.iter().filter_map(|memtable| memtable.coverage(sequence));
        memtables.chain((!self.with_range_deletes.is_empty()).then(|| self.table_coverage(sequence))).collect()
    }

    fn table_coverage(&self, sequence: u64) -> Arc<Coverage> {
        let all = || self.with_range_deletes.iter().flat_map(|table| table.range_deletes().all());
        if self.with_range_deletes.iter().any(|table| table.range_deletes().newest() > sequence) {
            return Arc::new(Coverage::of(all().filter(|one| one.sequence <= sequence)));
        }
        Arc::clone(self.table_coverage.get_or_init(|| Arc::new(Coverage::of(all()))))
    }

    /// Numbers of tables of which nobody can see anything any more: newer range deletes of other tables cover their whole span, and no
    /// snapshot is in between. `snapshots` ascend.
    pub fn covered_tables(&self, snapshots: &[u64]) -> Vec<u64> {
        if self.with_range_deletes.is_empty() {
            return Vec::new();
        }
        let coverage = self.table_coverage(u64::MAX);
        let is_covered = |table: &&Arc<Table>| {
            let newest = coverage.spans(table.smallest_user_key(), &table.end, table.span.largest_sequence);
            let next_snapshot = snapshots.partition_point(|&snapshot| snapshot < table.span.smallest_sequence);
            newest.is_some_and(|newest| snapshots.get(next_snapshot).is_none_or(|&snapshot| snapshot >= newest))
        };
        self.all_tables().filter(is_covered).map(|table| table.number).collect()
    }

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
            match memtable.get(user_key, sequence, context.moment, &mut taken)? {
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
            let position = tables.partition_point(|table| !is_before(user_key, &table.end));
            tables.get(position).map(|table| (*level, table))
        });
        self.level0.iter().map(|table| (0, table)).chain(deeper).filter(|(_, table)| table.covers(user_key))
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

/// What a block says of a key.
enum Entry<R> {
    /// It has no version of it that can be seen.
    Absent,
    Known(Found<R>),
    /// The value of the entry with this internal key lies in a blob file, which nobody reads while the block is held.
    Separated(Vec<u8>, ValuePointer),
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
        let range_deletes = table.range_deletes();
        if range_deletes.is_empty() {
            return self.among_entries(level, table, 0, take);
        }
        let hidden_below = range_deletes.covering(self.user_key, self.sequence);
        let found = self.among_entries(level, table, hidden_below, take)?;
        Ok(if hidden_below > 0 && matches!(found, Found::Nothing) { Found::Tombstone } else { found })
    }

    /// Looks for the key among the entries; one with a sequence number under `hidden_below` is deleted.
    fn among_entries<R>(
        &self,
        level: usize,
        table: &Table,
        hidden_below: u64,
        take: &mut impl FnMut(&[u8]) -> R,
    ) -> Result<Found<R>> {
        let ReadContext { cache, counters, io, .. } = *self.context;
        let resident = resident(table, io)?;
        if let Some(filter) = &resident.filter {
            if !filter.may_contain(self.hash) {
                Counters::count(&counters.filters(level).negatives);
                return Ok(Found::Nothing);
            }
            Counters::count(&counters.filters(level).passes);
        }
        let target = SeekKey::new(self.user_key, self.sequence);
        let position = resident.index.find(&target);
        if position == resident.index.len() {
            return Ok(self.absent(level, resident));
        }
        let (handle, hint) = (resident.index.handle(position), resident.index.hint(position));
        let here = |error: Error| error.at(table.path(), handle.offset);
        let cached = cache.with(table.number, handle.offset, hint, |block| self.in_block(block, &target, hidden_below, take));
        let entry = match cached {
            Some(entry) => entry,
            None => self.in_block(&read_block(table, handle, cache, counters, io)?, &target, hidden_below, take),
        };
        match entry.map_err(here)? {
            Entry::Absent => Ok(self.absent(level, resident)),
            Entry::Known(found) => Ok(found),
            Entry::Separated(key, pointer) => self.separated(&key, &pointer, take).map(Found::Value).map_err(here),
        }
    }

    fn in_block<R>(&self, block: &[u8], target: &[u8], hidden_below: u64, take: &mut impl FnMut(&[u8]) -> R) -> Result<Entry<R>> {
        let mut cursor = BlockCursor::new(block, KeyOrder::Internal)?;
        cursor.find(target, fingerprint_of(self.hash))?;
        if !cursor.valid() {
            return Ok(Entry::Absent);
        }
        let (_, trailer) = internal_key::split(cursor.key());
        let is_visible = trailer >> 8 >= hidden_below;
        if trailer as u8 == KIND_VALUE_POINTER && is_visible {
            return Ok(Entry::Separated(cursor.key().to_vec(), ValuePointer::decode(cursor.value())?));
        }
        let value = live_value(trailer as u8, cursor.value(), || self.context.moment.now())?;
        Ok(Entry::Known(Found::of(value.filter(|_| is_visible), take)))
    }

    /// Takes the value of an entry whose value lies in a blob file.
    fn separated<R>(&self, key: &[u8], pointer: &ValuePointer, take: &mut impl FnMut(&[u8]) -> R) -> Result<R> {
        let ReadContext { counters, blobs, io, values, .. } = *self.context;
        if !values {
            return Ok(take(&[]));
        }
        let value = blobs.read(pointer, key, io)?;
        Counters::count(&counters.blob_reads);
        Ok(take(&value))
    }

    /// The table does not have the key, or only versions that are too new. When none can be too new, the filter let it pass in vain.
    fn absent<R>(&self, level: usize, table: &Resident) -> Found<R> {
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

impl Source {
    /// Moves on over what a range delete over the current entry hides, as far as nothing newer can be there: by one entry at least.
    pub fn pass(&mut self, over: &RangeDelete, reverse: bool) -> Result<()> {
        of_source!(self, cursor => cursor.pass(over, reverse))
    }

    /// Packs entries behind the current one, which was packed last with key and value, and moves to the last of them: those that lie at
    /// hand and are plain puts of other keys, at or below `sequence` and before the user key `upper`. It may stop at any; the caller goes
    /// on with `next`.
    pub fn pack_run(&mut self, into: &mut PackedChunk<'_>, sequence: u64, upper: Option<&[u8]>) {
        if let Self::Level(cursor) = self {
            cursor.pack_run(into, sequence, upper);
        }
    }

    /// Backward: packs the current entry, all versions of which are at hand, and those before it, and moves to the first that it leaves:
    /// those that are plain puts, the only version of their keys, at or below `sequence` and not before the user key `lower`. It may stop
    /// at any.
    pub fn pack_run_back(&mut self, into: &mut PackedChunk<'_>, sequence: u64, lower: Option<&[u8]>) {
        if let Self::Level(cursor) = self {
            cursor.pack_run_back(into, sequence, lower);
        }
    }
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
