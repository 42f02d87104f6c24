//! The bodies of flush and compaction: entries in, tables and blob files out.

pub mod compaction;
pub mod flush;
pub mod new_file;
pub mod output;
pub mod range_retention;
pub mod rate_limiter;
pub mod retention;
pub mod values;
pub mod warming;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::expiry::live_value;
use crate::internal_key::{pack_trailer, seek_key, split, user_key, KIND_DELETE};
use crate::range_delete::{is_before, RangeDelete};
use crate::table::{TableExpiry, TableOptions};
use output::OutputTables;
use rate_limiter::RateLimiter;
use retention::{Fate, Retention};
use values::ValueOutput;

const REPORT_BYTES: u64 = 1024 * 1024;
/// Bytes of output between two looks at the rate limiter.
const THROTTLE_BYTES: u64 = 64 * 1024;
/// Longest sleep between two looks at whether the job was cancelled.
const LONGEST_SLEEP: Duration = Duration::from_millis(20);
/// What an entry costs in a table besides key and value, about: for progress only.
const ENTRY_BYTES: u64 = 4;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

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
    /// Nanoseconds since the epoch. What has expired by then is a tombstone to the job.
    pub created_at: u64,
    pub table: TableOptions,
    /// What to do with values that lie, or should lie, in blob files. None: they stay where they are.
    pub blobs: Option<BlobOutput>,
}

/// How a job treats values outside of tables.
#[derive(Clone, Debug)]
pub struct BlobOutput {
    /// The `blob` directory.
    pub directory: PathBuf,
    /// Bytes from which on a value that the job has in hand goes to a blob file.
    pub threshold: u64,
    /// Bytes at which a blob file is ended and the next one begun.
    pub file_size: u64,
    /// Blob files take this number and those after it, in order.
    pub first_number: u64,
    /// How many numbers were set aside; a job that needs more fails.
    pub number_count: u64,
    /// Blob files out of which values are taken.
    pub collect: Vec<u64>,
    /// Leave out an entry whose value is to be taken out of a blob file and cannot be read there. A blob file that is not known counts as one
    /// to be collected.
    pub salvage: bool,
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
    pub bounds: Bounds,
    /// User keys, ascending: no output holds keys from both sides of one.
    pub cuts: Vec<Vec<u8>>,
    pub output: JobOutput,
}

/// User keys from `lower` (inclusive) to `upper` (exclusive); none: no bound.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    pub lower: Option<Vec<u8>>,
    pub upper: Option<Vec<u8>>,
}

impl Bounds {
    fn seek_to_lower(&self, cursor: &mut impl Cursor) -> Result<()> {
        let Some(lower) = &self.lower else { return cursor.seek_to_first() };
        let mut target = Vec::new();
        seek_key(&mut target, lower, u64::MAX >> 8);
        cursor.seek(&target)
    }

    /// Does the cursor stand at an entry before `upper`?
    fn hold(&self, cursor: &impl Cursor) -> bool {
        cursor.valid() && self.upper.as_ref().is_none_or(|upper| user_key(cursor.key()) < upper.as_slice())
    }

    /// The part of a range delete within.
    fn clip(&self, RangeDelete { start, end, sequence }: &RangeDelete) -> Option<RangeDelete> {
        let start = self.lower.as_ref().map_or(start, |lower| lower.max(start));
        let upper = self.upper.as_ref().filter(|upper| is_before(upper, end));
        let is_within = is_before(start, end) && self.upper.as_ref().is_none_or(|upper| start < upper);
        is_within.then(|| RangeDelete { start: start.clone(), end: upper.unwrap_or(end).clone(), sequence: *sequence })
    }
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
    pub range_deletes: u64,
    pub smallest_sequence: u64,
    pub largest_sequence: u64,
    /// Internal keys; see [`crate::table::properties::Properties`].
    pub smallest_key: Vec<u8>,
    pub largest_key: Vec<u8>,
    /// Bytes of data blocks before and after compression.
    pub raw_data_bytes: u64,
    pub stored_data_bytes: u64,
    /// Blob files that the table refers to, ascending, and how many bytes of each.
    pub blob_references: Vec<(u64, u64)>,
    /// `None` when no entry expires.
    pub expiry: Option<TableExpiry>,
}

