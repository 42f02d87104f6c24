//! One suite for every cursor: whatever holds the entries, the same calls lead to the same places.

use std::sync::Arc;

use varve_core::block::{Block, BlockBuilder, BlockCursor, KeyOrder};
use varve_core::block_source::SequentialBlocks;
use varve_core::cursor::Cursor;
use varve_core::internal_key::{compare, split, KIND_DELETE, KIND_PUT};
use varve_core::level_cursor::LevelCursor;
use varve_core::memtable::{Memtable, MemtableCursor};
use varve_core::merge::MergeCursor;
use varve_core::table::{Table, TableCursor};
use varve_core::TableSpec;

use crate::support::{files, internal_key, record, seed, table_options, Entry, Random, SeedReport};

fn block_cursor(entries: &[Entry]) -> BlockCursor {
    let mut builder = BlockBuilder::new(3);
    entries.iter().for_each(|(key, value)| builder.add(key, value));
    BlockCursor::new(Block::from(builder.finish()), KeyOrder::Internal).unwrap()
}

fn memtable_cursor(entries: &[Entry]) -> MemtableCursor {
    let memtable = Memtable::new(64);
    for (key, value) in entries {
        let (user_key, trailer) = split(key);
        memtable.apply(&record(trailer >> 8, &[(trailer as u8, user_key.to_vec(), value.clone())])).unwrap();
    }
    MemtableCursor::new(Arc::new(memtable))
}

fn table(directory: &std::path::Path, number: u64, entries: &[Entry]) -> Arc<Table> {
    let path = directory.join(number.to_string());
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = varve_core::table::TableWriter::new(file, &table_options(), 1);
    for (key, value) in entries {
        assert!(writer.add(key, value).unwrap());
    }
    let size = writer.finish(&[]).unwrap().size;
    Arc::new(Table::open(&TableSpec { number, path, size, lazy: None }, &files()).unwrap())
}

/// Cuts entries into parts that share no user key.
fn parts(entries: &[Entry], size: usize) -> Vec<&[Entry]> {
    let mut parts = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let mut at = size.min(rest.len());
        while at < rest.len() && split(&rest[at].0).0 == split(&rest[at - 1].0).0 {
            at += 1;
        }
        let (part, others) = rest.split_at(at);
        parts.push(part);
        rest = others;
    }
    parts
}

fn level_cursor(directory: &std::path::Path, entries: &[Entry]) -> Option<LevelCursor<SequentialBlocks>> {
    let tables: Arc<[_]> = parts(entries, 17).into_iter().enumerate().map(|(i, part)| table(directory, i as u64, part)).collect();
    LevelCursor::new(tables, SequentialBlocks::default())
}

fn merge_cursor(entries: &[Entry], random: &mut Random) -> MergeCursor<BlockCursor> {
    let mut sources = vec![Vec::new(); 4];
    entries.iter().for_each(|entry| sources[random.below(4)].push(entry.clone()));
    MergeCursor::new(sources.iter().map(|entries| block_cursor(entries)).collect())
}

/// Drives a cursor at random beside its position in the list of entries.
fn drive(name: &str, mut cursor: impl Cursor, entries: &[Entry], random: &mut Random) {
    let check = |cursor: &dyn Cursor, position: Option<usize>, what: &str| {
        let expected = position.and_then(|position| entries.get(position));
        let found = cursor.valid().then(|| (cursor.key().to_vec(), cursor.value().to_vec()));
        assert_eq!(found.as_ref(), expected, "{name}: {what}");
    };
    assert!(!cursor.valid(), "{name}: stands nowhere at first");
    cursor.seek_to_first().unwrap();
    for position in 0..=entries.len() {
        check(&cursor, Some(position), "forward");
        if position < entries.len() {
            cursor.next().unwrap();
        }
    }
    cursor.seek_to_last().unwrap();
    for position in (0..entries.len()).rev() {
        check(&cursor, Some(position), "backward");
        cursor.prev().unwrap();
    }
    assert!(!cursor.valid(), "{name}: behind the first");
    let mut position: Option<usize> = None;
    for _ in 0..600 {
        let target = random_target(entries, random);
        let (what, moved) = match (random.below(8), position) {
            (0, _) => ("first", cursor.seek_to_first().map(|()| Some(0))),
            (1, _) => ("last", cursor.seek_to_last().map(|()| entries.len().checked_sub(1))),
            (2, _) | (_, None) => {
                let found = entries.partition_point(|(key, _)| compare(key, &target).is_lt());
                ("seek", cursor.seek(&target).map(|()| Some(found)))
            }
            (3, _) => {
                let behind = entries.partition_point(|(key, _)| compare(key, &target).is_le());
                ("seek_for_prev", cursor.seek_for_prev(&target).map(|()| behind.checked_sub(1)))
            }
            (4 | 5, Some(position)) => ("next", cursor.next().map(|()| Some(position + 1))),
            (_, Some(position)) => ("prev", cursor.prev().map(|()| position.checked_sub(1))),
        };
        position = moved.unwrap().filter(|&position| position < entries.len());
        check(&cursor, position, what);
    }
}

