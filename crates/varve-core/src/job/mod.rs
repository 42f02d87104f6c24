//! The bodies of flush and compaction: entries in, tables out.

pub mod compaction;
pub mod flush;
pub mod output;
pub mod range_retention;
pub mod retention;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::internal_key::{split, unknown_kind, KIND_PUT};
use crate::table::TableOptions;
use output::OutputTables;
use retention::Retention;

const REPORT_BYTES: u64 = 1024 * 1024;
/// What an entry costs in a table besides key and value, about: for progress only.
const ENTRY_BYTES: u64 = 4;

/// Where and how a job writes its outputs.
#[derive(Clone, Debug)]
pub struct JobOutput {
    /// The `sst` directory.
    pub directory: PathBuf,
    pub level: u32,
    /// Outputs take this number and those after it, in order.
    pub first_number: u64,
    /// How many numbers were set aside; a job that needs more fails.
    pub number_count: u64,
    /// Nanoseconds since the epoch.
    pub created_at: u64,
    pub table: TableOptions,
}

#[derive(Clone, Debug)]
pub struct FlushJob {
    /// Id of a memtable that no longer changes.
    pub memtable: u64,
    /// Sequence numbers of living snapshots, ascending.
    pub snapshots: Vec<u64>,
    pub output: JobOutput,
}

#[derive(Clone, Debug)]
pub struct CompactionJob {
    /// Sorted runs, newest first; each is a list of open tables in key order.
    pub runs: Vec<Vec<u64>>,
    /// Sequence numbers of living snapshots, ascending.
    pub snapshots: Vec<u64>,
    /// Ranges of user keys (see [`retention::KeyRange`]; ascending, disjoint) in which levels below the output hold something.
    pub keep_tombstones: Vec<retention::KeyRange>,
    pub output: JobOutput,
}

/// A table that a job wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSummary {
    pub number: u64,
    pub birth_level: u32,
    pub created_at: u64,
    pub size: u64,
    pub entries: u64,
    pub tombstones: u64,
    pub smallest_sequence: u64,
    pub largest_sequence: u64,
    /// Internal keys; see [`crate::table::properties::Properties`].
    pub smallest_key: Vec<u8>,
    pub largest_key: Vec<u8>,
}

type Progress = Box<dyn Fn(u64, u64) + Send + Sync>;

/// The reins of a running job.
pub struct JobControl {
    cancelled: AtomicBool,
    progress: Progress,
}

impl JobControl {
    /// `progress` is called with the bytes of input done and all there are.
    pub fn new(progress: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        Self { cancelled: AtomicBool::new(false), progress: Box::new(progress) }
    }

    /// Asks the job to stop; returns at once.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// Copies the entries that survive to the outputs. On an error no output is left.
fn copy_entries(
    cursor: &mut impl Cursor,
    mut retention: Retention<'_>,
    output: JobOutput,
    cut_size: Option<u64>,
    total: u64,
    control: &JobControl,
) -> Result<Vec<TableSummary>> {
    let mut tables = OutputTables::new(output, cut_size, retention.range_deletes());
    let mut copy = || -> Result<()> {
        let (mut done, mut reported) = (0, 0);
        cursor.seek_to_first()?;
        loop {
            if control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if !cursor.valid() {
                return tables.finish();
            }
            let (key, value) = (cursor.key(), cursor.value());
            let kind = split(key).1 as u8;
            if kind > KIND_PUT {
                return Err(cursor.locate(unknown_kind(kind)));
            }
            if retention.keeps(key) {
                tables.add(key, value)?;
            }
            done += (key.len() + value.len()) as u64 + ENTRY_BYTES;
            if done - reported >= REPORT_BYTES {
                reported = done;
                (control.progress)(done.min(total), total);
            }
            cursor.next()?;
        }
    };
    match copy() {
        Ok(()) => {
            (control.progress)(total, total);
            Ok(tables.into_summaries())
        }
        Err(error) => {
            tables.discard();
            Err(error)
        }
    }
}
