//! xxHash64 with seed 0: the checksum of blocks and the hash of filters.

/// The hash of `bytes`.
#[inline]
pub fn xx_hash64(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh64::xxh64(bytes, 0)
}
