//! The kernels one by one, on whole buffers: for tests, and for benchmarks that compare the two languages.

use crate::block::{fingerprint_of, Block, BlockBuilder, BlockCursor, KeyOrder};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::filter::{FilterBuilder, FilterPolicy, FilterSizing};
use crate::internal_key::user_key;
use crate::merge::MergeCursor;

pub use crate::crc32::crc32;
pub use crate::xxhash64::xx_hash64;

/// Contents of a filter block over distinct keys.
pub fn build_filter(policy: &'static dyn FilterPolicy, keys: &[&[u8]], milli_bits_per_key: u64, probes: u32) -> Vec<u8> {
    let mut builder = FilterBuilder::new(policy, FilterSizing { milli_bits_per_key, probes });
    keys.iter().for_each(|key| builder.add(xx_hash64(key)));
    builder.finish()
}

/// May the filter block hold this key?
pub fn filter_may_contain(policy: &dyn FilterPolicy, block: &[u8], key: &[u8]) -> Result<bool> {
    Ok(policy.open(block.to_vec())?.may_contain(xx_hash64(key)))
}

/// Contents of a block from entries in order.
pub fn encode_block(entries: &[(&[u8], &[u8])], restart_interval: usize) -> Vec<u8> {
    let mut builder = BlockBuilder::new(restart_interval);
    entries.iter().for_each(|(key, value)| builder.add(key, value));
    builder.finish()
}

/// Contents of a data block from entries with internal keys in order.
pub fn encode_data_block(entries: &[(&[u8], &[u8])], restart_interval: usize) -> Vec<u8> {
    let mut builder = BlockBuilder::new(restart_interval);
    for (key, value) in entries {
        builder.add(key, value);
        builder.add_fingerprint(fingerprint_of(xx_hash64(user_key(key))));
    }
    builder.finish()
}

/// All entries of a block.
pub fn decode_block(block: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut cursor = BlockCursor::new(Block::from(block), KeyOrder::Plain)?;
    let mut entries = Vec::new();
    cursor.seek_to_first()?;
    while cursor.valid() {
        entries.push((cursor.key().to_vec(), cursor.value().to_vec()));
        cursor.next()?;
    }
    Ok(entries)
}

/// The first entry of a block of internal keys at or after `target`.
pub fn seek_block(block: &[u8], target: &[u8]) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut cursor = BlockCursor::new(Block::from(block), KeyOrder::Internal)?;
    cursor.seek(target)?;
    Ok(cursor.valid().then(|| (cursor.key().to_vec(), cursor.value().to_vec())))
}

/// The newest entry of the target's user key in a block of internal keys, at or after `target`.
pub fn find_in_block(block: &[u8], target: &[u8]) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut cursor = BlockCursor::new(Block::from(block), KeyOrder::Internal)?;
    cursor.find(target, fingerprint_of(xx_hash64(user_key(target))))?;
    Ok(cursor.valid().then(|| (cursor.key().to_vec(), cursor.value().to_vec())))
}

/// Merges blocks of internal keys, newest first, into one; keeps every version.
pub fn merge_blocks(blocks: &[&[u8]], restart_interval: usize) -> Result<Vec<u8>> {
    let sources =
        blocks.iter().map(|block| BlockCursor::new(Block::from(*block), KeyOrder::Internal)).collect::<Result<Vec<_>>>()?;
    let mut cursor = MergeCursor::new(sources);
    let mut builder = BlockBuilder::new(restart_interval);
    cursor.seek_to_first()?;
    while cursor.valid() {
        builder.add(cursor.key(), cursor.value());
        cursor.next()?;
    }
    Ok(builder.finish())
}
