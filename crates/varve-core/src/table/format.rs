//! What all parts of a table share. Part of the file format: do not change.
//!
//! ```text
//! handle:  | offset (varint) | size (varint) |
//! trailer: | codec (1): CRC-32 << 7, compression | checksum over stored bytes and codec (8) |
//! ```
//!
//! The checksum is a CRC-32, and four bytes of zeros, where the codec has its highest bit; without it, as in older tables, it is xxHash64.
//!
//! Invariants:
//!  1. A block is checked right after it was read, and before it is decompressed; nobody sees bytes that failed.
//!  2. Only data blocks are compressed.

use std::path::Path;

use crate::block::Block;
use crate::compression::{decompress, Compression};
use crate::crc32::crc32;
use crate::error::{Error, Result};
use crate::varint::{read_varint32, read_varint53, write_varint};
use crate::xxhash64::xx_hash64;

pub const BLOCK_TRAILER_SIZE: usize = 9;
/// In the codec of a block: its checksum is a CRC-32.
const CRC32_CHECKSUM: u8 = 0x80;
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
    block.push(compression | CRC32_CHECKSUM);
    let checksum = checksum_of(block).unwrap_or_default();
    block.extend_from_slice(&checksum.to_le_bytes());
}

/// The checksum of stored bytes and codec, as the codec names it.
fn checksum_of(hashed: &[u8]) -> Option<u64> {
    let is_crc32 = hashed.last()? & CRC32_CHECKSUM != 0;
    Some(if is_crc32 { u64::from(crc32(hashed, 0)) } else { xx_hash64(hashed) })
}

/// Checks a block with its trailer, read from `offset` of `path`; returns the id of its compression and its stored bytes.
fn verify_block<'a>(sealed: &'a [u8], path: &Path, offset: u64) -> Result<(u8, &'a [u8])> {
    let damaged = |message: &str| Error::corruption(message).at(path, offset);
    let too_short = || damaged("a block is too short for its trailer");
    let (hashed, checksum) = sealed.split_last_chunk::<8>().ok_or_else(too_short)?;
    let (codec, stored) = hashed.split_last().ok_or_else(too_short)?;
    if checksum_of(hashed) != Some(u64::from_le_bytes(*checksum)) {
        return Err(damaged(
            "the checksum of a block does not match: restore the file from a backup, or repair the store with Database.repair",
        ));
    }
    Ok((codec & !CRC32_CHECKSUM, stored))
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
