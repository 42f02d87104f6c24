//! Golden vectors: what both kernels must compute and write, byte for byte.
//!
//! The file is made by this test with `VARVE_REWRITE_GOLDEN=1` (then laid out by `npx biome format --write`); otherwise today's code must
//! reproduce it. A difference means that the file format has changed: that needs a new format version, not only new vectors.
//! `__test__/kernel/golden.test.ts` reads the same file.

use std::path::PathBuf;

use serde_json::{json, Value};
use varve_core::compression::{decompress, BlockCompressor, Compression};
use varve_core::filter::blocked_bloom::BlockedBloom;
use varve_core::filter::bloom::Bloom;
use varve_core::filter::FilterPolicy;
use varve_core::internal_key::{KIND_DELETE, KIND_PUT};
use varve_core::primitives::{
    build_filter, crc32, decode_block, encode_block, encode_data_block, filter_may_contain, find_in_block, merge_blocks,
    seek_block, xx_hash64,
};
use varve_core::table::footer::Footer;
use varve_core::table::format::BlockHandle;
use varve_core::{BlobOutput, BlobSpec, Bounds, CompactionJob, FlushJob, JobOutput, TableOptions, TableSummary};

use crate::support::*;

fn vectors_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../__test__/golden/vectors.json")
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Bytes without a pattern, the same in every run.
fn noise(length: usize) -> Vec<u8> {
    Random(length as u64).bytes(length)
}

fn checksums() -> Vec<(Vec<u8>, u32)> {
    let texts = ["", "a", "abc", "123456789"].map(|text| (text.as_bytes().to_vec(), 0));
    let noisy = [1, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 100, 257].map(|length| (noise(length), 0));
    let continued = [(b"56789".to_vec(), crc32(b"1234", 0)), (noise(40), 1), (noise(9), u32::MAX)];
    texts.into_iter().chain(noisy).chain(continued).collect()
}

fn filters() -> Vec<Value> {
    let keys = |count: usize| -> Vec<Vec<u8>> { (0..count).map(|i| format!("key{i}").into_bytes()).collect() };
    let cases =
        [(keys(0), 10_000, 6), (vec![Vec::new()], 1, 1), (keys(40), 10_000, 6), (keys(100), 13_333, 9), (keys(60), 1000, 30)];
    let policies: [&'static dyn FilterPolicy; 2] = [&BlockedBloom, &Bloom];
    let filter = |policy: &'static dyn FilterPolicy, (keys, bits, probes): &(Vec<Vec<u8>>, u64, u32)| {
        let filter = build_filter(policy, &keys.iter().map(Vec::as_slice).collect::<Vec<_>>(), *bits, *probes);
        let probed = (0..30).map(|i| format!("other{i}").into_bytes());
        let passed: Vec<_> = probed.filter(|key| filter_may_contain(policy, &filter, key).unwrap()).map(hex).collect();
        let keys: Vec<_> = keys.iter().map(hex).collect();
        json!({
            "policy": policy.name(),
            "keys": keys,
            "milliBitsPerKey": bits,
            "probes": probes,
            "filter": hex(&filter),
            "passedOf30Others": passed,
        })
    };
    policies.into_iter().flat_map(|policy| cases.iter().map(move |case| filter(policy, case))).collect()
}

/// Internal keys in order, of which every `of`-th belongs to source `source`.
fn block_entries(source: usize, of: usize) -> Vec<Entry> {
    let names = ["", "a", "a\0", "ab", "abc", "abcdefgh", "abcdefghi", "b", "user:1", "user:10", "user:2", "\u{7f}"];
    let mut entries = Vec::new();
    for (i, name) in names.iter().enumerate() {
        for (version, kind) in [(3, KIND_PUT), (2, KIND_DELETE), (1, KIND_PUT)] {
            let value = if kind == KIND_PUT { noise(i * version as usize * 5 % 140) } else { Vec::new() };
            entries.push((internal_key(name, i as u64 * 1000 + version, kind), value));
        }
    }
    entries.push((internal_key([0xff; 3], (1 << 53) - 1, KIND_PUT), b"last".to_vec()));
    entries.into_iter().enumerate().filter(|(i, _)| i % of == source).map(|(_, entry)| entry).collect()
}

