//! What the suites share: seeded randomness, WAL records, internal keys, table options, and engines in a directory of their own.

use std::path::{Path, PathBuf};

use varve_core::file_cache::FileCache;
use varve_core::filter::blocked_bloom::BlockedBloom;
use varve_core::internal_key::{pack_trailer, KIND_DELETE, KIND_PUT, KIND_PUT_WITH_EXPIRY, KIND_RANGE_DELETE};
use varve_core::varint::write_varint;
use varve_core::{
    Bounds, CompactionJob, Compression, CursorOptions, Engine, EngineOptions, Error, Fill, FlushJob, Io, JobControl, JobOutput,
    Lookup, Result, ScanCursor, TableOptions, TableSpec, TableSummary,
};

pub const NEWEST: u64 = u64::MAX >> 8;
pub const CREATED_AT: u64 = 1_700_000_000_000_000_000;

pub type Entry = (Vec<u8>, Vec<u8>);
/// Kind, key and value; of a range delete start and end.
pub type Operation = (u8, Vec<u8>, Vec<u8>);

/// The seed of a suite: `VARVE_SEED`, else the one given.
pub fn seed(default: u64) -> u64 {
    std::env::var("VARVE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(default)
}

/// Prints the seed when the test that holds it fails.
pub struct SeedReport(pub u64);

impl Drop for SeedReport {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with VARVE_SEED={}", self.0);
        }
    }
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 … end − 1
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Keys that collide often: short, over few bytes, with prefixes of each other and 0xff.
    pub fn key(&mut self) -> Vec<u8> {
        (0..self.below(5)).map(|_| self.pick(&[0, 1, b'a', b'b', 0xff])).collect()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// One batch in WAL format.
pub fn record(sequence: u64, operations: &[Operation]) -> Vec<u8> {
    let mut bytes = sequence.to_le_bytes().to_vec();
    bytes.extend((operations.len() as u32).to_le_bytes());
    for (kind, key, value) in operations {
        bytes.push(*kind);
        for part in [key, value] {
            write_varint(&mut bytes, part.len() as u64);
            bytes.extend(part);
        }
    }
    bytes
}

pub fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Operation {
    (KIND_PUT, key.as_ref().to_vec(), value.as_ref().to_vec())
}

pub fn delete(key: impl AsRef<[u8]>) -> Operation {
    (KIND_DELETE, key.as_ref().to_vec(), Vec::new())
}

/// `expires_at` is in milliseconds since the epoch.
pub fn put_with_expiry(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, expires_at: u64) -> Operation {
    (KIND_PUT_WITH_EXPIRY, key.as_ref().to_vec(), [&expires_at.to_le_bytes()[..], value.as_ref()].concat())
}

/// With an empty end: to the end of all keys.
pub fn delete_range(start: impl AsRef<[u8]>, end: impl AsRef<[u8]>) -> Operation {
    (KIND_RANGE_DELETE, start.as_ref().to_vec(), end.as_ref().to_vec())
}

pub fn internal_key(user_key: impl AsRef<[u8]>, sequence: u64, kind: u8) -> Vec<u8> {
    [user_key.as_ref(), &pack_trailer(sequence, kind).to_le_bytes()].concat()
}

pub fn table_options() -> TableOptions {
    TableOptions {
        block_size: 256,
        restart_interval: 4,
        filter_policy: &BlockedBloom,
        filter_milli_bits_per_key: 10_000,
        filter_probes: 6,
        table_size: 2048,
        compression: Compression::None,
        compression_level: 3,
    }
}

pub fn job_output(directory: &Path, level: u32, first_number: u64, table: TableOptions) -> JobOutput {
    JobOutput {
        directory: directory.to_path_buf(),
        level,
        first_number,
        number_count: 1000,
        created_at: CREATED_AT,
        table,
        blobs: None,
    }
}

pub fn path_of(directory: &Path, summary: &TableSummary) -> PathBuf {
    directory.join(format!("{}_{:06}_{:020}.sst", summary.birth_level, summary.number, summary.created_at))
}

pub fn spec(directory: &Path, summary: &TableSummary) -> TableSpec {
    TableSpec { number: summary.number, path: path_of(directory, summary), size: summary.size, lazy: None }
}

pub fn quiet() -> JobControl {
    JobControl::new(|_, _| {})
}

pub fn file_names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn get(engine: &Engine, key: &[u8], sequence: u64) -> Result<Option<Vec<u8>>> {
    match engine.reads().get(key, sequence, Io::Cache, <[u8]>::to_vec)? {
        Lookup::Found(value) => Ok(Some(value)),
        Lookup::Missing => Ok(None),
        Lookup::Pending => panic!("a read that may touch the disk never waits"),
    }
}

pub fn scan_options() -> CursorOptions {
    CursorOptions { sequence: NEWEST, keys: true, values: true, fill_cache: true, ..CursorOptions::default() }
}

/// Takes the entries of a chunk.
pub fn unpack(chunk: &[u8], index: &[u32], count: usize) -> Vec<Entry> {
    let mut at = 0;
    (0..count)
        .map(|i| {
            let (key_end, value_end) = (index[2 * i] as usize, index[2 * i + 1] as usize);
            let entry = (chunk[at..key_end].to_vec(), chunk[key_end..value_end].to_vec());
            at = value_end;
            entry
        })
        .collect()
}

/// Reads a scan to its end; chunks that are too small grow.
pub fn read_all(cursor: &mut ScanCursor) -> Result<Vec<Entry>> {
    let (mut chunk, mut index) = (vec![0; 512], [0; 64]);
    let mut entries = Vec::new();
    loop {
        match cursor.fill(&mut chunk, &mut index, usize::MAX, true)? {
            Fill::Entries(0) => return Ok(entries),
            Fill::Entries(count) => entries.extend(unpack(&chunk, &index, count)),
            Fill::TooSmall(size) => chunk.resize(size, 0),
            Fill::Pending => panic!("a scan that may touch the disk never waits"),
        }
    }
}

pub fn is_corruption(error: &Error, file: &Path) -> bool {
    matches!(error, Error::Corruption { path: Some(path), offset: Some(_), .. } if path == file)
}

/// An engine whose tables lie in a directory that goes away with it.
pub struct Store {
    pub engine: Engine,
    pub directory: tempfile::TempDir,
    pub table: TableOptions,
    next_number: u64,
}

impl Store {
    pub fn new(cache_bytes: usize, table: TableOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { engine: Engine::new(EngineOptions { cache_bytes, ..EngineOptions::default() }), directory, table, next_number: 1 }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A job's output with numbers of its own.
    pub fn output(&mut self, level: u32) -> JobOutput {
        self.next_number += 1000;
        job_output(self.directory.path(), level, self.next_number, self.table.clone())
    }

    /// Fills the memtable `id` with one record.
    pub fn fill(&self, id: u64, sequence: u64, operations: &[Operation]) {
        self.engine.create_memtable(id, 1 << 16);
        self.engine.apply(&record(sequence, operations)).unwrap();
    }

    /// Flushes a memtable and opens what comes of it.
    pub fn flush(&mut self, memtable: u64, snapshots: &[u64]) -> Result<Vec<TableSummary>> {
        let job = FlushJob { memtable, snapshots: snapshots.to_vec(), output: self.output(0) };
        let outputs = self.engine.flush(&job, &quiet())?;
        self.open(&outputs)?;
        Ok(outputs)
    }

    /// One table of these operations, as number `sequence` and following; opened.
    pub fn table_of(&mut self, sequence: u64, operations: &[Operation]) -> TableSummary {
        self.fill(0, sequence, operations);
        let every: Vec<u64> = (sequence..sequence + operations.len() as u64).collect();
        let mut outputs = self.flush(0, &every).unwrap();
        self.engine.drop_memtable(0);
        outputs.remove(0)
    }

    pub fn compact(
        &mut self,
        runs: Vec<Vec<u64>>,
        snapshots: &[u64],
        keep_tombstones: &[(Vec<u8>, Vec<u8>)],
        level: u32,
    ) -> Result<Vec<TableSummary>> {
        let output = self.output(level);
        let job = CompactionJob {
            runs,
            snapshots: snapshots.to_vec(),
            keep_tombstones: keep_tombstones.to_vec(),
            bounds: Bounds::default(),
            cuts: vec![],
            output,
        };
        let outputs = self.engine.compact(&job, &quiet())?;
        self.open(&outputs)?;
        Ok(outputs)
    }

    pub fn open(&self, tables: &[TableSummary]) -> Result<()> {
        let specs: Vec<_> = tables.iter().map(|table| spec(self.path(), table)).collect();
        self.engine.open_tables(&specs)
    }
}

/// For tables that are opened without an engine.
pub fn files() -> std::sync::Arc<FileCache> {
    std::sync::Arc::new(FileCache::new(16))
}
