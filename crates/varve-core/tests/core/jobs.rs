//! Flush and compaction: what survives, what is left behind when they end early, and what they say on the way.

use std::sync::{Arc, Mutex};

use varve_core::internal_key::{KIND_DELETE, KIND_PUT};
use varve_core::{Bounds, CompactionJob, Error, FlushJob, JobControl, TableOptions};

use crate::support::*;

/// Internal keys and values of all tables of a run, in order.
fn contents(store: &Store, tables: &[varve_core::TableSummary]) -> Vec<(Vec<u8>, Vec<u8>)> {
    use varve_core::block_source::SequentialBlocks;
    use varve_core::cursor::Cursor;
    use varve_core::level_cursor::LevelCursor;
    let opened =
        tables.iter().map(|table| Arc::new(varve_core::table::Table::open(&spec(store.path(), table), &files()).unwrap()));
    let Some(mut cursor) = LevelCursor::new(opened.collect(), SequentialBlocks::default()) else { return Vec::new() };
    let mut entries = Vec::new();
    cursor.seek_to_first().unwrap();
    while cursor.valid() {
        entries.push((cursor.key().to_vec(), cursor.value().to_vec()));
        cursor.next().unwrap();
    }
    entries
}

/// Sequence numbers and kinds of the entries of a key.
fn versions(store: &Store, tables: &[varve_core::TableSummary], key: &str) -> Vec<(u64, u8)> {
    use varve_core::internal_key::split;
    let all = contents(store, tables);
    let of_key = all.iter().map(|(internal, _)| split(internal)).filter(|(user_key, _)| *user_key == key.as_bytes());
    of_key.map(|(_, trailer)| (trailer >> 8, trailer as u8)).collect()
}

#[test]
fn a_flush_keeps_what_a_snapshot_can_see() {
    let operations = [put("k", "1"), put("k", "2"), delete("k"), put("k", "4"), delete("k")];
    let cases: [(&[u64], &[u64]); 6] = [
        (&[], &[5]),
        (&[5], &[5]),
        (&[4], &[5, 4]),
        (&[1, 3], &[5, 3, 1]),
        (&[2], &[5, 2]),
        (&[1, 2, 3, 4, 5], &[5, 4, 3, 2, 1]),
    ];
    for (snapshots, expected) in cases {
        let mut store = Store::new(0, table_options());
        store.fill(1, 1, &operations);
        let outputs = store.flush(1, snapshots).unwrap();
        let kept: Vec<u64> = versions(&store, &outputs, "k").iter().map(|one| one.0).collect();
        assert_eq!(kept, expected, "{snapshots:?}");
    }
}

#[test]
fn a_flush_keeps_every_tombstone_and_sums_up_its_table() {
    let mut store = Store::new(0, table_options());
    store.fill(1, 10, &[put("b", "value"), delete("a"), delete("c"), put("bb", "")]);
    let outputs = store.flush(1, &[]).unwrap();
    let [table] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!((table.entries, table.tombstones), (4, 2));
    assert_eq!((table.smallest_sequence, table.largest_sequence), (10, 13));
    assert_eq!(table.smallest_key, internal_key("a", 11, KIND_DELETE));
    assert_eq!(table.largest_key, internal_key("c", 12, KIND_DELETE));
    assert_eq!((table.birth_level, table.created_at), (0, CREATED_AT));
    assert_eq!(std::fs::metadata(path_of(store.path(), table)).unwrap().len(), table.size);
}

#[test]
fn a_flush_of_nothing_writes_nothing() {
    let mut store = Store::new(0, table_options());
    store.fill(1, 1, &[]);
    assert_eq!(store.flush(1, &[]).unwrap(), []);
    assert!(file_names(store.path()).is_empty());
    assert!(matches!(store.flush(2, &[]), Err(Error::Resource(_))));
}

#[test]
fn a_compaction_drops_tombstones_that_hide_nothing() {
    let mut store = Store::new(0, table_options());
    let old = store.table_of(1, &["a", "b", "c", "d", "e"].map(|key| put(key, "old")));
    let new = store.table_of(6, &["a", "b", "c", "d", "e"].map(delete));
    let runs = vec![vec![new.number], vec![old.number]];
    let range = |from: &str, to: &str| (from.as_bytes().to_vec(), to.as_bytes().to_vec());
    assert_eq!(store.compact(runs.clone(), &[], &[], 1).unwrap(), []);
    let outputs =
        store.compact(runs.clone(), &[], &[range("", "a\0"), range("b", "bb"), range("d", "d\0"), range("z", "")], 1).unwrap();
    let kept: Vec<_> = contents(&store, &outputs).into_iter().map(|(key, _)| key).collect();
    assert_eq!(kept, [("a", 6), ("b", 7), ("d", 9)].map(|(key, sequence)| internal_key(key, sequence, KIND_DELETE)));
    // A snapshot between the two versions needs both; one above them needs neither.
    let outputs = store.compact(runs.clone(), &[5], &[], 1).unwrap();
    assert_eq!(versions(&store, &outputs, "c"), [(8, KIND_DELETE), (3, KIND_PUT)]);
    assert_eq!(store.compact(runs, &[10, 11], &[], 1).unwrap(), []);
}