fn encoded(entries: &[Entry], restart_interval: usize) -> Vec<u8> {
    let borrowed: Vec<_> = entries.iter().map(|(key, value)| (key.as_slice(), value.as_slice())).collect();
    encode_block(&borrowed, restart_interval)
}

fn pair(entry: &Entry) -> Value {
    json!([hex(&entry.0), hex(&entry.1)])
}

fn blocks() -> Value {
    let entries = block_entries(0, 1);
    let intervals: serde_json::Map<_, _> =
        [1, 2, 3, 16, 100].into_iter().map(|interval| (interval.to_string(), json!(hex(encoded(&entries, interval))))).collect();
    let block = encoded(&entries, 3);
    assert_eq!(decode_block(&block).unwrap(), entries);
    let targets =
        [internal_key("", 9, 255), internal_key("a", 1002, 0), internal_key("abcd", 1, 1), internal_key([0xff; 4], 1, 1)];
    let seek =
        |target: Vec<u8>| json!({ "target": hex(&target), "found": seek_block(&block, &target).unwrap().as_ref().map(pair) });
    let borrowed: Vec<_> = entries.iter().map(|(key, value)| (key.as_slice(), value.as_slice())).collect();
    let data_block = encode_data_block(&borrowed, 3);
    assert_eq!(decode_block(&data_block).unwrap(), entries);
    let find = |target: Vec<u8>| {
        let found = find_in_block(&data_block, &target).unwrap();
        assert_eq!(found, find_in_block(&block, &target).unwrap());
        json!({ "target": hex(&target), "found": found.as_ref().map(pair) })
    };
    let sought =
        [internal_key("a", 1002, 255), internal_key("a", 1, 0), internal_key("abcd", 1, 1), internal_key([0xff; 3], 1 << 53, 1)];
    json!({
        "entries": entries.iter().map(pair).collect::<Vec<_>>(),
        "blockByRestartInterval": intervals,
        "dataBlockAtInterval3": hex(&data_block),
        "foundInDataBlock": sought.map(find).to_vec(),
        "empty": hex(encoded(&[], 16)),
        "seeksAtInterval3": targets.map(seek).to_vec(),
    })
}

fn merge() -> Value {
    let sources: Vec<_> = (0..3).map(|source| encoded(&block_entries(source, 3), 4)).collect();
    let merged = merge_blocks(&sources.iter().map(Vec::as_slice).collect::<Vec<_>>(), 5).unwrap();
    assert_eq!(decode_block(&merged).unwrap(), block_entries(0, 1));
    json!({ "restartInterval": 5, "blocks": sources.iter().map(hex).collect::<Vec<_>>(), "merged": hex(merged) })
}

fn footer() -> Value {
    let (metaindex, index) =
        (BlockHandle { offset: 0x12_3456_789a, size: 77 }, BlockHandle { offset: 5_000_000_000, size: u32::MAX });
    let bytes = |compressed, range_deletes| {
        hex(Footer { metaindex, index, compressed, range_deletes, value_pointers: false, fingerprints: false }.encode())
    };
    let handle = |handle: BlockHandle| json!({ "offset": handle.offset, "size": handle.size });
    json!({
        "metaindex": handle(metaindex), "index": handle(index), "footer": bytes(false, false), "compressedFooter": bytes(true, false),
        "footerWithRangeDeletes": bytes(false, true), "footerWithBoth": bytes(true, true),
    })
}

/// Stored bytes of each codec and the blocks they stand for. Encoders may change, so the bytes are not made anew: they are those of the
/// file, and must be decoded for ever. A file without them gets what today's encoders make.
fn compression() -> Value {
    let known = std::fs::read_to_string(vectors_path()).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    if let Some(stored) = known.and_then(|vectors| vectors.get("compression").cloned()) {
        return stored;
    }
    let words: Vec<u8> =
        (0..150).flat_map(|i| format!("{{\"id\":{},\"name\":\"user {}\"}},", i * 37 % 101, i % 7).into_bytes()).collect();
    let runs: Vec<u8> = [vec![7; 1000], noise(40), vec![0; 300], noise(40)].concat();
    let encoded = block_entries(0, 1);
    let raws = [encode_blocks_of(&encoded), words, runs, b"a".repeat(70_000)];
    let codecs = [Compression::Lz4, Compression::Snappy, Compression::Zstd];
    let pair = |codec: Compression, raw: &Vec<u8>| {
        let mut compressor = BlockCompressor::new(codec, 3);
        let stored = compressor.compress(raw).map(hex);
        stored.map(|stored| json!({ "id": codec.id(), "length": raw.len(), "xxHash64": format!("{:016x}", xx_hash64(raw)), "stored": stored }))
    };
    codecs.iter().flat_map(|&codec| raws.iter().filter_map(move |raw| pair(codec, raw))).collect()
}

