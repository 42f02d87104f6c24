//! Block compression. Part of the file format: do not change the ids, nor what is stored under them.
//!
//! ```text
//! id 0  none:    the block
//! id 1  LZ4:     | raw length (varint) | LZ4 block |
//! id 2  Snappy:  | raw length (varint) | element … |      the raw Snappy format
//! id 3  zstd:    one frame, which names its content size
//! ```
//!
//! Invariants:
//!  1. Nothing here sees bytes whose checksum was not verified, and it believes none of them all the same.
//!  2. The raw length is checked before memory is taken: at most [`MOST_RAW_BYTES`], and no more than the codec can make of the bytes.
//!  3. A block decodes to exactly its raw length, out of all its stored bytes, or it is corrupt.
//!  4. Whether a block is kept compressed depends on nothing but its two lengths.

mod block_compressor;
mod lz4;
mod snappy;
mod zstd;

pub use block_compressor::BlockCompressor;

use std::cell::RefCell;

use crate::block::Block;
use crate::error::{Error, Result};

/// Room for a block of the largest block size that ends with the largest entry.
pub const MOST_RAW_BYTES: u64 = (1024 + 32) * 1024 * 1024;

/// A larger block is decoded in memory of its own.
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    /// Where blocks are decoded: memory that is warm, and not cleared for each.
    static RAW: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// What data blocks are compressed with; the number is the id in a block's trailer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Compression {
    #[default]
    None = 0,
    Lz4 = 1,
    Snappy = 2,
    Zstd = 3,
}

impl Compression {
    pub fn from_id(id: u8) -> Option<Self> {
        [Self::None, Self::Lz4, Self::Snappy, Self::Zstd].into_iter().find(|codec| *codec as u8 == id)
    }

    /// The id in a block's trailer.
    pub fn id(self) -> u8 {
        self as u8
    }
}

/// Compresses the blocks of one table; keeps what it can use again.
trait Encoder: Send {
    /// Replaces what `stored` holds by the compressed block; false when the codec cannot take it.
    fn compress(&mut self, raw: &[u8], stored: &mut Vec<u8>) -> bool;
}

/// Decompresses single blocks.
trait Decoder {
    /// The length that the stored bytes claim to decode to, and the most that so many of them can.
    fn raw_length(&self, stored: &[u8]) -> Option<(u64, u64)>;
    /// Fills `raw`, whose length was claimed; false when the stored bytes are not exactly that.
    fn decompress(&self, stored: &[u8], raw: &mut [u8]) -> bool;
}

/// What stands under one id.
struct Codec {
    decoder: &'static dyn Decoder,
    /// Its argument is the level of zstd; the others have none. `None` when there is no memory for it.
    encoder: fn(i32) -> Option<Box<dyn Encoder>>,
}

/// The codecs, by the id in the trailer of a block. A new one is one line here.
fn codec(id: u8) -> Option<Codec> {
    match Compression::from_id(id)? {
        Compression::None => None,
        Compression::Lz4 => Some(Codec { decoder: &lz4::Lz4Decoder, encoder: |_| Some(Box::new(lz4::Lz4Encoder::default())) }),
        Compression::Snappy => {
            Some(Codec { decoder: &snappy::SnappyDecoder, encoder: |_| Some(Box::new(snappy::SnappyEncoder::default())) })
        }
        Compression::Zstd => {
            Some(Codec { decoder: &zstd::ZstdDecoder, encoder: |level| Some(Box::new(zstd::ZstdEncoder::new(level)?)) })
        }
    }
}

/// The block whose stored bytes, verified, stand under `id` in a table.
pub fn decompress(id: u8, stored: &[u8]) -> Result<Block> {
    if id == Compression::None.id() {
        return Ok(Block::from(stored));
    }
    let Codec { decoder, .. } =
        codec(id).ok_or_else(|| Error::corruption(format!("a block has the unknown compression {id}")))?;
    let length = decoder.raw_length(stored).filter(|&(claimed, most)| claimed <= most.min(MOST_RAW_BYTES));
    let malformed = || Error::corruption(format!("a block with compression {id} is malformed"));
    let (length, _) = length.ok_or_else(malformed)?;
    let decode = |raw: &mut [u8]| decoder.decompress(stored, raw).then(|| Block::from(&*raw)).ok_or_else(malformed);
    let length = length as usize;
    if length > SCRATCH_BYTES {
        return decode(&mut vec![0; length]);
    }
    RAW.with_borrow_mut(|raw| decode(&mut raw[..length]))
}
