//! CRC-32 (IEEE), the checksum of log fragments and of the blocks of tables.

/// The checksum of `bytes`, going on from `initial` (0 to begin).
pub fn crc32(bytes: &[u8], initial: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(initial);
    hasher.update(bytes);
    hasher.finalize()
}
