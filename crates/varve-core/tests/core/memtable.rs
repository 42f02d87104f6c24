//! The memtable's tree beside a `BTreeMap`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use varve_core::cursor::Cursor;
use varve_core::expiry::{Moment, TimeSource};
use varve_core::internal_key::{pack_trailer, split, KIND_PUT};
use varve_core::memtable::tree::Tree;
use varve_core::memtable::{Found, Memtable, MemtableCursor};

use crate::support::{delete, internal_key, put, record, seed, Random, SeedReport};

type Model = BTreeMap<(Vec<u8>, Reverse<u64>), Vec<u8>>;

#[derive(Default)]
struct Pair {
    model: Model,
    sequence: u64,
}

impl Pair {
    fn insert(&mut self, tree: &mut Tree, user_key: &[u8], value: &[u8]) {
        self.sequence += 1;
        let trailer = pack_trailer(self.sequence, KIND_PUT);
        tree.insert(user_key, trailer, value);
        self.model.insert((user_key.to_vec(), Reverse(trailer)), value.to_vec());
    }

    /// Both ways through the tree.
    fn check_order(&self, tree: &Tree) {
        assert_eq!(tree.len(), self.model.len());
        let mut position = tree.first();
        for ((user_key, Reverse(trailer)), value) in &self.model {
            let entry = tree.entry(position.unwrap());
            assert_eq!((entry.user_key, entry.trailer, entry.value), (user_key.as_slice(), *trailer, value.as_slice()));
            position = tree.after(position.unwrap());
        }
        assert_eq!(position, None);
        let mut position = tree.last();
        for (user_key, Reverse(trailer)) in self.model.keys().rev() {
            let entry = tree.entry(position.unwrap());
            assert_eq!((entry.user_key, entry.trailer), (user_key.as_slice(), *trailer));
            position = tree.before(position.unwrap());
        }
        assert_eq!(position, None);
    }

    fn check_seek(&self, tree: &Tree, user_key: &[u8], trailer: u64) {
        let found = tree.seek(user_key, trailer).map(|position| tree.entry(position));
        let found = found.map(|entry| (entry.user_key.to_vec(), Reverse(entry.trailer)));
        let expected = self.model.range((user_key.to_vec(), Reverse(trailer))..).next().map(|(key, _)| key.clone());
        assert_eq!(found, expected, "{user_key:?}");
    }

    fn check_seeks(&self, tree: &Tree, random: &mut Random, key: impl Fn(&mut Random) -> Vec<u8>) {
        for _ in 0..500 {
            let sequence = random.next() % (self.sequence + 2);
            self.check_seek(tree, &key(random), pack_trailer(sequence, random.pick(&[0, 1, 255])));
        }
        for (user_key, Reverse(trailer)) in self.model.keys().step_by(7) {
            self.check_seek(tree, user_key, *trailer);
            self.check_seek(tree, &[user_key.as_slice(), b"\0"].concat(), u64::MAX);
            self.check_seek(tree, &user_key[..user_key.len() / 2], 0);
        }
    }
}

fn numbered(i: usize) -> Vec<u8> {
    format!("a prefix that all keys share:{i:06}:and a suffix").into_bytes()
}

/// Inserts keys in the order of these numbers.
fn insert_in_order(numbers: &[usize], random: &mut Random) {
    let (mut tree, mut pair) = (Tree::new(0), Pair::default());
    assert!(tree.is_empty() && tree.first().is_none() && tree.last().is_none());
    for &i in numbers {
        pair.insert(&mut tree, &numbered(i), &i.to_le_bytes());
    }
    pair.check_order(&tree);
    let most = numbers.len() + 10;
    pair.check_seeks(&tree, random, |random| numbered(random.below(most)));
    pair.check_seeks(&tree, random, Random::key);
}

#[test]
fn agrees_with_a_map_whatever_the_order_of_inserts() {
    let seed = SeedReport(seed(2));
    let random = &mut Random(seed.0);
    let mut numbers: Vec<usize> = (0..6000).collect();
    insert_in_order(&numbers, random);
    numbers.reverse();
    insert_in_order(&numbers, random);
    random.shuffle(&mut numbers);
    insert_in_order(&numbers, random);
    insert_in_order(&[3; 3000], random);
}

#[test]
fn agrees_with_a_map_on_short_keys() {
    let seed = SeedReport(seed(3));
    let random = &mut Random(seed.0);
    for round in 0..20 {
        let (mut tree, mut pair) = (Tree::new(0), Pair::default());
        for _ in 0..50 << (round % 7) {
            pair.insert(&mut tree, &random.key(), b"");
        }
        pair.check_order(&tree);
        pair.check_seeks(&tree, random, Random::key);
    }
}

