//! The body of a compaction: sorted runs of tables become new tables.

use std::sync::Arc;

use super::output::OutputTables;
use super::retention::Retention;
use super::values::ValueOutput;
use super::{copy_entries, CompactionJob, InputSize, Pace, TableSummary, ENTRY_BYTES};
use crate::blob::BlobFiles;
use crate::block_source::SequentialBlocks;
use crate::error::Result;
use crate::level_cursor::LevelCursor;
use crate::merge::MergeCursor;
use crate::table::Table;

pub fn run(runs: Vec<Arc<[Arc<Table>]>>, blobs: &BlobFiles, job: &CompactionJob, pace: Pace<'_>) -> Result<Vec<TableSummary>> {
    let tables = || runs.iter().flat_map(|run| run.iter());
    let entry_bytes =
        tables().map(|table| table.raw_bytes().saturating_add(ENTRY_BYTES.saturating_mul(table.properties.entries)));
    let input =
        InputSize { entry_bytes: entry_bytes.fold(0, u64::saturating_add), reported: tables().map(|table| table.size).sum() };
    let range_deletes = tables().flat_map(|table| table.range_deletes.all()).filter_map(|one| job.bounds.clip(one)).collect();
    let sources = runs.into_iter().filter_map(|run| LevelCursor::new(run, SequentialBlocks::default())).collect();
    let retention = Retention::new(&job.snapshots, Some(&job.keep_tombstones), range_deletes);
    let cut_size = Some(job.output.table.table_size);
    let tables = OutputTables::new(job.output.clone(), cut_size, &job.cuts, retention.range_deletes());
    let values = ValueOutput::new(job.output.blobs.as_ref(), blobs);
    copy_entries(&mut MergeCursor::new(sources), &job.bounds, retention, tables, values, input, pace)
}
