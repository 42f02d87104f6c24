//! Lookups and scans: what they count, what they may touch, and what they keep alive.

use std::sync::atomic::{AtomicU64, Ordering};

use varve_core::io::read_at_no_wait;
use varve_core::{CursorOptions, Error, Fill, Io, Lookup, TableOptions};

use crate::support::*;

/// A store with one table of 50 keys at sequence numbers 1 … 50, one key a block.
fn one_table(cache_bytes: usize) -> (Store, u64) {
    let mut store = Store::new(cache_bytes, TableOptions { block_size: 1, ..table_options() });
    let table = store.table_of(1, &(0..50u8).map(|i| put([b'k', i], [i; 20])).collect::<Vec<_>>());
    store.engine.install_view(&[], &[vec![table.number]]).unwrap();
    (store, table.number)
}

#[test]
fn an_engine_without_memtable_takes_no_writes() {
    let store = Store::new(0, table_options());
    let error = store.engine.apply(&record(1, &[put("a", "b")])).unwrap_err();
    assert!(matches!(error, Error::Resource(_)), "{error:?}");
    assert_eq!(get(&store.engine, b"a", NEWEST).unwrap(), None);
    assert!(matches!(store.engine.install_view(&[9], &[]), Err(Error::Resource(_))));
}

#[test]
fn what_is_not_in_memory_waits() {
    let (store, _) = one_table(1 << 16);
    let lookup = |io| store.engine.reads().get(b"k\x07", NEWEST, io, |value| value[0]).unwrap();
    assert_eq!(lookup(Io::None), Lookup::Pending);
    assert_eq!(lookup(Io::Cache), Lookup::Found(7));
    assert_eq!(lookup(Io::None), Lookup::Found(7));
    let stats = store.engine.stats();
    assert_eq!((stats.block_reads, stats.cache_hits, stats.cache_misses), (1, 1, 2));
    assert!(stats.cache_bytes > 20 && stats.table_memory > 0);
}

/// Can the file system of the store's folder say whether it has bytes in memory? That of Linux's `/dev/shm` cannot, other systems cannot at all.
fn tells_what_is_in_memory(store: &Store) -> bool {
    let file = std::fs::File::open(store.path().join(&file_names(store.path())[0])).unwrap();
    let can_tell = read_at_no_wait(&file, &mut [0; 8], 0);
    assert!(!read_at_no_wait(&file, &mut [0; 8], 1 << 30), "nothing is there");
    can_tell
}

#[test]
fn what_the_operating_system_has_in_memory_need_not_wait() {
    let (store, _) = one_table(1 << 16);
    let lookup = |key: u8, io| store.engine.reads().get(&[b'k', key], NEWEST, io, |value| value[0]).unwrap();
    let found = |key| if tells_what_is_in_memory(&store) { Lookup::Found(key) } else { Lookup::Pending };
    assert_eq!(lookup(7, Io::None), Lookup::Pending);
    assert_eq!(lookup(7, Io::NoWait), found(7));
    assert_eq!(lookup(7, Io::None), found(7), "it is kept in the cache");
    assert_eq!(store.engine.stats().block_reads, u64::from(found(7) == Lookup::Found(7)));
}

/// The first block of a scan alone: where it goes on from block to block, another thread reads ahead.
#[test]
fn a_scan_reads_one_block_that_the_operating_system_has_in_memory() {
    let (store, _) = one_table(1 << 16);
    let fill = |cursor: &mut varve_core::ScanCursor, allow_io| cursor.fill(&mut [0; 1000], &mut [0; 100], 9, allow_io).unwrap();
    let mut cursor = store.engine.open_cursor(scan_options());
    cursor.seek(&[b'k', 25]);
    if tells_what_is_in_memory(&store) {
        assert_eq!(fill(&mut cursor, false), Fill::Entries(1));
    }
    assert_eq!(fill(&mut cursor, false), Fill::Pending);
}

/// A false positive is one only when no version in the table can be too new for the reader.
#[test]
fn filters_are_counted() {
    let (store, _) = one_table(1 << 16);
    for i in 0..50 {
        assert_eq!(get(&store.engine, &[b'k', i, 1], NEWEST).unwrap(), None);
    }
    let stats = store.engine.stats();
    // The last key lies outside the table.
    assert_eq!((stats.filter_probes, stats.filter_negatives + stats.filter_false_positives), (49, 49));
    assert!(stats.filter_false_positives < 10);
    assert_eq!(get(&store.engine, &[b'k', 40], 10).unwrap(), None);
    let after = store.engine.stats();
    assert_eq!((after.filter_probes, after.filter_negatives), (50, stats.filter_negatives));
    assert_eq!(after.filter_false_positives, stats.filter_false_positives);
}

