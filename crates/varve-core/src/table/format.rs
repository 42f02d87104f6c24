//! What all parts of a table share. Part of the file format: do not change.
//!
//! ```text
//! handle:  | offset (varint) | size (varint) |
//! trailer: | compression (1): 0 none | xxHash64 over stored bytes and compression byte (8) |
//! ```
//!
//! Invariant: a block is checked right after it was read; nobody sees bytes that failed.

use std::path::Path;

use crate::error::{Error, Result};
use crate::varint::{read_varint32, read_varint53, write_varint};
use crate::xxhash64::xx_hash64;

pub const BLOCK_TRAILER_SIZE: usize = 9;
pub const COMPRESSION_NONE: u8 = 0;
pub const PROPERTIES_NAME: &[u8] = b"properties";
pub const RANGE_DELETES_NAME: &[u8] = b"range-deletes";

/// A block's place in its file; the size leaves the trailer out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHandle {
    pub offset: u64,
    pub size: u32,
}

impl BlockHandle {
    /// Where the block ends, with its trailer.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.size)).saturating_add(BLOCK_TRAILER_SIZE as u64)
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(13);
        write_varint(&mut out, self.offset);
        write_varint(&mut out, u64::from(self.size));
        out
    }

    /// Decodes the handle of a block that ends at or before `limit`.
    pub fn decode(bytes: &[u8], limit: u64) -> Result<Self> {
        Self::decode_in(bytes)
            .filter(|handle| handle.end() <= limit)
            .ok_or_else(|| Error::corruption("a block handle is malformed"))
    }

    fn decode_in(bytes: &[u8]) -> Option<Self> {
        let (offset, length) = read_varint53(bytes)?;
        let rest = bytes.get(length..)?;
        let (size, length) = read_varint32(rest)?;
        (length == rest.len()).then_some(Self { offset, size })
    }
}

/// Appends the trailer to a block.
pub fn seal_block(block: &mut Vec<u8>) {
    block.push(COMPRESSION_NONE);
    let hash = xx_hash64(block);
    block.extend_from_slice(&hash.to_le_bytes());
}

/// Checks a block with its trailer, read from `offset` of `path`; returns the contents.
pub fn verify_block<'a>(sealed: &'a [u8], path: &Path, offset: u64) -> Result<&'a [u8]> {
    let damaged = |message: String| Error::corruption(message).at(path, offset);
    let (hashed, hash) = sealed.split_last_chunk::<8>().ok_or_else(|| damaged("a block is too short for its trailer".into()))?;
    if xx_hash64(hashed) != u64::from_le_bytes(*hash) {
        return Err(damaged(
            "the checksum of a block does not match: restore the file from a backup, or repair the store with Database.repair"
                .into(),
        ));
    }
    match hashed.split_last() {
        Some((&COMPRESSION_NONE, contents)) => Ok(contents),
        Some((compression, _)) => Err(damaged(format!("a block has the unknown compression {compression}, expected 0"))),
        None => Err(damaged("a block has no compression byte".into())),
    }
}
