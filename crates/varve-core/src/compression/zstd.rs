//! zstd: one frame that names its content size. Part of the file format: do not change.
//!
//! ```text
//! | magic (4) 28 b5 2f fd | descriptor (1) | window (0 or 1) | content size (1, 2, 4 or 8) | block … | checksum (0 or 4) |
//! ```
//!
//! Invariants:
//!  1. Nothing stands behind the frame; it has no dictionary.
//!  2. Each thread keeps one context for decompression: making one costs more than a small block.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{compress_bound, find_frame_compressed_size, get_frame_content_size};

use super::{Decoder, Encoder};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A block of four bytes repeats one byte 128 KiB times.
const MOST_EXPANSION: u64 = 128 * 1024 / 4;

pub struct ZstdEncoder {
    compressor: Compressor<'static>,
}

impl ZstdEncoder {
    /// `None` when there is no memory for it.
    pub fn new(level: i32) -> Option<Self> {
        Compressor::new(level).ok().map(|compressor| Self { compressor })
    }
}

impl Encoder for ZstdEncoder {
    fn compress(&mut self, raw: &[u8], stored: &mut Vec<u8>) -> bool {
        stored.clear();
        stored.reserve(compress_bound(raw.len()));
        self.compressor.compress_to_buffer(raw, stored).is_ok()
    }
}

thread_local! {
    static CONTEXT: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

pub struct ZstdDecoder;

impl Decoder for ZstdDecoder {
    fn raw_length(&self, stored: &[u8]) -> Option<(u64, u64)> {
        if !stored.starts_with(&MAGIC) || find_frame_compressed_size(stored).ok() != Some(stored.len()) {
            return None;
        }
        let length = get_frame_content_size(stored).ok().flatten()?;
        Some((length, MOST_EXPANSION * stored.len() as u64))
    }

    fn decompress(&self, stored: &[u8], raw: &mut [u8]) -> bool {
        CONTEXT.with_borrow_mut(|context| {
            if context.is_none() {
                *context = Decompressor::new().ok();
            }
            let decompressed = context.as_mut().map(|context| context.decompress_to_buffer(stored, raw));
            matches!(decompressed, Some(Ok(length)) if length == raw.len())
        })
    }
}
