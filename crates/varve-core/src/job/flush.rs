//! The body of a flush: one frozen memtable becomes one table, or none when it is empty; large values go to a blob file.

use std::sync::Arc;

use super::output::OutputTables;
use super::retention::Retention;
use super::values::ValueOutput;
use super::{copy_entries, Bounds, FlushJob, InputSize, Pace, TableSummary};
use crate::blob::BlobFiles;
use crate::error::Result;
use crate::memtable::{Memtable, MemtableCursor};

pub fn run(memtable: Arc<Memtable>, blobs: &BlobFiles, job: &FlushJob, pace: Pace<'_>) -> Result<Vec<TableSummary>> {
    let size = memtable.size() as u64;
    let input = InputSize { entry_bytes: size, reported: size };
    let retention = Retention::new(&job.snapshots, None, memtable.range_deletes());
    let mut cursor = MemtableCursor::new(memtable);
    let tables = OutputTables::new(job.output.clone(), None, &[], retention.range_deletes());
    let values = ValueOutput::new(job.output.blobs.as_ref(), blobs);
    copy_entries(&mut cursor, &Bounds::default(), retention, tables, values, input, pace)
}