#[test]
fn a_filter_that_passes_everything_is_all_false_positives() {
    let mut store = Store::new(0, TableOptions { filter_milli_bits_per_key: 1, filter_probes: 30, ..table_options() });
    let table = store.table_of(1, &(0..200u8).map(|i| put([b'k', i], "")).collect::<Vec<_>>());
    store.engine.install_view(&[], &[vec![], vec![table.number]]).unwrap();
    for i in 0..199 {
        assert_eq!(get(&store.engine, &[b'k', i, 1], NEWEST).unwrap(), None);
    }
    assert_eq!(store.engine.stats().filter_false_positives, 199);
}

#[test]
fn the_first_source_that_knows_a_key_decides() {
    let mut store = Store::new(0, table_options());
    let deepest = store.table_of(1, &[put("a", "deep"), put("b", "deep"), put("c", "deep"), put("d", "deep")]);
    let older = store.table_of(5, &[put("b", "older"), delete("c")]);
    let newer = store.table_of(7, &[delete("b"), put("d", "newer")]);
    store.fill(1, 9, &[put("c", "memory"), delete("d")]);
    store.engine.install_view(&[1], &[vec![newer.number, older.number], vec![], vec![deepest.number]]).unwrap();
    let at = |key: &str, sequence| {
        get(&store.engine, key.as_bytes(), sequence).unwrap().map(|value| String::from_utf8(value).unwrap())
    };
    let row = |key| [4, 6, 8, 10].map(|sequence| at(key, sequence).unwrap_or_default());
    assert_eq!(row("a"), ["deep", "deep", "deep", "deep"]);
    assert_eq!(row("b"), ["deep", "older", "", ""]);
    assert_eq!(row("c"), ["deep", "", "", "memory"]);
    assert_eq!(row("d"), ["deep", "deep", "newer", ""]);
}

#[test]
fn a_scan_keeps_its_view() {
    let (store, number) = one_table(0);
    store.fill(1, 100, &[put("k", "first")]);
    store.engine.install_view(&[1], &[vec![number]]).unwrap();
    let mut cursor = store.engine.open_cursor(CursorOptions { sequence: 100, ..scan_options() });
    store.engine.apply(&record(101, &[put("j", "too new"), delete("k"), delete([b'k', 0])])).unwrap();
    store.engine.drop_memtable(1);
    store.engine.drop_tables(&[number, 999]);
    store.engine.install_view(&[], &[]).unwrap();
    std::fs::remove_file(store.path().join(&file_names(store.path())[0])).unwrap();
    assert_eq!(store.engine.stats().open_tables, 1);
    let entries = read_all(&mut cursor).unwrap();
    assert_eq!(entries.len(), 51);
    assert_eq!(entries[0], (b"k".to_vec(), b"first".to_vec()));
    drop(cursor);
    let stats = store.engine.stats();
    assert_eq!((stats.open_tables, stats.memtables, stats.cache_bytes), (0, 0, 0));
}

#[test]
fn a_scan_may_leave_the_cache_alone() {
    let (store, _) = one_table(1 << 16);
    read_all(&mut store.engine.open_cursor(CursorOptions { fill_cache: false, ..scan_options() })).unwrap();
    assert_eq!((store.engine.stats().cache_bytes, store.engine.stats().block_reads), (0, 50));
    read_all(&mut store.engine.open_cursor(scan_options())).unwrap();
    assert!(store.engine.stats().cache_bytes > 0);
}

#[test]
fn a_lookup_may_leave_the_cache_alone() {
    let (store, _) = one_table(1 << 16);
    let lookup = |io| store.engine.reads().get(b"k\x07", NEWEST, io, |value| value[0]).unwrap();
    let read = || (store.engine.stats().cache_bytes > 0, store.engine.stats().block_reads);
    assert_eq!((lookup(Io::Pass), lookup(Io::Pass), read()), (Lookup::Found(7), Lookup::Found(7), (false, 2)));
    assert_eq!((lookup(Io::None), lookup(Io::Cache), read()), (Lookup::Pending, Lookup::Found(7), (true, 3)));
    // What the cache has is used.
    assert_eq!((lookup(Io::Pass), read()), (Lookup::Found(7), (true, 3)));
}

