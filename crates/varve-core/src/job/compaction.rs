//! The body of a compaction: sorted runs of tables become new tables.

use std::sync::Arc;

use super::retention::Retention;
use super::{copy_entries, CompactionJob, JobControl, TableSummary};
use crate::block_source::SequentialBlocks;
use crate::error::Result;
use crate::level_cursor::LevelCursor;
use crate::merge::MergeCursor;
use crate::table::Table;

pub fn run(runs: Vec<Arc<[Arc<Table>]>>, job: &CompactionJob, control: &JobControl) -> Result<Vec<TableSummary>> {
    let total = runs.iter().flat_map(|run| run.iter()).map(|table| table.size).sum();
    let range_deletes = runs.iter().flat_map(|run| run.iter()).flat_map(|table| table.range_deletes.all()).cloned().collect();
    let sources = runs.into_iter().filter_map(|run| LevelCursor::new(run, SequentialBlocks::default())).collect();
    let retention = Retention::new(&job.snapshots, Some(&job.keep_tombstones), range_deletes);
    copy_entries(&mut MergeCursor::new(sources), retention, job.output.clone(), Some(job.output.table.table_size), total, control)
}
