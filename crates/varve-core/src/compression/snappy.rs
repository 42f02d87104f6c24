//! Snappy: `| raw length (varint) | element … |`, the raw Snappy format. Part of the file format: do not change.
//!
//! ```text
//! element: | tag (1): … 00 | more length (0 … 4) | literal |
//!          | tag (1): … 01 | offset (1) |    | tag (1): … 10 | offset (2) |    | tag (1): … 11 | offset (4) |
//! ```

use super::{Decoder, Encoder};
use crate::varint::read_varint32;

/// A copy of 64 bytes takes three; one of 11 takes two.
const MOST_EXPANSION: u64 = 22;

pub struct SnappyEncoder {
    encoder: snap::raw::Encoder,
}

impl Default for SnappyEncoder {
    fn default() -> Self {
        Self { encoder: snap::raw::Encoder::new() }
    }
}

impl Encoder for SnappyEncoder {
    fn compress(&mut self, raw: &[u8], stored: &mut Vec<u8>) -> bool {
        stored.resize(snap::raw::max_compress_len(raw.len()), 0);
        match self.encoder.compress(raw, stored) {
            Ok(length) => {
                stored.truncate(length);
                true
            }
            Err(_) => false,
        }
    }
}

pub struct SnappyDecoder;

impl Decoder for SnappyDecoder {
    fn raw_length(&self, stored: &[u8]) -> Option<(u64, u64)> {
        let (length, _) = read_varint32(stored)?;
        Some((u64::from(length), MOST_EXPANSION * stored.len() as u64))
    }

    fn decompress(&self, stored: &[u8], raw: &mut [u8]) -> bool {
        snap::raw::Decoder::new().decompress(stored, raw).is_ok_and(|length| length == raw.len())
    }
}
