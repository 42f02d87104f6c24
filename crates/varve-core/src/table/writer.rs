//! Writes one table. Part of the file format: do not change where blocks are cut.
//!
//! ```text
//! | data block … | filter block | properties block | range deletes | metaindex block | index block | footer (48) |
//! ```
//!
//! Invariants:
//!  1. Entries come in strictly ascending internal key order; anything else means that an input is damaged.
//!  2. A data block is finished when, after an entry was added, its encoded size is at least `block_size`.
//!  3. Where blocks and tables are cut does not depend on the compression.
//!  4. Memory does not grow with the table but for filter and index.

use std::cmp::Ordering;
use std::io::{self, Write};

use super::footer::Footer;
use super::format::{seal_block, BlockHandle, BLOCK_TRAILER_SIZE, PROPERTIES_NAME, RANGE_DELETES_NAME};
use super::properties::{Properties, TableExpiry};
use super::range_deletes::RangeDeletes;
use crate::block::{fingerprint_of, BlockBuilder};
use crate::compression::{BlockCompressor, Compression};
use crate::expiry::split_expiry;
use crate::filter::{FilterBuilder, FilterPolicy, FilterSizing};
use crate::internal_key::{
    self, pack_trailer, END_TRAILER, KIND_DELETE, KIND_PUT_WITH_EXPIRY, KIND_RANGE_DELETE, KIND_VALUE_POINTER,
};
use crate::range_delete::{is_before, RangeDelete};
use crate::varint::MAX_SAFE_INTEGER;
use crate::xxhash64::xx_hash64;

const INDEX_RESTART_INTERVAL: usize = 16;
const META_RESTART_INTERVAL: usize = 1;

/// How tables are written. Integers only: both kernels must cut alike.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// Encoded bytes at which a data block is finished.
    pub block_size: usize,
    /// Entries between two restart points of a data block.
    pub restart_interval: usize,
    /// Kind of the filter.
    pub filter_policy: &'static dyn FilterPolicy,
    /// Thousandths of a filter bit for each distinct user key; 0 leaves the filter out.
    pub filter_milli_bits_per_key: u64,
    /// Bits that the filter sets for each key.
    pub filter_probes: u32,
    /// Bytes at which a compaction starts its next output table, before compression.
    pub table_size: u64,
    /// What data blocks are compressed with.
    pub compression: Compression,
    /// Level of zstd; the others have none.
    pub compression_level: i32,
}

/// Bytes of data blocks without their trailers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataBytes {
    pub raw: u64,
    pub stored: u64,
}

/// A table that was written.
pub struct Written<W> {
    pub out: W,
    /// Bytes of the file.
    pub size: u64,
    pub properties: Properties,
    pub data_bytes: DataBytes,
}

/// Called with the offset and the contents of a data block.
type DataBlockListener = Box<dyn FnMut(u64, &[u8])>;

pub struct TableWriter<W: Write> {
    out: W,
    block_size: usize,
    /// Bytes of finished blocks with their trailers.
    written: u64,
    /// The same before compression.
    written_raw: u64,
    /// Bytes of finished data blocks before and after compression.
    data_bytes: DataBytes,
    compressor: BlockCompressor,
    compressed: bool,
    value_pointers: bool,
    block: BlockBuilder,
    index: BlockBuilder,
    filter: Option<FilterBuilder>,
    properties: Properties,
    last_key: Vec<u8>,
    /// Of the user key of `last_key`.
    fingerprint: u8,
    listener: Option<DataBlockListener>,
}

impl<W: Write> TableWriter<W> {
    pub fn new(out: W, options: &TableOptions, created_at: u64) -> Self {
        let sizing = FilterSizing { milli_bits_per_key: options.filter_milli_bits_per_key, probes: options.filter_probes };
        let filter = (sizing.milli_bits_per_key > 0).then(|| FilterBuilder::new(options.filter_policy, sizing));
        Self {
            out,
            block_size: options.block_size,
            written: 0,
            written_raw: 0,
            data_bytes: DataBytes::default(),
            compressor: BlockCompressor::new(options.compression, options.compression_level),
            compressed: false,
            value_pointers: false,
            block: BlockBuilder::new(options.restart_interval),
            index: BlockBuilder::new(INDEX_RESTART_INTERVAL),
            filter,
            properties: Properties { created_at, smallest_sequence: u64::MAX, ..Properties::default() },
            last_key: Vec::new(),
            fingerprint: 0,
            listener: None,
        }
    }

    /// Has each data block told to a listener, with its offset and its contents before compression, when it is finished.
    pub fn on_data_block(&mut self, listener: impl FnMut(u64, &[u8]) + 'static) {
        self.listener = Some(Box::new(listener));
    }

    /// What decides where a compaction cuts tables: finished blocks, before compression, and the encoded size of the current one.
    pub fn cut_size(&self) -> u64 {
        self.written_raw + self.block.encoded_size() as u64
    }

    /// Bytes of finished blocks as they are stored, and the encoded size of the current one.
    pub fn stored_size(&self) -> u64 {
        self.written + self.block.encoded_size() as u64
    }

    /// Is `key` another version of the user key of the last entry?
    pub fn is_same_user_key(&self, key: &[u8]) -> bool {
        self.properties.entries > 0 && internal_key::user_key(&self.last_key) == internal_key::user_key(key)
    }