#[test]
fn a_compaction_cuts_between_user_keys() {
    let mut store = Store::new(0, TableOptions { table_size: 200, ..table_options() });
    let mut operations = Vec::new();
    for i in 0..40 {
        operations.extend((0..5).map(|version| put(format!("key{i:02}"), format!("{version}"))));
    }
    let table = store.table_of(1, &operations);
    let every: Vec<u64> = (1..=200).collect();
    let outputs = store.compact(vec![vec![table.number]], &every, &[], 3).unwrap();
    assert!(outputs.len() > 5);
    assert!(outputs.windows(2).all(|pair| pair[0].number + 1 == pair[1].number));
    assert!(outputs.iter().all(|table| table.entries % 5 == 0 && table.birth_level == 3));
    assert_eq!(contents(&store, &outputs), contents(&store, &[table]));
}

#[test]
fn a_compaction_reads_past_the_cache_whatever_the_size_of_blocks() {
    let mut store = Store::new(1 << 20, TableOptions { block_size: 400_000, table_size: u64::MAX, ..table_options() });
    let operations: Vec<_> = (0..40u8).map(|i| put([i], vec![i; 50_000])).collect();
    let table = store.table_of(1, &operations);
    let outputs = store.compact(vec![vec![table.number]], &[], &[], 1).unwrap();
    assert_eq!(contents(&store, &outputs), contents(&store, &[table]));
    assert_eq!((store.engine.stats().block_reads, store.engine.stats().cache_bytes), (0, 0));
}

/// Runs a compaction of 2 MB with this control; the store, and what came of it.
fn large_compaction(control: &JobControl, change: impl Fn(&mut CompactionJob)) -> (Store, varve_core::Result<usize>) {
    let mut store = Store::new(0, TableOptions { table_size: 100_000, block_size: 4096, ..table_options() });
    let operations: Vec<_> = (0..2500u32).map(|i| put(i.to_be_bytes(), vec![7; 1000])).collect();
    let table = store.table_of(1, &operations);
    let output = store.output(1);
    let mut job = CompactionJob {
        runs: vec![vec![table.number]],
        snapshots: vec![],
        keep_tombstones: vec![],
        bounds: Bounds::default(),
        cuts: vec![],
        output,
    };
    change(&mut job);
    let result = store.engine.compact(&job, control).map(|outputs| outputs.len());
    (store, result)
}

#[test]
fn progress_ends_at_the_total() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reports = Arc::clone(&seen);
    let (store, result) =
        large_compaction(&JobControl::new(move |done, total| reports.lock().unwrap().push((done, total))), |_| {});
    assert!(result.unwrap() > 10);
    let seen = seen.lock().unwrap();
    let total = std::fs::metadata(store.path().join(&file_names(store.path())[0])).unwrap().len();
    assert!(seen.len() >= 3, "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    assert!(seen.iter().all(|&(done, of)| done <= of && of == total), "{seen:?} of {total}");
    assert_eq!(seen.last().unwrap().0, total);
}

#[test]
fn a_cancelled_job_leaves_no_file() {
    // From inside the first report: outputs have been finished by then.
    let control: Arc<std::sync::OnceLock<Arc<JobControl>>> = Arc::default();
    let inner = Arc::clone(&control);
    let job_control = Arc::new(JobControl::new(move |_, _| inner.get().unwrap().cancel()));
    control.set(Arc::clone(&job_control)).ok().unwrap();
    let (store, result) = large_compaction(&job_control, |_| {});
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert!(job_control.is_cancelled());
    assert_eq!(file_names(store.path()).len(), 1);
}

#[test]
fn a_job_that_was_cancelled_before_it_began_does_nothing() {
    for operations in [vec![], vec![put("k", "v")]] {
        let mut store = Store::new(0, table_options());
        store.fill(1, 1, &operations);
        let job = FlushJob { memtable: 1, snapshots: vec![], output: store.output(0) };
        let control = quiet();
        control.cancel();
        assert!(matches!(store.engine.flush(&job, &control), Err(Error::Cancelled)));
        assert!(file_names(store.path()).is_empty());
    }
}

#[test]
fn a_job_that_needs_more_numbers_fails_and_leaves_no_file() {
    for numbers in 0..4 {
        let (store, result) = large_compaction(&quiet(), |job| job.output.number_count = numbers);
        assert!(matches!(&result, Err(Error::Resource(message)) if message.contains("file numbers")), "{result:?}");
        assert_eq!(file_names(store.path()).len(), 1);
    }
}

#[test]
fn a_missing_directory_is_an_io_error() {
    let (_store, result) = large_compaction(&quiet(), |job| job.output.directory.push("missing"));
    let error = result.unwrap_err();
    assert!(
        matches!(&error, Error::Io { path, operation: "made", source }
        if path.to_string_lossy().contains("missing") && source.kind() == std::io::ErrorKind::NotFound),
        "{error:?}"
    );
}

#[test]
fn a_job_never_writes_over_a_file_of_another() {
    let mut store = Store::new(0, table_options());
    store.fill(1, 1, &[put("k", "v")]);
    let output = store.output(0);
    let name = format!("0_{:06}_{CREATED_AT:020}.sst.tmp", output.first_number);
    std::fs::write(store.path().join(&name), "mine").unwrap();
    let error = store.engine.flush(&FlushJob { memtable: 1, snapshots: vec![], output }, &quiet()).unwrap_err();
    assert!(matches!(error, Error::Io { operation: "made", .. }), "{error:?}");
    assert_eq!(std::fs::read(store.path().join(name)).unwrap(), b"mine");
}

#[test]
fn a_compaction_of_tables_that_are_not_open_fails() {
    let mut store = Store::new(0, table_options());
    let error = store.compact(vec![vec![77]], &[], &[], 1).unwrap_err();
    assert!(matches!(&error, Error::Resource(message) if message.contains("77")), "{error:?}");
    assert_eq!(store.compact(vec![vec![], vec![]], &[], &[], 1).unwrap(), []);
}
