//! The state that a kernel holds for one store, and everything that is done with it.
//!
//! Invariants:
//!  1. One writer: `create_memtable`, `apply` and `install_view` are called from one thread; reads and jobs from any.
//!  2. Views are immutable and swapped by pointer: a read or a scan keeps the one that it began on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::blob::{BlobFiles, BlobSpec};
use crate::block_source::{CachedBlocks, Io};
use crate::cache::BlockCache;
use crate::error::{Error, Result};
use crate::job::rate_limiter::RateLimiter;
use crate::job::{self, CompactionJob, FlushJob, JobControl, Pace, TableSummary};
use crate::memtable::Memtable;
use crate::registry::Registry;
use crate::scan::{CursorOptions, ScanCursor};
use crate::stats::{Counters, LevelFilters, Stats, LEVELS};
use crate::table::{Table, TableSpec};
use crate::view::{ReadContext, View};

#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Byte limit of the block cache; 0 keeps nothing.
    pub cache_bytes: usize,
}

/// What a lookup has found.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup<R> {
    Found(R),
    Missing,
    /// The lookup would have to touch the disk.
    Pending,
}

pub struct Engine {
    registry: Mutex<Registry>,
    /// The memtable that takes writes.
    newest: RwLock<Option<Arc<Memtable>>>,
    view: RwLock<Arc<View>>,
    cache: Arc<BlockCache>,
    counters: Arc<Counters>,
    blobs: Arc<BlobFiles>,
    rate_limiter: RateLimiter,
}

impl Engine {
    pub fn new(options: EngineOptions) -> Self {
        Self {
            registry: Mutex::default(),
            newest: RwLock::default(),
            view: RwLock::default(),
            cache: Arc::new(BlockCache::new(options.cache_bytes)),
            counters: Arc::default(),
            blobs: Arc::default(),
            rate_limiter: RateLimiter::default(),
        }
    }

    /// Makes an empty memtable and directs `apply` to it.
    pub fn create_memtable(&self, id: u64, capacity: usize) {
        let memtable = Arc::new(Memtable::new(capacity));
        self.registry().memtables.insert(id, Arc::clone(&memtable));
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Some(memtable);
    }