/// Size of a job's input: what its entries add up to, and what it is reported as.
#[derive(Clone, Copy)]
struct InputSize {
    entry_bytes: u64,
    reported: u64,
}

impl InputSize {
    /// What to report when so many bytes of entries are done.
    fn report(self, done: u64) -> u64 {
        let share = u128::from(done) * u128::from(self.reported) / u128::from(self.entry_bytes.max(1));
        (share as u64).min(self.reported)
    }
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

/// How a job gives way to others.
#[derive(Clone, Copy)]
pub struct Pace<'a> {
    pub control: &'a JobControl,
    /// None for a flush: writers wait for it.
    pub limiter: Option<&'a RateLimiter>,
}

impl Pace<'_> {
    /// Counts bytes that were written, and sleeps as long as the rate demands or until the job is cancelled.
    fn wrote(&self, bytes: u64) {
        let mut left = self.limiter.map_or(Duration::ZERO, |limiter| limiter.take(bytes, Instant::now()));
        while !left.is_zero() && !self.control.is_cancelled() {
            let sleep = left.min(LONGEST_SLEEP);
            std::thread::sleep(sleep);
            left -= sleep;
        }
    }
}

/// Copies the entries within bounds that survive to the outputs. On an error no output is left.
fn copy_entries(
    cursor: &mut impl Cursor,
    bounds: &Bounds,
    mut retention: Retention<'_>,
    mut tables: OutputTables<'_>,
    mut values: ValueOutput<'_>,
    input: InputSize,
    pace: Pace<'_>,
) -> Result<Vec<TableSummary>> {
    let control = pace.control;
    let now = tables.created_at() / NANOSECONDS_PER_MILLISECOND;
    let mut tombstone = Vec::new();
    let mut copy = || -> Result<()> {
        let (mut done, mut reported, mut paced) = (0, 0, 0);
        bounds.seek_to_lower(cursor)?;
        loop {
            if control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if !bounds.hold(cursor) {
                values.finish()?;
                return tables.finish();
            }
            let (key, value) = (cursor.key(), cursor.value());
            let (user_key, trailer) = split(key);
            let kind = trailer as u8;
            let live = live_value(kind, value, || now).map_err(|error| cursor.locate(error))?;
            let fate = match values.is_lost(key, value)? {
                true => Fate::Dropped,
                false => retention.fate(key, live.is_none() && kind != KIND_DELETE),
            };
            if fate != Fate::Dropped {
                if fate == Fate::Buried {
                    tombstone.clear();
                    tombstone.extend_from_slice(user_key);
                    tombstone.extend_from_slice(&pack_trailer(trailer >> 8, KIND_DELETE).to_le_bytes());
                    tables.add(&tombstone, &[])?;
                } else {
                    let (key, value) = values.place(key, value).map_err(|error| cursor.locate(error))?;
                    tables.add(key, value).map_err(|error| cursor.locate(error))?;
                }
                let written = tables.written() + values.written();
                // It shrinks when a block is done and compressed.
                if written.saturating_sub(paced) >= THROTTLE_BYTES {
                    pace.wrote(written - paced);
                    paced = written;
                }
            }
            done += (key.len() + value.len()) as u64 + ENTRY_BYTES;
            if done - reported >= REPORT_BYTES {
                reported = done;
                (control.progress)(input.report(done), input.reported);
            }
            cursor.next()?;
        }
    };
    match copy() {
        Ok(()) => {
            (control.progress)(input.reported, input.reported);
            Ok(tables.into_summaries())
        }
        Err(error) => {
            tables.discard();
            values.discard();
            Err(error)
        }
    }
}
