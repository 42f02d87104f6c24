//! Plain Bloom filter, part of the file format: do not change.
//!
//! ```text
//! | bits … | probes (1) |
//! ```
//!
//! `x` = low half of the hash, `y` = high half; for each probe i = 0, 1, …: bit = floor(x × bit count / 2^32), x = x + y, y = y + i
//! (mod 2^32): enhanced double hashing, Dillinger and Manolios, "Bloom Filters in Probabilistic Verification" (2004).
//!
//! Invariant: there are fewer than 2^32 bits, so the products fit 64 bits.

use super::policy::{Filter, FilterPolicy, FilterSizing};
use crate::error::{Error, Result};

const TAIL_SIZE: usize = 1;
const MAX_SIZE: u64 = (1 << 29) - 1;
const MAX_PROBES: u8 = 30;

/// The policy.
#[derive(Debug)]
pub struct Bloom;

impl FilterPolicy for Bloom {
    fn name(&self) -> &'static str {
        "bloom"
    }

    fn build(&self, hashes: &[u64], sizing: FilterSizing) -> Vec<u8> {
        let wanted = (hashes.len() as u64 * sizing.milli_bits_per_key).div_ceil(8000);
        let size = wanted.clamp(1, MAX_SIZE) as usize;
        let mut filter = vec![0; size + TAIL_SIZE];
        for &hash in hashes {
            for bit in bits(hash, sizing.probes, size) {
                filter[bit / 8] |= 1 << (bit % 8);
            }
        }
        filter[size] = sizing.probes as u8;
        filter
    }

    fn open(&self, block: Vec<u8>) -> Result<Box<dyn Filter>> {
        Ok(Box::new(BloomFilter::new(block)?))
    }
}

#[derive(Debug)]
struct BloomFilter {
    /// Without the tail.
    bytes: Vec<u8>,
    probes: u32,
}

impl BloomFilter {
    fn new(mut bytes: Vec<u8>) -> Result<Self> {
        let length = bytes.len();
        let malformed = || Error::corruption(format!("a filter block of {length} bytes is malformed"));
        let probes = bytes.pop().ok_or_else(malformed)?;
        let sound = (1..=MAX_SIZE).contains(&(bytes.len() as u64)) && (1..=MAX_PROBES).contains(&probes);
        if !sound {
            return Err(malformed());
        }
        Ok(Self { bytes, probes: u32::from(probes) })
    }
}

impl Filter for BloomFilter {
    fn size(&self) -> usize {
        self.bytes.len() + TAIL_SIZE
    }

    fn may_contain(&self, hash: u64) -> bool {
        bits(hash, self.probes, self.bytes.len()).all(|bit| self.bytes[bit / 8] & (1 << (bit % 8)) != 0)
    }
}

/// Bits of a key in a filter of `size` bytes.
fn bits(hash: u64, probes: u32, size: usize) -> impl Iterator<Item = usize> {
    let count = 8 * size as u64;
    let mut x = hash as u32;
    let mut y = (hash >> 32) as u32;
    (0..probes).map(move |i| {
        let bit = (u64::from(x) * count) >> 32;
        x = x.wrapping_add(y);
        y = y.wrapping_add(i);
        bit as usize
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xxhash64::xx_hash64;

    fn hashes(numbers: std::ops::Range<u32>) -> Vec<u64> {
        numbers.map(|i| xx_hash64(&i.to_be_bytes())).collect()
    }

    #[test]
    fn never_misses_a_key_and_rarely_passes_another() {
        let added = hashes(0..100_000);
        let block = Bloom.build(&added, FilterSizing { milli_bits_per_key: 9750, probes: 7 });
        let filter = Bloom.open(block).unwrap();
        assert!(added.iter().all(|&hash| filter.may_contain(hash)));
        let passed = hashes(100_000..200_000).into_iter().filter(|&hash| filter.may_contain(hash)).count();
        assert!(passed < 1300, "{passed}");
    }

    #[test]
    fn refuses_malformed_filters() {
        let whole = Bloom.build(&hashes(0..20), FilterSizing { milli_bits_per_key: 10_000, probes: 6 });
        assert_eq!(whole.len(), 26);
        assert!(Bloom.open(whole).is_ok());
        for bytes in [&[][..], &[6], &[1, 0], &[1, 31]] {
            assert!(Bloom.open(bytes.to_vec()).is_err(), "{bytes:?}");
        }
    }
}