    /// Inserts the operations of one WAL record into the newest memtable.
    pub fn apply(&self, record: &[u8]) -> Result<()> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        newest.as_ref().ok_or_else(|| Error::Resource("there is no memtable to write to".into()))?.apply(record)
    }

    /// Forgets a memtable; views that hold it keep it alive.
    pub fn drop_memtable(&self, id: u64) {
        self.registry().memtables.remove(&id);
    }

    /// Opens and verifies tables: all or none.
    pub fn open_tables(&self, specs: &[TableSpec]) -> Result<()> {
        let tables = specs.iter().map(Table::open).collect::<Result<Vec<_>>>()?;
        let mut registry = self.registry();
        for table in tables {
            registry.add_table(table);
        }
        Ok(())
    }

    /// Forgets tables and their cached blocks; views that hold them keep the files open.
    pub fn drop_tables(&self, numbers: &[u64]) {
        let mut registry = self.registry();
        for &number in numbers {
            registry.remove_table(number);
            self.cache.drop_table(number);
        }
    }

    /// Makes blob files known; reads none.
    pub fn add_blobs(&self, specs: Vec<BlobSpec>) {
        self.blobs.add(specs);
    }

    /// Forgets blob files that no reader needs any more.
    pub fn drop_blobs(&self, numbers: &[u64]) {
        self.blobs.remove(numbers);
    }

    /// Makes the view for all reads from now on.
    pub fn install_view(&self, memtables: &[u64], levels: &[Vec<u64>]) -> Result<()> {
        let view = Arc::new(self.registry().view(memtables, levels)?);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
        Ok(())
    }

    /// Where in the file of an open table the first data block begins that may hold user keys at or after `key`. Reads no file.
    pub fn approximate_offset(&self, table: u64, key: &[u8]) -> Result<u64> {
        Ok(self.registry().table(table)?.approximate_offset(key))
    }

    /// Tables of the view that newer range deletes have emptied; see [`View::covered_tables`]. Reads no file.
    pub fn covered_tables(&self, snapshots: &[u64]) -> Vec<u64> {
        self.view().covered_tables(snapshots)
    }

    /// Bytes of keys and values in open tables, before compression. Reads no file.
    pub fn raw_bytes(&self, tables: &[u64]) -> Result<u64> {
        let registry = self.registry();
        tables.iter().try_fold(0u64, |sum, &table| Ok(sum.saturating_add(registry.table(table)?.raw_bytes())))
    }

    /// Looks up a key; `take` gets the value where it lies.
    pub fn get_with<R>(&self, key: &[u8], sequence: u64, io: Io, take: impl FnOnce(&[u8]) -> R) -> Result<Lookup<R>> {
        self.look_up(key, sequence, io, true, take)
    }

    /// Is there such a key? Touches no blob file.
    pub fn contains(&self, key: &[u8], sequence: u64, io: Io) -> Result<Lookup<()>> {
        self.look_up(key, sequence, io, false, |_| ())
    }

    fn look_up<R>(&self, key: &[u8], sequence: u64, io: Io, values: bool, take: impl FnOnce(&[u8]) -> R) -> Result<Lookup<R>> {
        let context = ReadContext { cache: &self.cache, counters: &self.counters, blobs: &self.blobs, io, values };
        // Cloning the view would cost two writes to a counter that all threads share; the lock is held for the lookup instead, but not
        // while a file may be read.
        let result = match io {
            Io::None => self.view.read().unwrap_or_else(PoisonError::into_inner).get(key, sequence, &context, take),
            Io::Cache | Io::Pass => self.view().get(key, sequence, &context, take),
        };
        match result {
            Ok(Some(found)) => Ok(Lookup::Found(found)),
            Ok(None) => Ok(Lookup::Missing),
            Err(Error::WouldBlock) => Ok(Lookup::Pending),
            Err(error) => Err(error),
        }
    }

    pub fn open_cursor(&self, options: CursorOptions) -> ScanCursor {
        let blocks = CachedBlocks {
            cache: Arc::clone(&self.cache),
            counters: Arc::clone(&self.counters),
            cache_only: Arc::new(AtomicBool::new(false)),
            fill_cache: options.fill_cache,
        };
        ScanCursor::new(self.view(), blocks, Arc::clone(&self.blobs), options)
    }

    /// Limits what compactions write to so many bytes a second together; 0 takes the limit off. Flushes pass.
    pub fn set_job_rate(&self, bytes_per_second: u64) {
        self.rate_limiter.set_rate(bytes_per_second);
    }

    /// Writes a memtable to a table of level 0. Blocks; to be called on a thread of its own.
    pub fn flush(&self, flush: &FlushJob, control: &JobControl) -> Result<Vec<TableSummary>> {
        let memtable = self.registry().memtable(flush.memtable)?;
        job::flush::run(memtable, &self.blobs, flush, Pace { control, limiter: None })
    }

    /// Merges runs of tables. Blocks; to be called on a thread of its own.
    pub fn compact(&self, compaction: &CompactionJob, control: &JobControl) -> Result<Vec<TableSummary>> {
        let runs = {
            let registry = self.registry();
            compaction.runs.iter().map(|run| registry.run(run)).collect::<Result<Vec<_>>>()?
        };
        job::compaction::run(runs, &self.blobs, compaction, Pace { control, limiter: Some(&self.rate_limiter) })
    }

    pub fn stats(&self) -> Stats {
        let cache = self.cache.stats();
        let registry = self.registry();
        let filters = self.filter_stats();
        let sum = |of: fn(&LevelFilters) -> u64| filters.iter().map(of).sum();
        Stats {
            cache_bytes: cache.bytes as u64,
            cache_capacity: self.cache.capacity() as u64,
            cache_hits: cache.hits,
            cache_misses: cache.misses,
            block_reads: self.counters.block_reads.load(Ordering::Relaxed),
            blob_reads: self.counters.blob_reads.load(Ordering::Relaxed),
            filter_probes: sum(|level| level.probes),
            filter_negatives: sum(|level| level.negatives),
            filter_false_positives: sum(|level| level.false_positives),
            open_tables: registry.open_tables().count() as u64,
            table_memory: registry.open_tables().map(|table| table.memory() as u64).sum(),
            memtables: registry.memtables.len() as u64,
        }
    }

    /// The filters of each level of the tree.
    pub fn filter_stats(&self) -> [LevelFilters; LEVELS] {
        let view = self.view();
        std::array::from_fn(|level| {
            let counters = self.counters.filters(level);
            let mut stats = LevelFilters {
                probes: counters.probes.load(Ordering::Relaxed),
                negatives: counters.negatives.load(Ordering::Relaxed),
                false_positives: counters.false_positives.load(Ordering::Relaxed),
                ..LevelFilters::default()
            };
            for table in view.tables(level) {
                stats.tables += u64::from(table.filter.is_some());
                stats.unknown += u64::from(table.unknown_filter);
                stats.bytes += table.filter.as_ref().map_or(0, |filter| filter.size() as u64);
                stats.keys += table.properties.user_keys;
            }
            stats
        })
    }

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Insertions and removals of whole entries: a panic in between leaves nothing half done.
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
