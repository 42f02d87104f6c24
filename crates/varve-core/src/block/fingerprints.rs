//! The fingerprints of a block: one byte of the hash of each entry's user key, side by side.
//!
//! A point lookup reads a line or two of them instead of keys all over the block, and then, but for one time in ten, the one entry that it
//! is after.

const LOWEST: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = 0x8080_8080_8080_8080;

/// The first place at or after `from` where a fingerprint stands. Eight are compared at a time.
#[inline]
pub fn position_of(fingerprints: &[u8], fingerprint: u8, from: usize) -> Option<usize> {
    let wanted = LOWEST * u64::from(fingerprint);
    let (words, rest) = fingerprints.get(from..)?.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // A byte that is equal becomes 0. The lowest bit that this sets is right: borrows go upward from a byte that is 0 only.
        let difference = u64::from_le_bytes(*word) ^ wanted;
        let zeros = difference.wrapping_sub(LOWEST) & !difference & HIGHEST;
        if zeros != 0 {
            return Some(from + 8 * i + zeros.trailing_zeros() as usize / 8);
        }
    }
    let place = rest.iter().position(|&byte| byte == fingerprint)?;
    Some(from + 8 * words.len() + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_place_in_order() {
        for length in 0..40 {
            // Neighbours of the byte that is sought: a carry between bytes would show.
            let bytes: Vec<u8> = (0..length).map(|i| [7, 6, 8, 7, 0x87, 0, 0xff][i * i % 7]).collect();
            for wanted in [7, 6, 8, 0x87, 0, 0xff, 1] {
                let places: Vec<usize> = (0..length).filter(|&i| bytes[i] == wanted).collect();
                let mut found = Vec::new();
                while let Some(place) = position_of(&bytes, wanted, found.last().map_or(0, |last| last + 1)) {
                    found.push(place);
                }
                assert_eq!(found, places);
            }
        }
    }
}
