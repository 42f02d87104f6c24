//! Counters of reads, shared by all cursors and lookups of an engine.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub struct Counters {
    pub block_reads: AtomicU64,
    pub file_reads: AtomicU64,
    pub filter_probes: AtomicU64,
    pub filter_negatives: AtomicU64,
    pub filter_false_positives: AtomicU64,
}

impl Counters {
    #[inline]
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
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
