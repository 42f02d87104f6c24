//! Blocks: sorted entries with prefix-compressed keys and restart points; those of data blocks with fingerprints.

pub mod builder;
pub mod cursor;
mod fingerprints;
mod passed;
mod run;

pub use builder::BlockBuilder;
pub use cursor::{BlockCursor, KeyOrder};

/// The bit of the last four bytes of a block that says that its entries have fingerprints.
const FINGERPRINTED: u32 = 1 << 31;

/// The fingerprint of a user key with this hash (xxHash64, seed 0). Part of the file format: do not change.
#[inline]
pub fn fingerprint_of(hash: u64) -> u8 {
    hash as u8
}

/// The checked contents of a block, without its trailer.
pub type Block = std::sync::Arc<[u8]>;