    /// Appends an entry; false when its key is not greater than the last one.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> io::Result<bool> {
        let first = self.properties.entries == 0;
        if !first && internal_key::compare(&self.last_key, key) != Ordering::Less {
            return Ok(false);
        }
        if first || !self.is_same_user_key(key) {
            let hash = xx_hash64(internal_key::user_key(key));
            if let Some(filter) = &mut self.filter {
                filter.add(hash);
            }
            self.fingerprint = fingerprint_of(hash);
            self.properties.user_keys += 1;
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.count(key, value, first);
        self.block.add(key, value);
        self.block.add_fingerprint(self.fingerprint);
        if self.block.encoded_size() >= self.block_size {
            self.finish_data_block()?;
        }
        Ok(true)
    }

    fn count(&mut self, key: &[u8], value: &[u8], first: bool) {
        let (_, trailer) = internal_key::split(key);
        self.value_pointers |= trailer as u8 == KIND_VALUE_POINTER;
        let properties = &mut self.properties;
        if first {
            properties.smallest_key = key.to_vec();
        }
        properties.entries += 1;
        properties.tombstones += u64::from(trailer as u8 == KIND_DELETE);
        if trailer as u8 == KIND_PUT_WITH_EXPIRY {
            let expires_at = split_expiry(value).map_or(0, |(expires_at, _)| expires_at.min(MAX_SAFE_INTEGER));
            let TableExpiry { entries, latest } = properties.expiry.unwrap_or(TableExpiry { entries: 0, latest: 0 });
            properties.expiry = Some(TableExpiry { entries: entries + 1, latest: latest.max(expires_at) });
        }
        properties.raw_key_bytes += key.len() as u64;
        properties.raw_value_bytes += value.len() as u64;
        properties.smallest_sequence = properties.smallest_sequence.min(trailer >> 8);
        properties.largest_sequence = properties.largest_sequence.max(trailer >> 8);
    }

    /// Writes what is left and these range deletes, which are fragments in order. There is an entry or a range delete.
    pub fn finish(mut self, range_deletes: &[RangeDelete]) -> io::Result<Written<W>> {
        if self.block.entries() > 0 {
            self.finish_data_block()?;
        }
        self.properties.largest_key = std::mem::take(&mut self.last_key);
        self.count_range_deletes(range_deletes);
        let mut metaindex = BlockBuilder::new(META_RESTART_INTERVAL);
        if let Some(filter) = self.filter.take() {
            metaindex.add(&filter.block_name(), &self.write_raw(filter.finish())?.encode());
        }
        let properties = self.properties.encode();
        metaindex.add(PROPERTIES_NAME, &self.write_raw(properties)?.encode());
        if !range_deletes.is_empty() {
            metaindex.add(RANGE_DELETES_NAME, &self.write_raw(RangeDeletes::encode(range_deletes))?.encode());
        }
        let metaindex = self.write_raw(metaindex.finish())?;
        let index = self.index.finish();
        let index = self.write_raw(index)?;
        let (compressed, value_pointers, fingerprints) = (self.compressed, self.value_pointers, self.properties.entries > 0);
        let range_deletes = !range_deletes.is_empty();
        let footer = Footer { metaindex, index, compressed, range_deletes, value_pointers, fingerprints }.encode();
        self.out.write_all(&footer)?;
        let size = self.written + footer.len() as u64;
        Ok(Written { out: self.out, size, properties: self.properties, data_bytes: self.data_bytes })
    }

    /// Widens the span of the table to that of its range deletes.
    fn count_range_deletes(&mut self, range_deletes: &[RangeDelete]) {
        let (Some(first), Some(last)) = (range_deletes.first(), range_deletes.last()) else { return };
        let internal_key = |user_key: &[u8], trailer: u64| [user_key, &trailer.to_le_bytes()].concat();
        let properties = &mut self.properties;
        let smallest = internal_key(&first.start, pack_trailer(first.sequence, KIND_RANGE_DELETE));
        if properties.entries == 0 || internal_key::compare(&smallest, &properties.smallest_key) == Ordering::Less {
            properties.smallest_key = smallest;
        }
        if properties.entries == 0 || is_before(internal_key::user_key(&properties.largest_key), &last.end) {
            properties.largest_key = internal_key(&last.end, END_TRAILER);
        }
        properties.range_deletes = range_deletes.len() as u64;
        for RangeDelete { sequence, .. } in range_deletes {
            properties.smallest_sequence = properties.smallest_sequence.min(*sequence);
            properties.largest_sequence = properties.largest_sequence.max(*sequence);
        }
    }

    fn finish_data_block(&mut self) -> io::Result<()> {
        let raw = self.block.finish();
        if let Some(listener) = &mut self.listener {
            listener(self.written, &raw);
        }
        self.data_bytes.raw += raw.len() as u64;
        self.written_raw += (raw.len() + BLOCK_TRAILER_SIZE) as u64;
        let id = self.compressor.id();
        let handle = match self.compressor.compress(&raw) {
            Some(stored) => {
                self.compressed = true;
                write_block(&mut self.out, &mut self.written, stored, id)?
            }
            None => self.write_raw(raw)?,
        };
        self.data_bytes.stored += u64::from(handle.size);
        self.index.add(&self.last_key, &handle.encode());
        Ok(())
    }

    fn write_raw(&mut self, mut block: Vec<u8>) -> io::Result<BlockHandle> {
        write_block(&mut self.out, &mut self.written, &mut block, Compression::None.id())
    }
}

/// Writes stored bytes and their trailer at `written`, which moves behind them.
fn write_block(out: &mut impl Write, written: &mut u64, stored: &mut Vec<u8>, compression: u8) -> io::Result<BlockHandle> {
    let handle = BlockHandle { offset: *written, size: stored.len() as u32 };
    seal_block(stored, compression);
    out.write_all(stored)?;
    *written += stored.len() as u64;
    Ok(handle)
}