/// A key that is there, or one beside it.
fn random_target(entries: &[Entry], random: &mut Random) -> Vec<u8> {
    if entries.is_empty() || random.percent(40) {
        return internal_key(random.key(), random.next() % 40, random.pick(&[0, 1, 255]));
    }
    let (user_key, trailer) = split(&entries[random.below(entries.len())].0);
    let sequence = (trailer >> 8).saturating_add_signed(random.below(3) as i64 - 1);
    internal_key(user_key, sequence, random.pick(&[trailer as u8, 0, 255]))
}

/// Entries with these user keys and so many versions of each, in order. Deletes have no value.
fn entries(user_keys: impl IntoIterator<Item = Vec<u8>>, versions: usize, random: &mut Random) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut sequence = 1;
    for user_key in user_keys {
        for _ in 0..versions {
            let kind = if random.percent(20) { KIND_DELETE } else { KIND_PUT };
            let value = if kind == KIND_PUT { random.below(50) } else { 0 };
            entries.push((internal_key(&user_key, sequence, kind), random.bytes(value)));
            sequence += 1;
        }
    }
    random.shuffle(&mut entries);
    entries.sort_by(|(a, _), (b, _)| compare(a, b));
    entries.dedup_by(|a, b| a.0 == b.0);
    entries
}

fn suite(name: &str, entries: &[Entry], random: &mut Random) {
    let directory = tempfile::tempdir().unwrap();
    drive(&format!("block, {name}"), block_cursor(entries), entries, random);
    drive(&format!("memtable, {name}"), memtable_cursor(entries), entries, random);
    drive(&format!("merge, {name}"), merge_cursor(entries, random), entries, random);
    let level = level_cursor(directory.path(), entries);
    assert_eq!(level.is_none(), entries.is_empty());
    if let Some(level) = level {
        drive(&format!("level, {name}"), level, entries, random);
        let table = table(directory.path(), 1000, entries);
        drive(&format!("table, {name}"), TableCursor::new(table, SequentialBlocks::default()), entries, random);
    }
}

#[test]
fn every_cursor_finds_its_way() {
    let seed = SeedReport(seed(1));
    let random = &mut Random(seed.0);
    suite("empty", &[], random);
    let single = entries([b"one".to_vec()], 1, random);
    suite("single", &single, random);
    let empty_key = entries([Vec::new()], 3, random);
    suite("the empty key", &empty_key, random);
    let versions = entries([b"".to_vec(), b"k".to_vec(), b"k\0".to_vec()], 60, random);
    suite("many versions", &versions, random);
    let prefixes = entries((0..120).map(|length| vec![b'p'; length]), 1, random);
    suite("keys that are prefixes of each other", &prefixes, random);
    let high = entries((1..60).map(|length| vec![0xff; length]), 2, random);
    suite("0xff", &high, random);
    let mut keys: Vec<_> = (0..200).map(|_| random.key()).collect();
    keys.sort();
    let mixed = entries(keys, 2, random);
    suite("random keys", &mixed, random);
    let many = entries((0..700u32).map(|i| format!("user:{i:05}:name").into_bytes()), 1, random);
    suite("many keys", &many, random);
}

#[test]
fn a_merge_of_nothing_is_empty() {
    let mut cursor = MergeCursor::<BlockCursor>::new(Vec::new());
    cursor.seek_to_first().unwrap();
    assert!(!cursor.valid() && cursor.key().is_empty() && cursor.value().is_empty());
    cursor.next().unwrap();
    cursor.prev().unwrap();
    assert!(!cursor.valid());
}
