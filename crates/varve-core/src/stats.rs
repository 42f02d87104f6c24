//! Counters of reads, shared by all cursors and lookups of an engine.

use std::sync::atomic::{AtomicU64, Ordering};

/// Levels of a tree.
pub const LEVELS: usize = 7;

/// Counters of the filters of one level.
#[derive(Default)]
pub struct FilterCounters {
    /// Keys that a filter let pass.
    pub passes: AtomicU64,
    pub negatives: AtomicU64,
    pub false_positives: AtomicU64,
}

#[derive(Default)]
pub struct Counters {
    pub block_reads: AtomicU64,
    pub file_reads: AtomicU64,
    pub blob_reads: AtomicU64,
    filters: [FilterCounters; LEVELS],
}

impl Counters {
    #[inline]
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Those of a level; what lies below the last one counts for it.
    #[inline]
    pub fn filters(&self, level: usize) -> &FilterCounters {
        &self.filters[level.min(LEVELS - 1)]
    }
}

/// The filters of one level: what the view holds, of tables that are loaded, and what was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelFilters {
    /// Tables that have a filter.
    pub tables: u64,
    /// Tables whose filter this version does not know: read without it.
    pub unknown: u64,
    /// Bytes of the filters that it knows.
    pub bytes: u64,
    /// Distinct user keys of each table of the level, with a filter or without, added up.
    pub keys: u64,
    pub probes: u64,
    pub negatives: u64,
    pub false_positives: u64,
}

/// What an engine has counted, and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub cache_bytes: u64,
    pub cache_capacity: u64,
    pub cache_hits: u64,
    pub cache_misses: u64,
    pub block_reads: u64,
    pub file_reads: u64,
    pub blob_reads: u64,
    pub filter_probes: u64,
    pub filter_negatives: u64,
    pub filter_false_positives: u64,
    pub open_tables: u64,
    pub loaded_tables: u64,
    pub table_memory: u64,
    pub open_files: u64,
    pub file_opens: u64,
    pub file_hits: u64,
    pub memtables: u64,
    pub memtable_memory: u64,
}
