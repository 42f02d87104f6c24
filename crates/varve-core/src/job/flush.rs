//! The body of a flush: one frozen memtable becomes one table, or none when it is empty.

use std::sync::Arc;

use super::retention::Retention;
use super::{copy_entries, FlushJob, JobControl, TableSummary};
use crate::error::Result;
use crate::memtable::{Memtable, MemtableCursor};

pub fn run(memtable: Arc<Memtable>, job: &FlushJob, control: &JobControl) -> Result<Vec<TableSummary>> {
    let total = memtable.size() as u64;
    let mut range_deletes = Vec::new();
    memtable.collect_range_deletes(&mut range_deletes, |_| true);
    let mut cursor = MemtableCursor::new(memtable);
    copy_entries(&mut cursor, Retention::new(&job.snapshots, None, range_deletes), job.output.clone(), None, total, control)
}