#[test]
fn the_index_tells_where_a_key_would_be() {
    let (store, number) = one_table(0);
    let at = |key: &[u8]| store.engine.approximate_offset(number, key).unwrap();
    assert_eq!((at(b""), at(b"k"), at(b"k\0")), (0, 0, 0));
    // One block for each key, all of one size.
    let size = at(b"k\x01");
    for i in 0..50u8 {
        assert_eq!(at(&[b'k', i]), size * u64::from(i));
        assert_eq!(at(&[b'k', i, 0]), size * u64::from(i + 1));
    }
    assert_eq!((at(b"l"), at(b"k\xff")), (size * 50, size * 50));
    assert_eq!(store.engine.stats().block_reads, 0);
    assert!(matches!(store.engine.approximate_offset(number + 1, b"k"), Err(Error::Resource(_))));
}

/// A reverse scan that had to wait goes back to its full range when it seeks.
#[test]
fn a_scan_seeks_anywhere_after_it_has_waited() {
    for reverse in [false, true] {
        let (store, _) = one_table(0);
        let mut cursor = store.engine.open_cursor(CursorOptions { reverse, fill_cache: false, ..scan_options() });
        let (mut chunk, mut index) = ([0; 1000], [0; 100]);
        cursor.seek(&[b'k', 25]);
        let mut first = |cursor: &mut varve_core::ScanCursor, allow_io| {
            let filled = cursor.fill(&mut chunk, &mut index, 1, allow_io).unwrap();
            (filled == Fill::Entries(1)).then(|| chunk[1])
        };
        assert_eq!(first(&mut cursor, true), Some(25));
        assert_eq!(first(&mut cursor, false), None);
        for to in [0, 49, 25] {
            cursor.seek(&[b'k', to]);
            assert_eq!(first(&mut cursor, true), Some(to), "reverse: {reverse}");
        }
    }
}

#[test]
fn a_scan_says_how_much_room_it_needs() {
    let (store, _) = one_table(0);
    let mut cursor = store.engine.open_cursor(scan_options());
    let mut index = [0; 4];
    assert_eq!(cursor.fill(&mut [0; 21], &mut index, 9, true).unwrap(), Fill::TooSmall(22));
    assert_eq!(cursor.fill(&mut [0; 22], &mut index, 9, true).unwrap(), Fill::Entries(1));
    assert_eq!(cursor.fill(&mut [0; 1000], &mut index, 9, true).unwrap(), Fill::Entries(2));
    assert_eq!(cursor.fill(&mut [0; 1000], &mut index, 0, true).unwrap(), Fill::Entries(0));
    assert_eq!(cursor.fill(&mut [0; 1000], &mut index, 1, true).unwrap(), Fill::Entries(1));
}

#[test]
fn an_empty_engine_has_nothing_to_scan() {
    let store = Store::new(0, table_options());
    for reverse in [false, true] {
        for bound in [None, Some(b"m".to_vec())] {
            let options = CursorOptions { reverse, lower: bound.clone(), upper: bound, ..scan_options() };
            assert_eq!(read_all(&mut store.engine.open_cursor(options)).unwrap(), []);
        }
    }
}

/// Readers on other threads, while one thread writes: at a sequence number that was made visible, a batch is whole.
#[test]
fn readers_on_other_threads_see_whole_batches() {
    let store = Store::new(0, table_options());
    store.fill(1, 1, &[put("a", [0]), put("b", [0])]);
    store.engine.install_view(&[1], &[]).unwrap();
    let visible = AtomicU64::new(2);
    std::thread::scope(|scope| {
        let reader = || {
            for _ in 0..300 {
                let options = CursorOptions { sequence: visible.load(Ordering::Acquire), ..scan_options() };
                let expected = get(&store.engine, b"a", options.sequence).unwrap().unwrap();
                let values: Vec<_> =
                    read_all(&mut store.engine.open_cursor(options)).unwrap().into_iter().map(|entry| entry.1).collect();
                assert_eq!(values, [expected.clone(), expected]);
            }
        };
        scope.spawn(reader);
        scope.spawn(reader);
        for round in 1..100u8 {
            let sequence = 1 + 2 * u64::from(round);
            store.engine.apply(&record(sequence, &[put("a", [round]), put("b", [round])])).unwrap();
            visible.store(sequence + 1, Ordering::Release);
        }
    });
}
