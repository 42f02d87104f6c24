//! The state that a kernel holds for one store, and everything that is done with it.
//!
//! Invariants:
//!  1. One writer: `create_memtable`, `apply` and `install_view` are called from one thread; reads and jobs from any.
//!  2. Views are immutable and swapped by pointer: a read or a scan keeps the one that it began on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::blob::{BlobFiles, BlobSpec};
use crate::block_source::CachedBlocks;
use crate::cache::BlockCache;
use crate::error::{Error, Result};
use crate::expiry::{Moment, TimeSource};
use crate::file_cache::FileCache;
use crate::job::rate_limiter::RateLimiter;
use crate::job::{self, CompactionJob, FlushJob, JobControl, Pace, TableSummary};
use crate::memtable::Memtable;
use crate::point_reads::{Pinned, PointReads};
use crate::read_ahead::ReadAhead;
use crate::registry::Registry;
use crate::scan::{CursorOptions, ScanCursor};
use crate::stats::{Counters, LevelFilters, Stats, LEVELS};
use crate::table::{Resident, Table, TableSpec};
use crate::view::View;

#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Byte limit of the block cache; 0 keeps nothing.
    pub cache_bytes: usize,
    /// Most files of tables that are kept open.
    pub max_open_files: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { cache_bytes: 0, max_open_files: 1000 }
    }
}

/// Threads that open tables together: the time goes to waiting for the disk, and to checksums.
const MOST_OPENING_THREADS: usize = 4;
/// Fewer tables are opened before a thread has begun.
const LEAST_FOR_THREAD: usize = 4;

pub struct Engine {
    registry: Mutex<Registry>,
    /// The memtable that takes writes.
    newest: RwLock<Option<Arc<Memtable>>>,
    view: RwLock<Arc<View>>,
    cache: Arc<BlockCache>,
    files: Arc<FileCache>,
    counters: Arc<Counters>,
    blobs: Arc<BlobFiles>,
    rate_limiter: RateLimiter,
    time: TimeSource,
}

