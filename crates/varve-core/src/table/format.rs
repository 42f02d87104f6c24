//! What all parts of a table share. Part of the file format: do not change.
//!
//! ```text
//! handle:  | offset (varint) | size (varint) |
//! trailer: | compression (1) | xxHash64 over stored bytes and compression byte (8) |
//! ```
//!
//! Invariants:
//!  1. A block is checked right after it was read, and before it is decompressed; nobody sees bytes that failed.
//!  2. Only data blocks are compressed.

use std::path::Path;

use crate::block::Block;
use crate::compression::{decompress, Compression};
use crate::error::{Error, Result};
use crate::varint::{read_varint32, read_varint53, write_varint};
use crate::xxhash64::xx_hash64;

pub const BLOCK_TRAILER_SIZE: usize = 9;
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

/// Appends the trailer to the stored bytes of a block.
pub fn seal_block(block: &mut Vec<u8>, compression: u8) {
    block.push(compression);
    let hash = xx_hash64(block);
    block.extend_from_slice(&hash.to_le_bytes());
}

/// Checks a block with its trailer, read from `offset` of `path`; returns the id of its compression and its stored bytes.
fn verify_block<'a>(sealed: &'a [u8], path: &Path, offset: u64) -> Result<(u8, &'a [u8])> {
    let damaged = |message: &str| Error::corruption(message).at(path, offset);
    let (hashed, hash) = sealed.split_last_chunk::<8>().ok_or_else(|| damaged("a block is too short for its trailer"))?;
    if xx_hash64(hashed) != u64::from_le_bytes(*hash) {
        return Err(damaged(
            "the checksum of a block does not match: restore the file from a backup, or repair the store with Database.repair",
        ));
    }
    let (&compression, stored) = hashed.split_last().ok_or_else(|| damaged("a block has no compression byte"))?;
    Ok((compression, stored))
}

/// Checks a block that is never compressed, with its trailer, read from `offset` of `path`; returns the contents.
pub fn open_meta_block<'a>(sealed: &'a [u8], path: &Path, offset: u64) -> Result<&'a [u8]> {
    let (compression, stored) = verify_block(sealed, path, offset)?;
    if compression != Compression::None.id() {
        let message = format!("a block has the compression {compression}, expected 0");
        return Err(Error::corruption(message).at(path, offset));
    }
    Ok(stored)
}

/// Checks and decompresses a data block with its trailer, read from `offset` of `path`.
pub fn open_data_block(sealed: &[u8], path: &Path, offset: u64) -> Result<Block> {
    let (compression, stored) = verify_block(sealed, path, offset)?;
    decompress(compression, stored).map_err(|error| error.at(path, offset))
}
