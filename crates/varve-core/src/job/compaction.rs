//! The body of a compaction: sorted runs of tables become new tables.

use std::sync::Arc;

use super::output::OutputTables;
use super::retention::Retention;
use super::{copy_entries, CompactionJob, Pace, TableSummary};
use crate::block_source::SequentialBlocks;
use crate::error::Result;
use crate::level_cursor::LevelCursor;
use crate::merge::MergeCursor;
use crate::table::Table;

pub fn run(runs: Vec<Arc<[Arc<Table>]>>, job: &CompactionJob, pace: Pace<'_>) -> Result<Vec<TableSummary>> {
    let total = runs.iter().flat_map(|run| run.iter()).map(|table| table.size).sum();
    let range_deletes = runs.iter().flat_map(|run| run.iter()).flat_map(|table| table.range_deletes.all());
    let range_deletes = range_deletes.filter_map(|one| job.bounds.clip(one)).collect();
    let sources = runs.into_iter().filter_map(|run| LevelCursor::new(run, SequentialBlocks::default())).collect();
    let retention = Retention::new(&job.snapshots, Some(&job.keep_tombstones), range_deletes);
    let cut_size = Some(job.output.table.table_size);
    let tables = OutputTables::new(job.output.clone(), cut_size, &job.cuts, retention.range_deletes());
    copy_entries(&mut MergeCursor::new(sources), &job.bounds, retention, tables, total, pace)
}
