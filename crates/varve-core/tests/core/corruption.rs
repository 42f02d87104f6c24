//! Damaged tables: every byte flipped, cut at every length, and damage behind sound checksums. A typed error or the right answer.

use std::path::{Path, PathBuf};

use varve_core::block::{fingerprint_of, BlockBuilder};
use varve_core::internal_key::{KIND_PUT, KIND_PUT_WITH_EXPIRY, KIND_RANGE_DELETE};
use varve_core::table::footer::{Footer, FOOTER_SIZE};
use varve_core::table::format::{seal_block, BlockHandle};
use varve_core::table::{Table, TableWriter};
use varve_core::xxhash64::xx_hash64;
use varve_core::{
    Bounds, CompactionJob, CursorOptions, Engine, EngineOptions, Error, JobOutput, Result, TableOptions, TableSpec,
};

use crate::support::*;

/// All that can be read of a table: lookups, and scans both ways.
type Reading = (Vec<Option<Vec<u8>>>, Vec<Entry>, Vec<Entry>);

fn keys() -> Vec<Vec<u8>> {
    (0..24).map(|i| format!("key{i:02}").into_bytes()).collect()
}

/// A table of puts, deletes and a range delete, and its bytes.
fn make_table(options: TableOptions) -> (Store, PathBuf, Vec<u8>) {
    let mut store = Store::new(0, options);
    let operations = keys()
        .into_iter()
        .enumerate()
        .map(|(i, key)| if i % 5 == 0 { delete(key) } else { put(key, format!("value of {i}")) })
        .chain([delete_range("key07", "key08")]);
    let table = store.table_of(1, &operations.collect::<Vec<_>>());
    let path = path_of(store.path(), &table);
    let bytes = std::fs::read(&path).unwrap();
    (store, path, bytes)
}

/// An engine with only this table, which may be damaged.
fn engine_of(path: &Path, size: u64) -> Result<Engine> {
    let engine = Engine::new(EngineOptions { cache_bytes: 4096, ..EngineOptions::default() });
    engine.open_tables(&[TableSpec { number: 1, path: path.to_path_buf(), size, lazy: None }])?;
    engine.install_view(&[], &[vec![1]])?;
    Ok(engine)
}

fn read_everything(path: &Path, size: u64) -> Result<Reading> {
    let engine = engine_of(path, size)?;
    let values = keys().iter().map(|key| get(&engine, key, NEWEST)).collect::<Result<_>>()?;
    let forward = read_all(&mut engine.open_cursor(scan_options()))?;
    let backward = read_all(&mut engine.open_cursor(CursorOptions { reverse: true, ..scan_options() }))?;
    Ok((values, forward, backward))
}

fn compact_output(path: &Path) -> JobOutput {
    job_output(path.parent().unwrap(), 1, 5000, table_options())
}

fn compact(engine: &Engine, path: &Path) -> Result<Vec<varve_core::TableSummary>> {
    let output = compact_output(path);
    engine.compact(
        &CompactionJob {
            runs: vec![vec![1]],
            snapshots: vec![],
            keep_tombstones: vec![],
            bounds: Bounds::default(),
            cuts: vec![],
            output,
        },
        &quiet(),
    )
}

/// Reads a damaged table: right, or corruption that names it.
fn check(path: &Path, bytes: &[u8], size: u64, right: &Reading, what: &str) {
    std::fs::write(path, bytes).unwrap();
    match read_everything(path, size) {
        Ok(reading) => assert_eq!(&reading, right, "{what}"),
        Err(error) => assert!(is_corruption(&error, path), "{what}: {error:?}"),
    }
    let Ok(engine) = engine_of(path, size) else { return };
    match compact(&engine, path) {
        Ok(outputs) => {
            assert_eq!(outputs[0].entries, 18, "{what}");
            std::fs::remove_file(path_of(path.parent().unwrap(), &outputs[0])).unwrap();
        }
        Err(error) => assert!(is_corruption(&error, path), "{what}: {error:?}"),
    }
    assert_eq!(file_names(path.parent().unwrap()).len(), 1, "{what}");
}

#[test]
fn a_flipped_byte_never_gives_a_wrong_answer() {
    let (_store, path, whole) = make_table(table_options());
    let right = read_everything(&path, whole.len() as u64).unwrap();
    assert_eq!(right.1.len(), 18);
    for at in 0..whole.len() {
        for flip in [0x01, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            check(&path, &bytes, bytes.len() as u64, &right, &format!("byte {at} ^ {flip}"));
        }
    }
}

