//! xxHash64 with seed 0: the hash of filters and fingerprints, and the checksum of footers, of blob files and of blocks of older tables.

/// The hash of `bytes`.
#[inline]
pub fn xx_hash64(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh64::xxh64(bytes, 0)
}