/// A block that has patterns: the same entries under other keys.
fn encode_blocks_of(entries: &[Entry]) -> Vec<u8> {
    [encoded(entries, 4), encoded(entries, 2)].concat()
}

/// Names and bytes of tables that a job wrote, with what it says of them.
fn outputs(store: &Store, tables: &[TableSummary]) -> Value {
    let output = |table: &TableSummary| {
        let path = path_of(store.path(), table);
        let mut output = json!({
            "name": path.file_name().unwrap().to_str(),
            "bytes": hex(std::fs::read(&path).unwrap()),
            "summary": {
                "number": table.number,
                "birthLevel": table.birth_level,
                "createdAt": table.created_at.to_string(),
                "size": table.size,
                "entries": table.entries,
                "tombstones": table.tombstones,
            "rangeDeletes": table.range_deletes,
                "smallestSequence": table.smallest_sequence,
                "largestSequence": table.largest_sequence,
                "smallestKey": hex(&table.smallest_key),
                "largestKey": hex(&table.largest_key),
                "rawDataBytes": table.raw_data_bytes,
                "storedDataBytes": table.stored_data_bytes,
            },
        });
        if let Some(expiry) = &table.expiry {
            output["summary"]["expiry"] = json!({ "entries": expiry.entries, "latest": expiry.latest });
        }
        output
    };
    tables.iter().map(output).collect()
}

/// WAL records of two memtables: the second deletes and replaces some of the first.
fn memtables() -> [Vec<Vec<u8>>; 2] {
    let first: Vec<_> = (0..50).map(|i| put(format!("user:{:03}", i * 7 % 50), noise(i % 45))).collect();
    let second: Vec<_> = (0..50)
        .map(|i| {
            let key = format!("user:{:03}", i * 3 % 60);
            if i % 3 == 0 {
                delete(key)
            } else {
                put(key, format!("newer {i}"))
            }
        })
        .collect();
    let others = [put("", "the empty key"), put([0xff; 20], ""), delete("gone"), put("versions", "1"), put("versions", "2")];
    [vec![record(1, &first), record(51, &others)], vec![record(56, &second), record(106, &[put("versions", "3")])]]
}

/// As [`memtables`], with range deletes: within a memtable, over the other one, nested, touching, and to the end of all keys.
fn memtables_with_range_deletes() -> [Vec<Vec<u8>>; 2] {
    let [mut first, mut second] = memtables();
    first.push(record(110, &[delete_range("user:010", "user:020"), put("user:012", "again"), delete_range([0xff], "")]));
    let nested = [delete_range("", "user:05"), delete_range("user:002", "user:040"), put("user:033", "alive")];
    second.push(record(113, &nested));
    second.push(record(116, &[delete_range("user:040", "user:045"), delete_range("x", "x"), delete_range("versions", "")]));
    [first, second]
}

/// Entries that have expired at the time of the jobs and others that have not: over each other, over plain puts, and under deletes.
fn memtables_with_expiry() -> [Vec<Vec<u8>>; 2] {
    let now = CREATED_AT / 1_000_000;
    let expiry = |i: usize| [now - 1, now, now + 1, now + 1000 * i as u64, u64::MAX][i % 5];
    let first: Vec<_> = (0..30)
        .map(|i| {
            let (key, value) = (format!("user:{:03}", i * 7 % 40), noise(20 + i % 45));
            if i % 3 == 0 {
                put(key, value)
            } else {
                put_with_expiry(key, value, expiry(i))
            }
        })
        .collect();
    let second: Vec<_> = (0..30)
        .map(|i| {
            let key = format!("user:{:03}", i * 3 % 45);
            match i % 4 {
                0 => delete(key),
                1 => put(key, format!("newer {i}")),
                _ => put_with_expiry(key, noise(40 + i % 20), expiry(i)),
            }
        })
        .collect();
    let many = [put_with_expiry("versions", "1", now), put("versions", "2"), put_with_expiry("versions", "", now)];
    [vec![record(1, &first), record(31, &many)], vec![record(34, &second), record(64, &[delete_range("user:01", "user:015")])]]
}