#[test]
fn a_cut_table_is_refused() {
    let (_store, path, whole) = make_table(table_options());
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        for size in [length, whole.len()] {
            let error = engine_of(&path, size as u64).map(drop).unwrap_err();
            assert!(is_corruption(&error, &path), "{length}: {error:?}");
        }
    }
}

#[test]
fn a_table_that_is_cut_while_it_is_open_is_corrupt() {
    let (_store, path, whole) = make_table(table_options());
    let engine = engine_of(&path, whole.len() as u64).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100).unwrap();
    assert!(is_corruption(&get(&engine, b"key23", NEWEST).unwrap_err(), &path));
    assert!(is_corruption(&read_all(&mut engine.open_cursor(scan_options())).unwrap_err(), &path));
    assert!(is_corruption(&compact(&engine, &path).unwrap_err(), &path));
    assert_eq!(file_names(path.parent().unwrap()).len(), 1);
}

#[test]
fn a_missing_table_is_corruption() {
    let path = tempfile::tempdir().unwrap().path().join("gone.sst");
    let error = Table::open(&TableSpec { number: 1, path: path.clone(), size: 100, lazy: None }, &files()).map(drop).unwrap_err();
    assert!(is_corruption(&error, &path) && error.to_string().contains("listed by the manifest but missing"), "{error}");
}

#[test]
fn what_cannot_be_opened_is_an_io_error() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let path = directory.path().join("file/below");
    let error = Table::open(&TableSpec { number: 1, path, size: 100, lazy: None }, &files()).map(drop).unwrap_err();
    assert!(matches!(error, Error::Io { operation: "opened", .. }), "{error:?}");
    assert!(std::error::Error::source(&error).is_some() && error.to_string().contains("could not be opened"));
}

#[test]
fn all_tables_open_or_none() {
    let (_store, path, whole) = make_table(table_options());
    let engine = Engine::new(EngineOptions::default());
    let spec = |number, path: &Path| TableSpec { number, path: path.to_path_buf(), size: whole.len() as u64, lazy: None };
    engine.open_tables(&[spec(1, &path), spec(2, &path.with_extension("gone"))]).unwrap_err();
    assert_eq!(engine.stats().open_tables, 0);
    assert!(matches!(engine.install_view(&[], &[vec![1]]), Err(Error::Resource(_))));
}

/// Magic, version and flags are told apart before the checksum.
#[test]
fn footers_say_what_is_wrong_with_them() {
    let handle = BlockHandle { offset: 10, size: 20 };
    let footer = || Footer {
        metaindex: handle,
        index: handle,
        compressed: false,
        range_deletes: false,
        value_pointers: false,
        fingerprints: false,
    };
    let whole: [u8; FOOTER_SIZE] = footer().encode().try_into().unwrap();
    assert_eq!(Footer::decode(&whole, 100).unwrap(), footer());
    let message = |at: usize, value: u8| {
        let mut bytes = whole;
        bytes[at] = value;
        bytes[0] ^= 1;
        Footer::decode(&bytes, 100).unwrap_err().to_string()
    };
    assert!(message(40, b'V').contains("magic"));
    assert!(message(24, 2).contains("version"));
    assert!(message(28, 64).contains("flags 0x40"));
    assert!(message(28, 67).contains("flags 0x40"));
    assert!(message(28, 2).contains("checksum"));
    assert!(message(28, 1).contains("checksum"));
    assert!(message(30, 1).contains("checksum"));
    assert!(Footer::decode(&whole, 38).unwrap_err().to_string().contains("outside"));
    let mut optional = whole;
    optional[30] = 1;
    let hash = xx_hash64(&optional[..32]);
    optional[32..40].copy_from_slice(&hash.to_le_bytes());
    Footer::decode(&optional, 100).unwrap();
}

/// Writes a table of these internal keys, whatever their kinds.
fn write_raw(path: &Path, entries: &[(Vec<u8>, &str)]) -> u64 {
    let file = std::fs::File::create(path).unwrap();
    let mut writer = TableWriter::new(file, &TableOptions { block_size: 1, ..table_options() }, CREATED_AT);
    for (key, value) in entries {
        assert!(writer.add(key, value.as_bytes()).unwrap());
    }
    writer.finish(&[]).unwrap().size
}

/// Unknown kinds are refused by whoever meets them; what lies before them is still given.
#[test]
fn an_unknown_kind_is_corruption_of_its_block() {
    a_bad_entry_is_corruption_of_its_block(9, "unknown kind 9");
}

