//! Compresses the data blocks of a table, one after the other.
//!
//! Invariant: a block is kept compressed when that saves at least an eighth of it; else its reader would pay for nothing.

use super::{Compression, Encoder};

const LEAST_SAVING: usize = 8;

pub struct BlockCompressor {
    codec: Compression,
    encoder: Option<Box<dyn Encoder>>,
    stored: Vec<u8>,
}

impl BlockCompressor {
    /// `level` is that of zstd; the others have none.
    pub fn new(codec: Compression, level: i32) -> Self {
        let encoder = super::codec(codec.id()).and_then(|codec| (codec.encoder)(level));
        Self { codec, encoder, stored: Vec::new() }
    }

    /// The id that compressed blocks are stored under.
    pub fn id(&self) -> u8 {
        self.codec.id()
    }

    /// The bytes to store for a block, to which its trailer can be added; `None` when it is to be stored as it is.
    pub fn compress(&mut self, raw: &[u8]) -> Option<&mut Vec<u8>> {
        let encoder = self.encoder.as_mut()?;
        if !encoder.compress(raw, &mut self.stored) {
            return None;
        }
        let saved = raw.len().saturating_sub(self.stored.len());
        (saved > 0 && saved >= raw.len().div_ceil(LEAST_SAVING)).then_some(&mut self.stored)
    }
}
