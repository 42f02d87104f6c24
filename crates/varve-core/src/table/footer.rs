//! The last 48 bytes of a table. Part of the file format: do not change.
//!
//! ```text
//! | metaindex offset (8) size (4) | index offset (8) size (4) | format version (4) | flags (4) | xxHash64 of these 32 bytes (8) |
//! | magic (8) "varvesst" |
//! ```
//!
//! Invariants:
//!  1. Magic, version and flags are checked before the hash, so that a newer format gets its own message.
//!  2. Of the flags the lower 16 bits are required, and an unknown one refuses the table; the upper 16 are optional.

use super::format::BlockHandle;
use crate::error::{Error, Result};
use crate::xxhash64::xx_hash64;

pub const FOOTER_SIZE: usize = 48;
pub const FORMAT_VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"varvesst";
const HASHED_SIZE: usize = 32;
const REQUIRED_FLAGS: u32 = 0xffff;
/// The table holds a compressed block.
const FLAG_COMPRESSED: u32 = 1;
/// The metaindex names a block of range deletes.
const FLAG_RANGE_DELETES: u32 = 2;
/// Values of the table lie in blob files.
const FLAG_VALUE_POINTERS: u32 = 4;
/// The entries of data blocks have fingerprints.
const FLAG_FINGERPRINTS: u32 = 8;
const KNOWN_FLAGS: u32 = FLAG_COMPRESSED | FLAG_RANGE_DELETES | FLAG_VALUE_POINTERS | FLAG_FINGERPRINTS;

#[derive(Debug, PartialEq, Eq)]
pub struct Footer {
    pub metaindex: BlockHandle,
    pub index: BlockHandle,
    /// Does the table hold a compressed block?
    pub compressed: bool,
    /// Does the metaindex name a block of range deletes?
    pub range_deletes: bool,
    /// Do values of the table lie in blob files?
    pub value_pointers: bool,
    /// Do the entries of data blocks have fingerprints? Each block says so by itself.
    pub fingerprints: bool,
}

impl Footer {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER_SIZE);
        for handle in [&self.metaindex, &self.index] {
            out.extend_from_slice(&handle.offset.to_le_bytes());
            out.extend_from_slice(&handle.size.to_le_bytes());
        }
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        let flags = flag(self.compressed, FLAG_COMPRESSED)
            | flag(self.range_deletes, FLAG_RANGE_DELETES)
            | flag(self.value_pointers, FLAG_VALUE_POINTERS)
            | flag(self.fingerprints, FLAG_FINGERPRINTS);
        out.extend_from_slice(&flags.to_le_bytes());
        let hash = xx_hash64(&out);
        out.extend_from_slice(&hash.to_le_bytes());
        out.extend_from_slice(MAGIC);
        out
    }

    /// Decodes the footer that stood at `origin`; both blocks must lie before it.
    pub fn decode(bytes: &[u8; FOOTER_SIZE], origin: u64) -> Result<Self> {
        let refuse = |message: String, at: u64| Error::Corruption { path: None, offset: Some(origin + at), message };
        if !bytes.ends_with(MAGIC) {
            return Err(refuse("the magic number is missing: this is no table, or its end was lost".into(), 40));
        }
        let version = u32_at(bytes, 24);
        if version != FORMAT_VERSION {
            let message =
                format!("the table has format version {version}, expected {FORMAT_VERSION}; a newer release may read it");
            return Err(refuse(message, 24));
        }
        let flags = u32_at(bytes, 28);
        let unknown = flags & REQUIRED_FLAGS & !KNOWN_FLAGS;
        if unknown != 0 {
            return Err(refuse(format!("the table needs the unknown flags {unknown:#x}; a newer release may read it"), 28));
        }
        if xx_hash64(&bytes[..HASHED_SIZE]) != u64_at(bytes, HASHED_SIZE) {
            return Err(refuse("the checksum of the footer does not match".into(), 32));
        }
        let handle = |at: usize| BlockHandle { offset: u64_at(bytes, at), size: u32_at(bytes, at + 8) };
        let footer = Self {
            metaindex: handle(0),
            index: handle(12),
            compressed: flags & FLAG_COMPRESSED != 0,
            range_deletes: flags & FLAG_RANGE_DELETES != 0,
            value_pointers: flags & FLAG_VALUE_POINTERS != 0,
            fingerprints: flags & FLAG_FINGERPRINTS != 0,
        };
        if footer.metaindex.end() > origin || footer.index.end() > origin {
            return Err(refuse("the footer names a block outside the file".into(), 0));
        }
        Ok(footer)
    }
}

fn u32_at(bytes: &[u8; FOOTER_SIZE], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn u64_at(bytes: &[u8; FOOTER_SIZE], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}
