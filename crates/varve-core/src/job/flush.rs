//! The body of a flush: one frozen memtable becomes one table, or none when it is empty.

use std::sync::Arc;

use super::retention::Retention;
use super::{copy_entries, FlushJob, InputSize, Pace, TableSummary};
use crate::error::Result;
use crate::memtable::{Memtable, MemtableCursor};

pub fn run(memtable: Arc<Memtable>, job: &FlushJob, pace: Pace<'_>) -> Result<Vec<TableSummary>> {
    let size = memtable.size() as u64;
    let input = InputSize { entry_bytes: size, reported: size };
    let mut cursor = MemtableCursor::new(memtable);
    copy_entries(&mut cursor, Retention::new(&job.snapshots, None), job.output.clone(), None, input, pace)
}