#[test]
fn an_expiry_that_is_cut_short_is_corruption_of_its_block() {
    a_bad_entry_is_corruption_of_its_block(KIND_PUT_WITH_EXPIRY, "too short to say when");
}

/// The value of the entry has seven bytes.
fn a_bad_entry_is_corruption_of_its_block(kind: u8, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("raw.sst");
    let entries =
        [(internal_key("a", 1, KIND_PUT), "1"), (internal_key("b", 2, kind), "seven B"), (internal_key("c", 3, KIND_PUT), "3")];
    let size = write_raw(&path, &entries);
    let engine = engine_of(&path, size).unwrap();
    let second = engine_of(&path, size)
        .and_then(|_| Table::open(&TableSpec { number: 1, path: path.clone(), size, lazy: None }, &files()));
    let block = second.unwrap().load().unwrap().index.handle(1).offset;
    let refused = |error: Error| match error {
        Error::Corruption { path: Some(file), offset: Some(offset), message } => {
            assert_eq!((file, offset), (path.clone(), block));
            assert!(message.contains(expected), "{message}");
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(get(&engine, b"a", NEWEST).unwrap(), Some(b"1".to_vec()));
    refused(get(&engine, b"b", NEWEST).unwrap_err());
    for (reverse, first) in [(false, "a"), (true, "c")] {
        let mut cursor = engine.open_cursor(CursorOptions { reverse, ..scan_options() });
        let (mut chunk, mut index) = ([0; 100], [0; 20]);
        let mut fill = || {
            let filled = cursor.fill(&mut chunk, &mut index, 10, true)?;
            let varve_core::Fill::Entries(count) = filled else { panic!("{filled:?}") };
            Ok(unpack(&chunk, &index, count))
        };
        let given = fill().unwrap();
        assert_eq!(given.iter().map(|(key, _)| key.as_slice()).collect::<Vec<_>>(), [first.as_bytes()]);
        refused(fill().unwrap_err());
        refused(fill().unwrap_err());
    }
    refused(compact(&engine, &path).unwrap_err());
    assert_eq!(file_names(directory.path()), ["raw.sst"]);
}

/// A table from parts with sound checksums.
struct Forged {
    bytes: Vec<u8>,
}

impl Forged {
    fn block(&mut self, mut contents: Vec<u8>) -> BlockHandle {
        let handle = BlockHandle { offset: self.bytes.len() as u64, size: contents.len() as u32 };
        seal_block(&mut contents, 0);
        self.bytes.extend(contents);
        handle
    }

    fn finish(mut self, metaindex: BlockHandle, index: BlockHandle, range_deletes: bool) -> Vec<u8> {
        self.bytes.extend(
            Footer { metaindex, index, compressed: false, range_deletes, value_pointers: false, fingerprints: false }.encode(),
        );
        self.bytes
    }
}

fn block_of(entries: &[(&[u8], &[u8])], restart_interval: usize) -> Vec<u8> {
    let mut builder = BlockBuilder::new(restart_interval);
    entries.iter().for_each(|(key, value)| builder.add(key, value));
    builder.finish()
}

/// Properties with one value replaced, or left out.
fn properties(change: &str, value: Option<&[u8]>) -> Vec<u8> {
    let (key, one) = (internal_key("k", 1, KIND_PUT), 1u64.to_le_bytes());
    let mut names: Vec<(&str, &[u8])> = vec![("created-at", &one), ("entries", &one), ("format", &one), ("largest-key", &key)];
    names.extend([("largest-sequence", &one[..]), ("raw-key-bytes", &one), ("raw-value-bytes", &one), ("smallest-key", &key)]);
    names.extend([("smallest-sequence", &one[..]), ("tombstones", &one), ("user-keys", &one)]);
    let changed: Vec<(&[u8], &[u8])> =
        names.into_iter().filter_map(|(name, old)| Some((name.as_bytes(), if name == change { value? } else { old }))).collect();
    block_of(&changed, 1)
}

#[derive(Default)]
struct Forgery {
    data: Option<Vec<u8>>,
    properties: Option<Vec<u8>>,
    filter: Option<Vec<u8>>,
    metaindex: Option<Vec<u8>>,
    index: Option<Vec<u8>>,
    range_deletes: Option<Vec<u8>>,
    /// The flag, where it does not go with the block.
    flag: Option<bool>,
}

impl Forgery {
    fn bytes(self) -> Vec<u8> {
        let key = internal_key("k", 1, KIND_PUT);
        let mut forged = Forged { bytes: Vec::new() };
        let data = forged.block(self.data.unwrap_or_else(|| block_of(&[(&key, b"value")], 16)));
        let properties = forged.block(self.properties.unwrap_or_else(|| properties("", None)));
        let filter = self.filter.map(|filter| forged.block(filter).encode());
        let range_deletes = self.range_deletes.map(|block| forged.block(block).encode());
        let flag = self.flag.unwrap_or(range_deletes.is_some());
        let properties = properties.encode();
        let mut names: Vec<(&[u8], &[u8])> = Vec::new();
        names.extend(filter.as_ref().map(|filter| (&b"filter.blocked-bloom"[..], filter.as_slice())));
        names.push((b"properties", &properties));
        names.extend(range_deletes.as_ref().map(|block| (&b"range-deletes"[..], block.as_slice())));
        names.push((b"something newer", b"?"));
        let metaindex = forged.block(self.metaindex.unwrap_or_else(|| block_of(&names, 1)));
        let index = forged.block(self.index.unwrap_or_else(|| block_of(&[(&key, &data.encode())], 16)));
        forged.finish(metaindex, index, flag)
    }
}

#[test]
fn damage_behind_sound_checksums_is_corruption() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forged.sst");
    let read = |forgery: Forgery| {
        let bytes = forgery.bytes();
        std::fs::write(&path, &bytes).unwrap();
        let engine = engine_of(&path, bytes.len() as u64)?;
        get(&engine, b"k", NEWEST).map(|value| value.unwrap_or_default())
    };
    assert_eq!(read(Forgery::default()).unwrap(), b"value");
    let key = internal_key("k", 1, KIND_PUT);
    let handle = |offset, size| BlockHandle { offset, size }.encode();
    let (first, second) = (handle(0, 5), handle(3, 5));
    let index = |entries: &[(&[u8], &[u8])]| Forgery { index: Some(block_of(entries, 16)), ..Forgery::default() };
    let data = |bytes: &[u8]| Forgery { data: Some(bytes.to_vec()), ..Forgery::default() };
    let meta = |bytes: Vec<u8>| Forgery { metaindex: Some(bytes), ..Forgery::default() };
    let ranges = |all: &[(&str, &str, u64, u8)]| {
        let keys: Vec<_> = all.iter().map(|(start, end, sequence, kind)| (internal_key(start, *sequence, *kind), end)).collect();
        let entries: Vec<(&[u8], &[u8])> = keys.iter().map(|(key, end)| (key.as_slice(), end.as_bytes())).collect();
        Forgery { range_deletes: Some(block_of(&entries, 16)), ..Forgery::default() }
    };
    assert_eq!(read(ranges(&[("a", "k", 9, KIND_RANGE_DELETE), ("l", "", 8, 2), ("l", "", 7, 2)])).unwrap(), b"value");
    assert_eq!(read(ranges(&[("a", "", 9, KIND_RANGE_DELETE)])).unwrap(), b"");
    let later = internal_key("l", 1, KIND_PUT);
    let forgeries = vec![
        ("an empty index", index(&[])),
        ("a handle that is cut", index(&[(&key, &[0x80])])),
        ("a handle outside the file", index(&[(&key, &handle(0, u32::MAX))])),
        ("a handle far outside the file", index(&[(&key, &handle((1 << 53) - 1, 1))])),
        ("blocks that overlap", index(&[(&key, &first), (&later, &second)])),
        ("index keys that descend", index(&[(&later, &first), (&key, &handle(20, 5))])),
        ("an index key without trailer", index(&[(b"short", &first)])),
        ("fingerprints that do not fit", data(&[0, 0, 0, 0, 1, 0, 9, 0, 0, 0x80])),
        ("fingerprints without entries", data(&[&[0; 4][..], &[fingerprint_of(xx_hash64(b"k")), 1, 0, 1, 0, 0, 0x80]].concat())),
        ("fingerprints without a restart interval", data(&[0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0x80])),
        ("a block without restart array", data(&[0])),
        ("a block with no restart point", data(&[0; 4])),
        ("a block with too many restart points", data(&[0xff; 8])),
        ("a restart point outside", data(&[9, 0, 0, 0, 1, 0, 0, 0])),
        ("an entry that is cut", data(&[0, 9, 0, b'x', 0, 0, 0, 0, 1, 0, 0, 0])),
        ("an entry that shares with nothing", data(&[5, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 1, 0, 0, 0])),
        ("a key without trailer", data(&[0, 1, 0, b'x', 0, 0, 0, 0, 1, 0, 0, 0])),
        ("a length that never ends", data(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 0, 0, 0])),
        ("no properties", meta(block_of(&[(b"other", b"")], 1))),
        ("a handle of properties outside", meta(block_of(&[(b"properties", &handle(0, u32::MAX))], 1))),
        ("a flag without range deletes", Forgery { flag: Some(true), ..Forgery::default() }),
        ("range deletes without the flag", Forgery { flag: Some(false), ..ranges(&[("a", "b", 9, 2)]) }),
        ("a block of no range deletes", ranges(&[])),
        ("a range delete of another kind", ranges(&[("a", "b", 9, 1)])),
        ("a range that is empty", ranges(&[("b", "b", 9, 2)])),
        ("a range that ends before it starts", ranges(&[("b", "a", 9, 2)])),
        ("ranges that overlap", ranges(&[("a", "c", 9, 2), ("b", "d", 8, 2)])),
        ("ranges behind the end of all keys", ranges(&[("a", "", 9, 2), ("b", "d", 8, 2)])),
        ("ranges that descend", ranges(&[("c", "d", 9, 2), ("a", "b", 8, 2)])),
        ("one range with two ends", ranges(&[("a", "b", 9, 2), ("a", "c", 8, 2)])),
        ("one range, the oldest first", ranges(&[("a", "b", 8, 2), ("a", "b", 9, 2)])),
        ("a range delete twice", ranges(&[("a", "b", 8, 2), ("a", "b", 8, 2)])),
        ("a sequence number out of range", ranges(&[("a", "b", 1 << 53, 2)])),
        ("a start without trailer", Forgery { range_deletes: Some(block_of(&[(b"short", b"z")], 16)), ..Forgery::default() }),
        ("a block of range deletes without restart array", Forgery { range_deletes: Some(vec![0]), ..Forgery::default() }),
        ("a filter with no lines", Forgery { filter: Some(vec![0, 0, 0, 0, 6]), ..Forgery::default() }),
    ];
    for (what, forgery) in forgeries {
        let error = read(forgery).expect_err(what);
        assert!(is_corruption(&error, &path), "{what}: {error:?}");
    }
    let changes: [(&str, Option<&[u8]>); 5] = [
        ("format", Some(&[2, 0, 0, 0, 0, 0, 0, 0])),
        ("entries", None),
        ("entries", Some(&[1])),
        ("largest-sequence", Some(&[0xff; 8])),
        ("smallest-key", Some(b"short")),
    ];
    for (name, value) in changes {
        let error = read(Forgery { properties: Some(properties(name, value)), ..Forgery::default() }).expect_err(name);
        assert!(is_corruption(&error, &path) && error.to_string().contains(name), "{name}: {error:?}");
    }
}

