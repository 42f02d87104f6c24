//! The measurements.

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::{Duration, Instant};

use varve_core::block::Block;
use varve_core::block_source::{read_block, resident, BlockSource, CachedBlocks};
use varve_core::cache::{BlockCache, Hint};
use varve_core::compression::Compression;
use varve_core::cursor::Cursor;
use varve_core::file_cache::FileCache;
use varve_core::filter::blocked_bloom::BlockedBloom;
use varve_core::internal_key::{pack_trailer, KIND_PUT};
use varve_core::read_ahead::ReadAhead;
use varve_core::stats::Counters;
use varve_core::table::format::{open_meta_block, BlockHandle, BLOCK_TRAILER_SIZE};
use varve_core::table::{Resident, Table, TableCursor, TableOptions, TableWriter, Written};
use varve_core::{Io, Result, TableSpec};

use super::os::{forget, DirectFile, Map};

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const VALUE_SIZE: usize = 100;
const RUNS: usize = 7;
/// Random blocks of one run: cold ones are slower, and must not repeat too often.
const WARM_READS: usize = 20_000;
const COLD_READS: usize = 1_000;

pub fn measure(mebibytes: usize) -> Outcome<()> {
    let directory = tempfile::tempdir_in(".")?;
    let path = directory.path().join("table");
    let size = write(&path, mebibytes << 20)?;
    let table =
        Arc::new(Table::open(&TableSpec { number: 1, path: path.clone(), size, lazy: None }, &Arc::new(FileCache::new(16)))?);
    println!("one table of {} MiB, {} blocks; medians of {RUNS} runs\n", size >> 20, table.load()?.index.len());
    scans(&table)?;
    random_blocks(&table)
}

fn write(path: &Path, bytes: usize) -> Outcome<u64> {
    let options = TableOptions {
        block_size: 4 << 10,
        restart_interval: 8,
        compression: Compression::None,
        compression_level: 0,
        filter_policy: &BlockedBloom,
        filter_milli_bits_per_key: 0,
        filter_probes: 1,
        table_size: u64::MAX,
    };
    let mut writer = TableWriter::new(File::create(path)?, &options, 1);
    let mut value = [0; VALUE_SIZE];
    for i in 0..(bytes / (VALUE_SIZE + 16)) as u64 {
        let mut key = format!("{i:016}").into_bytes();
        key.extend_from_slice(&pack_trailer(i + 1, KIND_PUT).to_le_bytes());
        value[..8].copy_from_slice(&i.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
        writer.add(&key, &value)?;
    }
    let Written { out: file, size, .. } = writer.finish(&[])?;
    file.sync_all()?;
    Ok(size)
}

/// Blocks one by one, as before there was reading ahead.
struct OneByOne {
    cache: BlockCache,
    counters: Counters,
}

impl BlockSource for OneByOne {
    fn resident<'a>(&self, table: &'a Table) -> Result<&'a Resident> {
        resident(table, Io::Pass)
    }

    fn block(&mut self, table: &Table, position: usize) -> Result<Block> {
        read_block(table, table.load()?.index.handle(position), &self.cache, &self.counters, Io::Pass)
    }
}

fn scans(table: &Arc<Table>) -> Outcome<()> {
    for cold in [false, true] {
        let megabytes = table.size as f64 / 1e6;
        let report = |name: &str, time: Duration| {
            println!("scan, {}, {name}: {:.0} MB/s", state(cold), megabytes / time.as_secs_f64());
        };
        report(
            "one by one",
            median(table, cold, || scan(table, OneByOne { cache: BlockCache::new(0), counters: Counters::default() }))?,
        );
        let ahead = || CachedBlocks {
            cache: Arc::new(BlockCache::new(0)),
            counters: Arc::default(),
            cache_only: Arc::new(AtomicBool::new(false)),
            fill_cache: false,
            ahead: ReadAhead::default(),
        };
        report("reading ahead", median(table, cold, || scan(table, ahead()))?);
    }
    Ok(())
}

fn scan(table: &Arc<Table>, source: impl BlockSource) -> Outcome<()> {
    let mut cursor = TableCursor::new(Arc::clone(table), source);
    cursor.seek_to_first()?;
    while cursor.valid() {
        black_box(cursor.value());
        cursor.next()?;
    }
    Ok(())
}

fn random_blocks(table: &Arc<Table>) -> Outcome<()> {
    let file = File::open(table.path())?;
    let cache = filled_cache(table)?;
    let mut direct = DirectFile::open(table.path())?;
    let map = || Map::of(&file, table.size as usize);
    let verify = |sealed: &[u8], handle: BlockHandle| -> Outcome<()> {
        // The table is not compressed: its data blocks are used where they lie, as others always are.
        black_box(open_meta_block(sealed, table.path(), handle.offset)?);
        Ok(())
    };
    for cold in [false, true] {
        let handles = random_handles(table, if cold { COLD_READS } else { WARM_READS })?;
        let report = |name: &str, work: &mut dyn FnMut() -> Outcome<()>| -> Outcome<()> {
            let micros = median(table, cold, work)?.as_secs_f64() * 1e6 / handles.len() as f64;
            println!("random block, {}, {name}: {micros:.2} µs", state(cold));
            Ok(())
        };
        if !cold {
            report("block cache", &mut || {
                handles.iter().for_each(|handle| drop(black_box(cache.get(table.number, handle.offset, &Hint::default()))));
                Ok(())
            })?;
        }
        report("pread", &mut || {
            for &handle in &handles {
                black_box(table.file.read_data_block(handle, Io::Pass)?);
            }
            Ok(())
        })?;
        // Mapped anew for each run: what is mapped cannot be taken out of the page cache.
        report("mmap, verified each time", &mut || {
            let map = map()?;
            handles.iter().try_for_each(|&handle| verify(mapped(&map, handle), handle))
        })?;
        report("mmap, not verified", &mut || {
            let map = map()?;
            handles.iter().for_each(|&handle| touch(mapped(&map, handle)));
            Ok(())
        })?;
        report("direct I/O", &mut || {
            let read =
                |&handle: &BlockHandle| verify(direct.read(handle.offset, handle.size as usize + BLOCK_TRAILER_SIZE)?, handle);
            handles.iter().try_for_each(read)
        })?;
    }
    Ok(())
}

/// A cache with all blocks of the table.
fn filled_cache(table: &Table) -> Outcome<BlockCache> {
    let cache = BlockCache::new(2 * table.size as usize);
    let index = &table.load()?.index;
    for position in 0..index.len() {
        let handle = index.handle(position);
        cache.insert(table.number, handle.offset, &table.file.read_data_block(handle, Io::Pass)?);
    }
    Ok(cache)
}

fn random_handles(table: &Table, count: usize) -> Outcome<Vec<BlockHandle>> {
    let index = &table.load()?.index;
    let mut state = 1u64;
    Ok((0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            index.handle((state >> 33) as usize % index.len())
        })
        .collect())
}

fn mapped(map: &Map, handle: BlockHandle) -> &[u8] {
    &map.bytes()[handle.offset as usize..handle.end() as usize]
}

/// As a binary search would, on a few pages of the block.
fn touch(block: &[u8]) {
    for at in (0..block.len()).step_by(4096) {
        black_box(block[at]);
    }
}

fn state(cold: bool) -> &'static str {
    if cold {
        "cold"
    } else {
        "warm"
    }
}

fn median(table: &Table, cold: bool, mut work: impl FnMut() -> Outcome<()>) -> Outcome<Duration> {
    let file = File::open(table.path())?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        if cold {
            forget(&file)?;
        }
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times[RUNS / 2])
}
