//! The parts of a blob file. Part of the file format: do not change.
//!
//! ```text
//! file:   | header (16) | record … | footer (32) |
//! header: | magic (8) "varveblb" | format version (4) | flags (4) |
//! record: | xxHash64 of the rest of the record (8) | key length (varint) | value length (varint) | internal key | value |
//! footer: | records (8) | bytes of values (8) | xxHash64 of the header and these 16 bytes (8) | magic (8) |
//! ```
//!
//! Invariants:
//!  1. The internal key is that of the entry whose value this is, with kind put: a pointer that leads to the record of another entry is
//!     found out, and what is left of a store can be read from its blob files.
//!  2. Version and flags are checked before the hash, so that a newer format gets its own message. All flags are required ones.

use crate::error::{Error, Result};
use crate::internal_key::{self, pack_trailer, KIND_PUT};
use crate::varint::{read_varint32, write_varint};
use crate::xxhash64::xx_hash64;

pub const HEADER_SIZE: usize = 16;
pub const FOOTER_SIZE: usize = 32;
pub const FORMAT_VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"varveblb";
const CHECKSUM_SIZE: usize = 8;

/// What the footer says of a blob file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlobCounts {
    pub records: u64,
    pub value_bytes: u64,
}

pub fn encode_header() -> [u8; HEADER_SIZE] {
    let mut header = [0; HEADER_SIZE];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header
}

pub fn encode_footer(counts: BlobCounts) -> Vec<u8> {
    let mut hashed = encode_header().to_vec();
    hashed.extend_from_slice(&counts.records.to_le_bytes());
    hashed.extend_from_slice(&counts.value_bytes.to_le_bytes());
    let hash = xx_hash64(&hashed);
    [&hashed[HEADER_SIZE..], &hash.to_le_bytes(), MAGIC].concat()
}

/// Checks header and footer, the latter read from `origin`.
pub fn decode_ends(header: &[u8; HEADER_SIZE], footer: &[u8; FOOTER_SIZE], origin: u64) -> Result<BlobCounts> {
    let refuse = |message: String, offset: u64| Error::Corruption { path: None, offset: Some(offset), message };
    if !header.starts_with(MAGIC) {
        return Err(refuse("the magic number is missing: this is no blob file".into(), 0));
    }
    if !footer.ends_with(MAGIC) {
        return Err(refuse("the magic number is missing: the end of the blob file was lost".into(), origin + 24));
    }
    let version = u32::from_le_bytes(std::array::from_fn(|i| header[8 + i]));
    if version != FORMAT_VERSION {
        let message =
            format!("the blob file has format version {version}, expected {FORMAT_VERSION}; a newer release may read it");
        return Err(refuse(message, 8));
    }
    let flags = u32::from_le_bytes(std::array::from_fn(|i| header[12 + i]));
    if flags != 0 {
        return Err(refuse(format!("the blob file needs the unknown flags {flags:#x}; a newer release may read it"), 12));
    }
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| footer[at + i]));
    if xx_hash64(&[header.as_slice(), &footer[..16]].concat()) != number(16) {
        return Err(refuse("the checksum of the footer does not match".into(), origin));
    }
    Ok(BlobCounts { records: number(0), value_bytes: number(8) })
}

/// Appends a record. `key` is the internal key of the entry, of whatever kind.
pub fn encode_record(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let start = out.len();
    let (user_key, trailer) = internal_key::split(key);
    out.extend_from_slice(&[0; CHECKSUM_SIZE]);
    write_varint(out, key.len() as u64);
    write_varint(out, value.len() as u64);
    out.extend_from_slice(user_key);
    out.extend_from_slice(&pack_trailer(trailer >> 8, KIND_PUT).to_le_bytes());
    out.extend_from_slice(value);
    let hash = xx_hash64(&out[start + CHECKSUM_SIZE..]);
    out[start..start + CHECKSUM_SIZE].copy_from_slice(&hash.to_le_bytes());
}

/// Checks a record, all of it, that should hold the value of the entry with this internal key; answers where in it the value begins.
pub fn decode_record(record: &[u8], key: &[u8], value_length: u32) -> Result<usize> {
    let damaged = || {
        Error::corruption(
            "the checksum of a value does not match: restore the file from a backup, or repair the store with Database.repair",
        )
    };
    let (hash, rest) = record.split_first_chunk::<CHECKSUM_SIZE>().ok_or_else(damaged)?;
    if xx_hash64(rest) != u64::from_le_bytes(*hash) {
        return Err(damaged());
    }
    let mismatch = || Error::corruption("a value pointer leads to the value of another entry");
    let (key_length, first) = read_varint32(rest).ok_or_else(mismatch)?;
    let (length, second) = rest.get(first..).and_then(read_varint32).ok_or_else(mismatch)?;
    let body = &rest[first + second..];
    if length != value_length || key_length as usize != key.len() || body.len() != key.len() + length as usize {
        return Err(mismatch());
    }
    let (user_key, trailer) = internal_key::split(key);
    if internal_key::split(&body[..key.len()]) != (user_key, pack_trailer(trailer >> 8, KIND_PUT)) {
        return Err(mismatch());
    }
    Ok(record.len() - length as usize)
}