fn jobs(memtables: [Vec<Vec<u8>>; 2], flush_snapshots: &[u64], snapshots: Vec<u64>) -> Value {
    let table = TableOptions { table_size: 1500, block_size: 400, ..table_options() };
    let store = Store::new(0, table.clone());
    let mut flushes = Vec::new();
    for (i, records) in memtables.iter().enumerate() {
        store.engine.create_memtable(i as u64, 1 << 16);
        records.iter().for_each(|record| store.engine.apply(record).unwrap());
        let output = job_output(store.path(), 0, 10 + i as u64, table.clone());
        let job = FlushJob { memtable: i as u64, snapshots: flush_snapshots.to_vec(), output };
        let tables = store.engine.flush(&job, &quiet()).unwrap();
        store.open(&tables).unwrap();
        let records: Vec<_> = records.iter().map(hex).collect();
        flushes.push(
            json!({ "records": records, "snapshots": flush_snapshots, "number": 10 + i, "outputs": outputs(&store, &tables) }),
        );
    }
    let (runs, keep) = (vec![vec![11], vec![10]], vec![(b"user:003".to_vec(), b"user:030\0".to_vec())]);
    let output = job_output(store.path(), 1, 20, table);
    let job = CompactionJob {
        runs: runs.clone(),
        snapshots: snapshots.clone(),
        keep_tombstones: keep.clone(),
        bounds: Bounds::default(),
        cuts: vec![],
        output,
    };
    let tables = store.engine.compact(&job, &quiet()).unwrap();
    assert!(tables.len() > 1);
    json!({
        "createdAt": CREATED_AT.to_string(),
        "options": {
            "blockSize": store.table.block_size,
            "restartInterval": store.table.restart_interval,
            "filterPolicy": store.table.filter_policy.name(),
            "filterMilliBitsPerKey": store.table.filter_milli_bits_per_key,
            "filterProbes": store.table.filter_probes,
            "tableSize": store.table.table_size,
            "compression": store.table.compression.id(),
            "compressionLevel": store.table.compression_level,
        },
        "flushes": flushes,
        "compaction": {
            "runs": runs,
            "snapshots": snapshots,
            "keepTombstones": keep.iter().map(|(smallest, largest)| json!([hex(smallest), hex(largest)])).collect::<Vec<_>>(),
            "level": 1,
            "number": 20,
            "outputs": outputs(&store, &tables),
        },
    })
}