/// Each new key shares less with the others, more often than the tree is willing to make its heads anew.
#[test]
fn agrees_with_a_map_while_the_prefix_shrinks() {
    let seed = SeedReport(seed(4));
    let random = &mut Random(seed.0);
    let (mut tree, mut pair) = (Tree::new(0), Pair::default());
    let shared = [b'm'; 200];
    for length in (0..200).rev().step_by(5) {
        for i in 0..60 {
            let mut key = shared[..length].to_vec();
            key.extend(random.pick(&[&b"a"[..], b"z", b"\xff", b"", b"m"]));
            key.extend(format!("{:03}", (i * 37) % 100).as_bytes());
            pair.insert(&mut tree, &key, b"value");
        }
        if length % 4 == 0 {
            pair.check_order(&tree);
        }
    }
    pair.check_order(&tree);
    pair.check_seeks(&tree, random, |random| {
        let mut key = shared[..random.below(201)].to_vec();
        key.extend(random.pick(&[&b"a"[..], b"z", b"\0", b"", b"n"]));
        key
    });
}

#[test]
fn cursors_live_on_while_entries_are_added() {
    let seed = SeedReport(seed(5));
    let random = &mut Random(seed.0);
    let memtable = Arc::new(Memtable::new(0));
    let mut model = BTreeMap::new();
    let mut cursor = MemtableCursor::new(Arc::clone(&memtable));
    for sequence in 1..4000 {
        if random.percent(50) {
            let key = if random.percent(50) { random.key() } else { numbered(random.below(500)) };
            memtable.apply(&record(sequence, &[put(&key, sequence.to_le_bytes())])).unwrap();
            model.insert((key, Reverse(pack_trailer(sequence, KIND_PUT))), sequence);
        }
        let here = cursor.valid().then(|| {
            let (user_key, trailer) = split(cursor.key());
            (user_key.to_vec(), Reverse(trailer))
        });
        let expected = match here {
            Some(here) if random.percent(50) => {
                cursor.next().unwrap();
                model.range((std::ops::Bound::Excluded(here), std::ops::Bound::Unbounded)).next()
            }
            Some(here) => {
                cursor.prev().unwrap();
                model.range(..here).next_back()
            }
            None => {
                cursor.seek(&internal_key(numbered(random.below(500)), 0, 0)).unwrap();
                assert!(cursor.valid() || model.keys().all(|(key, _)| key.as_slice() < &b"a prefix that all keys share:9"[..]));
                continue;
            }
        };
        let found = cursor.valid().then(|| cursor.key().to_vec());
        let expected = expected.map(|((key, Reverse(trailer)), _)| [key.as_slice(), &trailer.to_le_bytes()].concat());
        assert_eq!(found, expected, "at {sequence}");
    }
}

#[test]
fn looks_up_the_newest_visible_version() {
    let memtable = Memtable::new(0);
    assert!(memtable.is_empty());
    memtable.apply(&record(5, &[put("k", "five"), delete("k"), put("k", ""), put("kk", "eight")])).unwrap();
    assert!(!memtable.is_empty() && memtable.size() > 0);
    let time = TimeSource::default();
    let get = |key: &str, sequence| memtable.get(key.as_bytes(), sequence, &Moment::new(&time), <[u8]>::to_vec).unwrap();
    assert_eq!(get("k", 4), Found::Nothing);
    assert_eq!(get("k", 5), Found::Value(b"five".to_vec()));
    assert_eq!(get("k", 6), Found::Tombstone);
    assert_eq!(get("k", 99), Found::Value(Vec::new()));
    assert_eq!(get("kk", 7), Found::Nothing);
    assert_eq!(get("kk", 8), Found::Value(b"eight".to_vec()));
    assert_eq!(get("", 99), Found::Nothing);
    assert_eq!(get("kkk", 99), Found::Nothing);
}

#[test]
fn a_malformed_record_changes_nothing() {
    let memtable = Memtable::new(0);
    let whole = record(1, &[put("a", "1"), delete("b"), put("c", "3")]);
    for end in 0..whole.len() {
        memtable.apply(&whole[..end]).unwrap_err();
        assert!(memtable.is_empty());
    }
    let mut unknown = whole.clone();
    unknown[12] = 3;
    memtable.apply(&unknown).unwrap_err();
    assert!(memtable.is_empty());
    memtable.apply(&whole).unwrap();
    assert_eq!(memtable.get(b"b", 9, &Moment::new(&TimeSource::default()), |_| ()).unwrap(), Found::Tombstone);
}
