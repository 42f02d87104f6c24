//! LZ4: `| raw length (varint) | LZ4 block |`. Part of the file format: do not change.
//!
//! ```text
//! LZ4 block: | token (1): literals << 4 | match − 4 | more literals … | literals | offset (2) | more match … |
//! ```

use lz4_flex::block::{compress_into_with_table, decompress_into, get_maximum_output_size, CompressTable};

use super::{Decoder, Encoder};
use crate::varint::{read_varint32, write_varint};

/// A byte more of a match length adds 255 bytes.
const MOST_EXPANSION: u64 = 255;

#[derive(Default)]
pub struct Lz4Encoder {
    table: CompressTable,
}

impl Encoder for Lz4Encoder {
    fn compress(&mut self, raw: &[u8], stored: &mut Vec<u8>) -> bool {
        stored.clear();
        write_varint(stored, raw.len() as u64);
        let start = stored.len();
        stored.resize(start + get_maximum_output_size(raw.len()), 0);
        match compress_into_with_table(raw, &mut stored[start..], &mut self.table) {
            Ok(length) => {
                stored.truncate(start + length);
                true
            }
            Err(_) => false,
        }
    }
}

pub struct Lz4Decoder;

impl Decoder for Lz4Decoder {
    fn raw_length(&self, stored: &[u8]) -> Option<(u64, u64)> {
        let (length, _) = read_varint32(stored)?;
        Some((u64::from(length), MOST_EXPANSION * stored.len() as u64))
    }

    fn decompress(&self, stored: &[u8], raw: &mut [u8]) -> bool {
        let Some((_, start)) = read_varint32(stored) else { return false };
        decompress_into(&stored[start..], raw).is_ok_and(|length| length == raw.len())
    }
}