/// A flush that moves values out to a blob file, and a compaction that takes some of them out of it again.
fn blobs() -> Value {
    let table = TableOptions { table_size: 700, block_size: 200, ..table_options() };
    let store = Store::new(0, table.clone());
    let records: Vec<_> = memtables().into_iter().flatten().collect();
    store.engine.create_memtable(1, 1 << 16);
    records.iter().for_each(|record| store.engine.apply(record).unwrap());
    let blobs = |threshold, file_size, first_number, collect: &[u64]| BlobOutput {
        directory: store.path().to_path_buf(),
        threshold,
        file_size,
        first_number,
        number_count: 20,
        collect: collect.to_vec(),
        salvage: false,
    };
    let read = |number: u64| hex(std::fs::read(store.path().join(format!("{number:06}.blob"))).unwrap());
    let references = |tables: &[TableSummary]| tables.iter().map(|table| json!(table.blob_references)).collect::<Value>();
    let output = JobOutput { blobs: Some(blobs(16, 1 << 20, 40, &[])), ..job_output(store.path(), 0, 10, table.clone()) };
    let flushed = store.engine.flush(&FlushJob { memtable: 1, snapshots: vec![30], output }, &quiet()).unwrap();
    store.open(&flushed).unwrap();
    let (path, size) = (store.path().join("000040.blob"), std::fs::metadata(store.path().join("000040.blob")).unwrap().len());
    store.engine.add_blobs(vec![BlobSpec { number: 40, path, size }]);
    let output = JobOutput { blobs: Some(blobs(30, 300, 50, &[40])), ..job_output(store.path(), 1, 20, table) };
    let job = CompactionJob {
        runs: vec![vec![10]],
        snapshots: vec![],
        keep_tombstones: vec![],
        bounds: Bounds::default(),
        cuts: vec![],
        output,
    };
    let compacted = store.engine.compact(&job, &quiet()).unwrap();
    assert!(compacted.len() > 1 && compacted.iter().any(|table| table.blob_references.iter().any(|&(file, _)| file > 50)));
    let files: Vec<u64> = (50..70).filter(|number| store.path().join(format!("{number:06}.blob")).exists()).collect();
    json!({
        "records": records.iter().map(hex).collect::<Vec<_>>(),
        "flush": { "outputs": outputs(&store, &flushed), "references": references(&flushed), "files": [read(40)] },
        "compaction": {
            "outputs": outputs(&store, &compacted),
            "references": references(&compacted),
            "files": files.into_iter().map(read).collect::<Vec<_>>(),
        },
    })
}

fn vectors() -> Value {
    let crc =
        |(input, initial): &(Vec<u8>, u32)| json!({ "input": hex(input), "initial": initial, "crc32": crc32(input, *initial) });
    let hash = |(input, _): &(Vec<u8>, u32)| json!({ "input": hex(input), "xxHash64": format!("{:016x}", xx_hash64(input)) });
    json!({
        "crc32": checksums().iter().map(crc).collect::<Vec<_>>(),
        "xxHash64": checksums().iter().map(hash).collect::<Vec<_>>(),
        "filters": filters(),
        "blocks": blocks(),
        "merge": merge(),
        "footer": footer(),
        "jobs": jobs(memtables(), &[54], vec![20, 70]),
        "rangeDeletes": jobs(memtables_with_range_deletes(), &[54, 114], vec![20, 70, 114]),
        "expiry": jobs(memtables_with_expiry(), &[32], vec![20, 32, 40]),
        "compression": compression(),
        "blobs": blobs(),
    })
}

#[test]
fn checksums_agree_with_published_answers() {
    assert_eq!(crc32(b"123456789", 0), 0xcbf4_3926);
    assert_eq!(crc32(b"", 0), 0);
    assert_eq!(crc32(b"The quick brown fox jumps over the lazy dog", 0), 0x414f_a339);
    assert_eq!(xx_hash64(b""), 0xef46_db37_51d8_e999);
    assert_eq!(xx_hash64(b"a"), 0xd24e_c4f1_a98c_6e5b);
    assert_eq!(xx_hash64(b"abc"), 0x44bc_2cf5_ad77_0999);
}

#[test]
fn golden_blocks_are_decompressed() {
    let text = std::fs::read_to_string(vectors_path()).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let cases = golden["compression"].as_array().unwrap();
    assert!(cases.len() > 9);
    for case in cases {
        let stored = unhex(case["stored"].as_str().unwrap());
        let raw = decompress(case["id"].as_u64().unwrap() as u8, &stored).unwrap();
        assert_eq!(raw.len() as u64, case["length"].as_u64().unwrap());
        assert_eq!(format!("{:016x}", xx_hash64(&raw)), case["xxHash64"].as_str().unwrap());
    }
}

#[test]
fn todays_code_reproduces_the_golden_vectors() {
    let vectors = vectors();
    if std::env::var("VARVE_REWRITE_GOLDEN").is_ok_and(|value| value == "1") {
        let path = vectors_path();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, serde_json::to_string_pretty(&vectors).unwrap().replace("  ", "\t") + "\n").unwrap();
    }
    let text = std::fs::read_to_string(vectors_path()).unwrap();
    assert!(text.len() < 180_000, "{} bytes", text.len());
    let golden: Value = serde_json::from_str(&text).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&vectors), names(&golden));
    for name in names(&golden) {
        assert!(vectors[&name] == golden[&name], "\"{name}\" differs from the golden vectors");
    }
}
