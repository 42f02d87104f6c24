//! An engine driven at random beside a model that holds every version of every key: writes, range deletes, flushes, compactions with
//! snapshots, lookups,
//! and scans that live on through all of it.

use std::collections::BTreeMap;

use varve_core::filter::blocked_bloom::BlockedBloom;
use varve_core::filter::bloom::Bloom;
use varve_core::filter::FilterPolicy;
use varve_core::internal_key::{end_of, user_key, KIND_DELETE, KIND_RANGE_DELETE};
use varve_core::range_delete::{is_before, RangeDelete};
use varve_core::{Compression, CursorOptions, Fill, Io, Lookup, ScanCursor, TableOptions, TableSummary};

use crate::support::{
    delete, delete_range, file_names, get, path_of, put, scan_options, seed, unpack, Entry, Operation, Random, SeedReport, Store,
};

/// Sequence number, and the value unless it deletes.
type Version = (u64, Option<Vec<u8>>);

#[derive(Default)]
struct Model {
    /// Of each key, oldest first.
    versions: BTreeMap<Vec<u8>, Vec<Version>>,
    /// Oldest first.
    range_deletes: Vec<RangeDelete>,
}

impl Model {
    fn insert(&mut self, sequence: u64, (kind, key, value): &Operation) {
        if *kind == KIND_RANGE_DELETE {
            self.range_deletes.push(RangeDelete { start: key.clone(), end: value.clone(), sequence });
            return;
        }
        let value = (*kind != KIND_DELETE).then(|| value.clone());
        self.versions.entry(key.clone()).or_default().push((sequence, value));
    }

    fn get(&self, key: &[u8], sequence: u64) -> Option<&Vec<u8>> {
        let (at, value) = self.versions.get(key)?.iter().rfind(|(at, _)| *at <= sequence)?;
        let visible = self.range_deletes.iter().filter(|one| one.sequence <= sequence);
        let hidden = visible.rev().any(|one| one.sequence > *at && one.covers(key));
        value.as_ref().filter(|_| !hidden)
    }

    /// What a scan with these options gives from `from` on.
    fn scan(&self, options: &CursorOptions, from: Option<&Vec<u8>>) -> Vec<Entry> {
        let inside = |key: &Vec<u8>| {
            let started = from.is_none_or(|from| if options.reverse { key <= from } else { key >= from });
            started
                && options.lower.as_ref().is_none_or(|lower| key >= lower)
                && options.upper.as_ref().is_none_or(|upper| key < upper)
        };
        let keys = self.versions.keys().filter(|key| inside(key));
        let live = keys.filter_map(|key| Some((key.clone(), self.get(key, options.sequence)?.clone())));
        let mut entries: Vec<Entry> = live.collect();
        if options.reverse {
            entries.reverse();
        }
        let part = |wanted: bool, bytes: Vec<u8>| if wanted { bytes } else { Vec::new() };
        entries.into_iter().map(|(key, value)| (part(options.keys, key), part(options.values, value))).collect()
    }
}

struct OpenScan {
    cursor: ScanCursor,
    options: CursorOptions,
    /// What is still to come.
    rest: Vec<Entry>,
}

struct Harness<'a> {
    random: &'a mut Random,
    store: Store,
    model: Model,
    sequence: u64,
    snapshots: Vec<u64>,
    /// Newest first.
    memtables: Vec<u64>,
    next_memtable: u64,
    /// Level 0 newest first, the others in key order.
    levels: Vec<Vec<TableSummary>>,
    scans: Vec<OpenScan>,
}

impl<'a> Harness<'a> {
    fn new(random: &'a mut Random) -> Self {
        let table = TableOptions {
            block_size: random.pick(&[1, 64, 256, 4096]),
            restart_interval: 1 + random.below(20),
            filter_policy: random.pick(&[&BlockedBloom as &dyn FilterPolicy, &Bloom]),
            filter_milli_bits_per_key: random.pick(&[0, 1, 2000, 10_000]),
            filter_probes: 1 + random.below(10) as u32,
            table_size: random.pick(&[1, 300, 2000, 100_000]),
            compression: random.pick(&[Compression::None, Compression::Lz4, Compression::Snappy, Compression::Zstd]),
            compression_level: 1 + random.below(4) as i32,
        };
        let store = Store::new(random.pick(&[0, 300, 2000, 1 << 20]), table);
        let levels = vec![Vec::new(); 3];
        let (model, scans) = (Model::default(), Vec::new());
        let (memtables, snapshots) = (Vec::new(), Vec::new());
        let mut harness = Self { random, store, model, sequence: 0, snapshots, memtables, next_memtable: 1, levels, scans };
        harness.freeze();
        harness
    }

