//! Varints: base 128, low bits first, the top bit says that another byte follows. Part of the file format: do not change.
//!
//! At most 5 bytes for a 32-bit number, at most 8 for one below 2^53. Longer forms are refused.

pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Bytes that [`write_varint`] takes for a value.
pub fn varint_length(value: u64) -> usize {
    (64 - value.leading_zeros() as usize).div_ceil(7).max(1)
}

/// Appends `value`.
pub fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a 32-bit number from the front of `bytes`; returns it and its length.
#[inline]
pub fn read_varint32(bytes: &[u8]) -> Option<(u32, usize)> {
    // Most lengths in a block are one byte.
    if let Some(&first) = bytes.first() {
        if first < 0x80 {
            return Some((u32::from(first), 1));
        }
    }
    let (value, length) = read_varint(bytes, 5)?;
    Some((u32::try_from(value).ok()?, length))
}

/// Reads a number below 2^53 from the front of `bytes`; returns it and its length.
pub fn read_varint53(bytes: &[u8]) -> Option<(u64, usize)> {
    read_varint(bytes, 8).filter(|&(value, _)| value <= MAX_SAFE_INTEGER)
}

fn read_varint(bytes: &[u8], most: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().take(most).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some((value, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_refuses_what_is_too_long() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), MAX_SAFE_INTEGER] {
            let mut bytes = Vec::new();
            write_varint(&mut bytes, value);
            assert_eq!(varint_length(value), bytes.len());
            assert_eq!(read_varint53(&bytes), Some((value, bytes.len())));
            assert_eq!(read_varint32(&bytes).map(|(v, _)| u64::from(v)), u32::try_from(value).ok().map(u64::from));
            assert_eq!(read_varint53(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(read_varint32(&[0xff; 10]), None);
        assert_eq!(read_varint53(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]), None);
    }
}
