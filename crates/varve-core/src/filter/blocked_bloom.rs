//! Blocked Bloom filter. Part of the file format: do not change.
//!
//! ```text
//! | line (64) … | line count (4) | probes (1) |
//! ```
//!
//! hash = xxHash64(user key); line = floor(low × line count / 2^32); h = high, and for each probe h = h × 0x9E3779B1 (mod 2^32),
//! bit = h >> 23 of the 512 bits of the line.
//!
//! Invariant: a key touches one 64-byte line, so a probe costs one cache miss.

use super::policy::{Filter, FilterPolicy, FilterSizing};
use crate::error::{Error, Result};

const LINE_SIZE: usize = 64;
const TAIL_SIZE: usize = 5;
const MAX_LINES: u64 = (1 << 21) - 1;
const MAX_PROBES: u8 = 30;
const MULTIPLIER: u32 = 0x9E37_79B1;

/// The policy.
#[derive(Debug)]
pub struct BlockedBloom;

impl FilterPolicy for BlockedBloom {
    fn name(&self) -> &'static str {
        "blocked-bloom"
    }

    fn build(&self, hashes: &[u64], sizing: FilterSizing) -> Vec<u8> {
        let wanted = (hashes.len() as u64 * sizing.milli_bits_per_key).div_ceil(512_000);
        let lines = wanted.clamp(1, MAX_LINES);
        let size = lines as usize * LINE_SIZE;
        let mut filter = vec![0; size + TAIL_SIZE];
        for &hash in hashes {
            let line = line_of(hash, lines);
            for bit in bits(hash, sizing.probes) {
                filter[line + bit / 8] |= 1 << (bit % 8);
            }
        }
        filter[size..size + 4].copy_from_slice(&(lines as u32).to_le_bytes());
        filter[size + 4] = sizing.probes as u8;
        filter
    }

    fn open(&self, block: Vec<u8>) -> Result<Box<dyn Filter>> {
        Ok(Box::new(BlockedBloomFilter::new(block)?))
    }
}

#[derive(Debug)]
struct BlockedBloomFilter {
    bytes: Vec<u8>,
    lines: u64,
    probes: u32,
}

impl BlockedBloomFilter {
    fn new(bytes: Vec<u8>) -> Result<Self> {
        let malformed = || Error::corruption(format!("a filter block of {} bytes is malformed", bytes.len()));
        let (body, tail) = bytes.split_last_chunk::<TAIL_SIZE>().ok_or_else(malformed)?;
        let [a, b, c, d, probes] = *tail;
        let lines = u64::from(u32::from_le_bytes([a, b, c, d]));
        let sound = (1..=MAX_LINES).contains(&lines) && body.len() as u64 == lines * LINE_SIZE as u64;
        if !sound || !(1..=MAX_PROBES).contains(&probes) {
            return Err(malformed());
        }
        Ok(Self { lines, probes: u32::from(probes), bytes })
    }
}

impl Filter for BlockedBloomFilter {
    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn may_contain(&self, hash: u64) -> bool {
        let start = line_of(hash, self.lines);
        let Some(line) = self.bytes.get(start..start + LINE_SIZE) else { return true };
        bits(hash, self.probes).all(|bit| line[bit / 8] & (1 << (bit % 8)) != 0)
    }
}

#[inline]
fn line_of(hash: u64, lines: u64) -> usize {
    ((u64::from(hash as u32) * lines) >> 32) as usize * LINE_SIZE
}

#[inline]
fn bits(hash: u64, probes: u32) -> impl Iterator<Item = usize> {
    let mut h = (hash >> 32) as u32;
    (0..probes).map(move |_| {
        h = h.wrapping_mul(MULTIPLIER);
        (h >> 23) as usize
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
        let block = BlockedBloom.build(&added, FilterSizing { milli_bits_per_key: 10_500, probes: 7 });
        let filter = BlockedBloom.open(block).unwrap();
        assert!(added.iter().all(|&hash| filter.may_contain(hash)));
        let passed = hashes(100_000..200_000).into_iter().filter(|&hash| filter.may_contain(hash)).count();
        assert!(passed < 1300, "{passed}");
    }

    #[test]
    fn refuses_malformed_filters() {
        let whole = BlockedBloom.build(&[], FilterSizing { milli_bits_per_key: 10_000, probes: 6 });
        assert!(BlockedBloom.open(whole.clone()).is_ok());
        for end in 0..whole.len() {
            assert!(BlockedBloom.open(whole[..end].to_vec()).is_err(), "{end}");
        }
        for probes in [0, 31] {
            let mut bytes = whole.clone();
            *bytes.last_mut().unwrap() = probes;
            assert!(BlockedBloom.open(bytes).is_err());
        }
    }
}