impl Engine {
    pub fn new(options: EngineOptions) -> Self {
        Self {
            registry: Mutex::default(),
            newest: RwLock::default(),
            view: RwLock::default(),
            cache: Arc::new(BlockCache::new(options.cache_bytes)),
            files: Arc::new(FileCache::new(options.max_open_files)),
            counters: Arc::default(),
            blobs: Arc::default(),
            rate_limiter: RateLimiter::default(),
            time: TimeSource::default(),
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

    /// Changes the byte limit of the block cache, and lets go of the blocks that pass it.
    pub fn set_cache_capacity(&self, bytes: usize) {
        self.cache.set_capacity(bytes);
    }

    /// Opens tables, and loads those that are not lazy: all or none. Blocks; to be called on a thread of its own.
    pub fn open_tables(&self, specs: &[TableSpec]) -> Result<()> {
        let part = specs.len().div_ceil(MOST_OPENING_THREADS).max(LEAST_FOR_THREAD);
        let open = |specs: &[TableSpec]| specs.iter().map(|spec| Table::open(spec, &self.files)).collect::<Result<Vec<_>>>();
        let tables = std::thread::scope(|scope| -> Result<Vec<_>> {
            let (first, rest) = specs.split_at(part.min(specs.len()));
            let threads: Vec<_> = rest.chunks(part).map(|specs| scope.spawn(move || open(specs))).collect();
            let mut tables = open(first)?;
            for thread in threads {
                tables.extend(thread.join().map_err(|_| Error::Resource("a thread that opened tables panicked".into()))??);
            }
            Ok(tables)
        })?;
        self.registry().add_tables(tables);
        Ok(())
    }

    /// Forgets tables and their cached blocks; views that hold them keep them alive.
    pub fn drop_tables(&self, numbers: &[u64]) {
        let mut registry = self.registry();
        for &number in numbers {
            registry.remove_table(number);
        }
        drop(registry);
        self.cache.drop_tables(numbers);
    }

    /// Makes blob files known; reads none.
    pub fn add_blobs(&self, specs: Vec<BlobSpec>) {
        self.blobs.add(specs, &self.files);
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

    /// Where in the file of an open table the first data block begins that may hold user keys at or after `key`. Reads no data block.
    pub fn approximate_offset(&self, table: u64, key: &[u8]) -> Result<u64> {
        let table = self.registry().table(table)?;
        table.approximate_offset(key)
    }

    /// Bytes of keys and values in open tables, before compression. A table that is not loaded is loaded for it, or counts with the size of
    /// its file.
    pub fn raw_bytes(&self, tables: &[u64], load: bool) -> Result<u64> {
        let tables = self.registry().run(tables)?;
        tables.iter().try_fold(0u64, |sum, table| {
            let resident = if load { Some(table.load()?) } else { table.loaded() };
            Ok(sum.saturating_add(resident.map_or(table.size, Resident::raw_bytes)))
        })
    }

    /// Tables of the view that newer range deletes have emptied; see [`View::covered_tables`]. Reads no file.
    pub fn covered_tables(&self, snapshots: &[u64]) -> Vec<u64> {
        self.view().covered_tables(snapshots)
    }

    /// Fixes the time that reads see, in milliseconds since the epoch; `None`: that of the system.
    pub fn set_time(&self, milliseconds: Option<u64>) {
        self.time.set(milliseconds);
    }

    /// Lookups against the present view. They hold it by its lock: for the thread that installs views, or without I/O.
    pub fn reads(&self) -> PointReads<'_> {
        self.reads_of(Pinned::Locked(self.view.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// As [`Engine::reads`], for other threads: views are installed while files are read.
    pub fn background_reads(&self) -> PointReads<'_> {
        self.reads_of(Pinned::Counted(self.view()))
    }

    fn reads_of<'a>(&'a self, view: Pinned<'a>) -> PointReads<'a> {
        let Self { cache, counters, blobs, time, .. } = self;
        PointReads { view, moment: Moment::new(time), cache, counters, blobs }
    }

    pub fn open_cursor(&self, options: CursorOptions) -> ScanCursor {
        let blocks = CachedBlocks {
            cache: Arc::clone(&self.cache),
            counters: Arc::clone(&self.counters),
            cache_only: Arc::new(AtomicBool::new(false)),
            fill_cache: options.fill_cache,
            ahead: ReadAhead::default(),
        };
        let (blobs, now) = (Arc::clone(&self.blobs), self.time.now());
        ScanCursor::new(self.view(), blocks, blobs, now, options)
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
        job::compaction::run(runs, &self.blobs, &self.cache, compaction, Pace { control, limiter: Some(&self.rate_limiter) })
    }

    pub fn stats(&self) -> Stats {
        let (cache, files) = (self.cache.stats(), self.files.stats());
        let registry = self.registry();
        let tables: Vec<_> = registry.open_tables().collect();
        let filters = self.filter_stats();
        let sum = |of: fn(&LevelFilters) -> u64| filters.iter().map(of).sum();
        Stats {
            cache_bytes: cache.bytes as u64,
            cache_capacity: self.cache.capacity() as u64,
            cache_hits: cache.hits,
            cache_misses: cache.misses,
            block_reads: self.counters.block_reads.load(Ordering::Relaxed),
            file_reads: self.counters.file_reads.load(Ordering::Relaxed),
            blob_reads: self.counters.blob_reads.load(Ordering::Relaxed),
            filter_probes: sum(|level| level.probes),
            filter_negatives: sum(|level| level.negatives),
            filter_false_positives: sum(|level| level.false_positives),
            open_tables: tables.len() as u64,
            loaded_tables: tables.iter().filter(|table| table.loaded().is_some()).count() as u64,
            table_memory: tables.iter().map(|table| table.memory() as u64).sum(),
            open_files: files.open as u64,
            file_opens: files.opens,
            file_hits: files.hits,
            memtables: registry.memtables.len() as u64,
            memtable_memory: registry.memtables.values().map(|memtable| memtable.memory() as u64).sum(),
        }
    }

    /// The filters of each level of the tree, of tables that are loaded.
    pub fn filter_stats(&self) -> [LevelFilters; LEVELS] {
        let view = self.view();
        std::array::from_fn(|level| {
            let counters = self.counters.filters(level);
            let negatives = counters.negatives.load(Ordering::Relaxed);
            let mut stats = LevelFilters {
                probes: counters.passes.load(Ordering::Relaxed) + negatives,
                negatives,
                false_positives: counters.false_positives.load(Ordering::Relaxed),
                ..LevelFilters::default()
            };
            for resident in view.tables(level).iter().filter_map(|table| table.loaded()) {
                stats.tables += u64::from(resident.filter.is_some());
                stats.unknown += u64::from(resident.unknown_filter);
                stats.bytes += resident.filter.as_ref().map_or(0, |filter| filter.size() as u64);
                stats.keys += resident.properties.user_keys;
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
