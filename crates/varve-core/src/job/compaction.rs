//! The body of a compaction: sorted runs of tables become new tables.

use std::rc::Rc;
use std::sync::Arc;

use super::output::OutputTables;
use super::retention::Retention;
use super::values::ValueOutput;
use super::warming::Warming;
use super::{copy_entries, CompactionJob, InputSize, Pace, TableSummary, ENTRY_BYTES};
use crate::blob::BlobFiles;
use crate::block_source::SequentialBlocks;
use crate::cache::BlockCache;
use crate::error::Result;
use crate::level_cursor::LevelCursor;
use crate::merge::MergeCursor;
use crate::table::Table;

pub fn run(
    runs: Vec<Arc<[Arc<Table>]>>,
    blobs: &BlobFiles,
    cache: &Arc<BlockCache>,
    job: &CompactionJob,
    pace: Pace<'_>,
) -> Result<Vec<TableSummary>> {
    let mut input = InputSize { entry_bytes: 0, reported: 0 };
    let mut range_deletes = Vec::new();
    for table in runs.iter().flat_map(|run| run.iter()) {
        let resident = table.load()?;
        let overhead = ENTRY_BYTES.saturating_mul(resident.properties.entries);
        input.entry_bytes = input.entry_bytes.saturating_add(resident.raw_bytes()).saturating_add(overhead);
        input.reported += table.size;
        range_deletes.extend(resident.range_deletes.all().iter().filter_map(|one| job.bounds.clip(one)));
    }
    let warming = Rc::new(Warming::new(Arc::clone(cache)));
    let blocks = || SequentialBlocks::warming(Rc::clone(&warming));
    let sources = runs.into_iter().filter_map(|run| LevelCursor::new(run, blocks())).collect();
    let retention = Retention::new(&job.snapshots, Some(&job.keep_tombstones), range_deletes);
    let cut_size = Some(job.output.table.table_size);
    let tables = OutputTables::new(job.output.clone(), cut_size, &job.cuts, retention.range_deletes()).warming(&warming);
    let values = ValueOutput::new(job.output.blobs.as_ref(), blobs);
    copy_entries(&mut MergeCursor::new(sources), &job.bounds, retention, tables, values, input, pace)
}