#[test]
fn a_scan_refuses_a_block_that_ends_before_its_last_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forged.sst");
    let bytes = Forgery { data: Some(block_of(&[], 16)), ..Forgery::default() }.bytes();
    std::fs::write(&path, &bytes).unwrap();
    let engine = engine_of(&path, bytes.len() as u64).unwrap();
    let error = read_all(&mut engine.open_cursor(CursorOptions { lower: Some(b"k".to_vec()), ..scan_options() })).unwrap_err();
    assert!(is_corruption(&error, &path), "{error:?}");
}

/// Two versions of the input that a job was given contradict each other.
#[test]
fn a_job_refuses_keys_that_do_not_ascend() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("forged.sst");
    let (a, b) = (internal_key("a", 1, KIND_PUT), internal_key("b", 1, KIND_PUT));
    let forgery = Forgery {
        data: Some(block_of(&[(&b, b""), (&a, b"")], 1)),
        index: Some(block_of(&[(&b, &BlockHandle { offset: 0, size: 2 * 12 + 12 }.encode())], 16)),
        ..Forgery::default()
    };
    let bytes = forgery.bytes();
    std::fs::write(&path, &bytes).unwrap();
    let engine = engine_of(&path, bytes.len() as u64).unwrap();
    let error = compact(&engine, &path).unwrap_err();
    assert!(matches!(error, Error::Corruption { .. }) && error.to_string().contains("do not ascend"), "{error:?}");
    assert_eq!(file_names(directory.path()), ["forged.sst"]);
}