    fn install(&self) {
        let levels: Vec<Vec<u64>> = self.levels.iter().map(|level| numbers(level)).collect();
        self.store.engine.install_view(&self.memtables, &levels).unwrap();
    }

    fn write(&mut self) {
        let operations: Vec<Operation> = (0..=self.random.below(20))
            .map(|_| {
                let most = if self.random.percent(5) { 600 } else { 40 };
                let length = self.random.below(most);
                match self.random.below(100) {
                    0..30 => delete(self.random.key()),
                    30..34 => delete_range(self.random.key(), self.random.key()),
                    _ => put(self.random.key(), self.random.bytes(length)),
                }
            })
            .collect();
        self.store.engine.apply(&crate::support::record(self.sequence + 1, &operations)).unwrap();
        for operation in &operations {
            self.sequence += 1;
            self.model.insert(self.sequence, operation);
        }
    }

    fn freeze(&mut self) {
        self.store.engine.create_memtable(self.next_memtable, 1 << 14);
        self.memtables.insert(0, self.next_memtable);
        self.next_memtable += 1;
        self.install();
    }

    fn flush(&mut self) {
        if self.memtables.len() < 2 {
            self.freeze();
        }
        let oldest = self.memtables.pop().unwrap();
        let outputs = self.store.flush(oldest, &self.live_snapshots()).unwrap();
        assert!(outputs.len() <= 1);
        self.levels[0].splice(0..0, outputs);
        self.install();
        self.store.engine.drop_memtable(oldest);
    }

    /// Compacts a level into the next: all of level 0, or one table and what it overlaps.
    fn compact(&mut self) {
        let level = self.random.below(2);
        if self.levels[level].is_empty() {
            return;
        }
        let from = std::mem::take(&mut self.levels[level]);
        let (upper, stay) = if level == 0 {
            (from, Vec::new())
        } else {
            let chosen = self.random.below(from.len());
            let mut stay = from;
            (vec![stay.remove(chosen)], stay)
        };
        let (lower, mut next): (Vec<_>, Vec<_>) = std::mem::take(&mut self.levels[level + 1])
            .into_iter()
            .partition(|table| upper.iter().any(|one| overlap(one, table)));
        let mut runs =
            if level == 0 { numbers(&upper).into_iter().map(|one| vec![one]).collect() } else { vec![numbers(&upper)] };
        runs.push(numbers(&lower));
        let below = self.levels[(level + 2)..].iter().flatten();
        let keep: Vec<_> = below.map(|table| (user_key(&table.smallest_key).to_vec(), end_of(&table.largest_key))).collect();
        let outputs = self.store.compact(runs, &self.live_snapshots(), &keep, level as u32 + 1).unwrap();
        next.extend(outputs);
        next.sort_by(|a, b| user_key(&a.smallest_key).cmp(user_key(&b.smallest_key)));
        assert!(next.windows(2).all(|pair| !is_before(user_key(&pair[1].smallest_key), &end_of(&pair[0].largest_key))));
        self.levels[level] = stay;
        self.levels[level + 1] = next;
        self.install();
        for table in upper.iter().chain(&lower) {
            self.store.engine.drop_tables(&[table.number]);
            std::fs::remove_file(path_of(self.store.path(), table)).unwrap();
        }
    }

    /// Drops what newer range deletes have emptied.
    fn drop_covered(&mut self) {
        let covered = self.store.engine.covered_tables(&self.live_snapshots());
        let is_covered = |table: &TableSummary| covered.contains(&table.number);
        let dropped: Vec<TableSummary> = self.levels.iter().flatten().filter(|table| is_covered(table)).cloned().collect();
        assert_eq!(dropped.len(), covered.len());
        self.levels.iter_mut().for_each(|level| level.retain(|table| !is_covered(table)));
        self.install();
        self.store.engine.drop_tables(&covered);
        dropped.iter().for_each(|table| std::fs::remove_file(path_of(self.store.path(), table)).unwrap());
    }

    fn live_snapshots(&self) -> Vec<u64> {
        let mut snapshots = self.snapshots.clone();
        snapshots.sort_unstable();
        snapshots.dedup();
        snapshots
    }

    /// A sequence number that readers may use.
    fn visible(&mut self) -> u64 {
        let newest = self.sequence;
        let others = [self.snapshots.as_slice(), &[newest]].concat();
        self.random.pick(&others)
    }

    fn lookups(&mut self) {
        for _ in 0..20 {
            let (key, sequence) = (self.random.key(), self.visible());
            let expected = self.model.get(&key, sequence);
            match self.store.engine.reads().get(&key, sequence, Io::None, <[u8]>::to_vec).unwrap() {
                Lookup::Pending => {}
                Lookup::Missing => assert_eq!(None, expected, "{key:?} at {sequence}"),
                Lookup::Found(value) => assert_eq!(Some(&value), expected, "{key:?} at {sequence}"),
            }
            assert_eq!(get(&self.store.engine, &key, sequence).unwrap().as_ref(), expected, "{key:?} at {sequence}");
        }
    }

    fn open_scan(&mut self) {
        let mut bound = || self.random.percent(40).then(|| self.random.key());
        let (lower, upper) = (bound(), bound());
        let options = CursorOptions {
            sequence: self.visible(),
            lower,
            upper,
            reverse: self.random.percent(50),
            keys: !self.random.percent(15),
            values: !self.random.percent(30),
            fill_cache: self.random.percent(50),
        };
        let rest = self.model.scan(&options, None);
        self.scans.push(OpenScan { cursor: self.store.engine.open_cursor(options.clone()), options, rest });
    }

    fn use_scan(&mut self) {
        if self.scans.is_empty() {
            return;
        }
        let chosen = self.random.below(self.scans.len());
        let scan = &mut self.scans[chosen];
        if self.random.percent(25) {
            let key = self.random.key();
            scan.cursor.seek(&key);
            scan.rest = self.model.scan(&scan.options, Some(&key));
        }
        let ended = (0..1 + self.random.below(4)).any(|_| fill(scan, self.random));
        if ended || self.scans.len() > 6 {
            self.scans.remove(chosen);
        }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..30 => self.write(),
            30..34 => self.freeze(),
            34..42 => self.flush(),
            42..49 => self.compact(),
            49 => self.drop_covered(),
            50..54 => self.snapshots.push(self.sequence),
            54..58 if !self.snapshots.is_empty() => {
                let chosen = self.random.below(self.snapshots.len());
                self.snapshots.swap_remove(chosen);
            }
            58..70 => self.lookups(),
            70..80 => self.open_scan(),
            _ => self.use_scan(),
        }
    }
}

/// Fills once and checks every byte; true at the end of the scan.
fn fill(scan: &mut OpenScan, random: &mut Random) -> bool {
    let mut chunk = vec![0; random.pick(&[0, 3, 20, 100, 2000])];
    let mut index = vec![0; 2 * random.pick(&[1, 2, 7, 64])];
    let limit = random.pick(&[1, 3, usize::MAX]);
    let allow_io = random.pick(&[true, false]);
    let size = |entry: &Entry| entry.0.len() + entry.1.len();
    let count = match scan.cursor.fill(&mut chunk, &mut index, limit, allow_io).unwrap() {
        Fill::Entries(count) => count,
        Fill::TooSmall(needed) => {
            assert_eq!(scan.rest.first().map(size), Some(needed));
            assert!(needed > chunk.len());
            return false;
        }
        Fill::Pending => {
            assert!(!allow_io);
            return false;
        }
    };
    assert_eq!(unpack(&chunk, &index, count), scan.rest[..count.min(scan.rest.len())]);
    let room = limit.min(index.len() / 2);
    assert!(count <= room);
    let used: usize = scan.rest.drain(..count).map(|entry| size(&entry)).sum();
    if allow_io && count < room {
        assert!(scan.rest.first().is_none_or(|next| used + size(next) > chunk.len()), "it stopped early");
    }
    count == 0
}

fn numbers(tables: &[TableSummary]) -> Vec<u64> {
    tables.iter().map(|table| table.number).collect()
}

fn overlap(a: &TableSummary, b: &TableSummary) -> bool {
    is_before(user_key(&a.smallest_key), &end_of(&b.largest_key)) && is_before(user_key(&b.smallest_key), &end_of(&a.largest_key))
}

#[test]
fn the_engine_agrees_with_the_model() {
    let seed = SeedReport(seed(6));
    let random = &mut Random(seed.0);
    for _ in 0..25 {
        let mut harness = Harness::new(random);
        for _ in 0..250 {
            harness.step();
        }
        let options = CursorOptions { sequence: harness.sequence, ..scan_options() };
        let entries = crate::support::read_all(&mut harness.store.engine.open_cursor(options.clone())).unwrap();
        assert_eq!(entries, harness.model.scan(&options, None));
        let files = file_names(harness.store.path());
        assert_eq!(files.len(), harness.levels.iter().map(Vec::len).sum::<usize>());
        assert!(files.iter().all(|name| name.ends_with(".sst")));
        harness.scans.clear();
        let stats = harness.store.engine.stats();
        assert_eq!((stats.open_tables, stats.memtables), (files.len() as u64, harness.memtables.len() as u64));
        assert!(stats.cache_bytes <= stats.cache_capacity);
    }
}
