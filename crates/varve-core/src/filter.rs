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

use crate::error::{Error, Result};
use crate::xxhash64::xx_hash64;

const LINE_SIZE: usize = 64;
const TAIL_SIZE: usize = 5;
const MAX_LINES: u64 = (1 << 21) - 1;
const MAX_PROBES: u8 = 30;
const MULTIPLIER: u32 = 0x9E37_79B1;

/// Collects the hashes of distinct user keys and writes the filter block.
pub struct FilterBuilder {
    milli_bits_per_key: u64,
    probes: u32,
    hashes: Vec<u64>,
}

impl FilterBuilder {
    pub fn new(milli_bits_per_key: u64, probes: u32) -> Self {
        Self { milli_bits_per_key, probes, hashes: Vec::new() }
    }

    /// Adds a user key that was not added before.
    pub fn add(&mut self, user_key: &[u8]) {
        self.hashes.push(xx_hash64(user_key));
    }

    pub fn finish(&self) -> Vec<u8> {
        let wanted = (self.hashes.len() as u64 * self.milli_bits_per_key).div_ceil(512_000);
        let lines = wanted.clamp(1, MAX_LINES);
        let size = lines as usize * LINE_SIZE;
        let mut filter = vec![0; size + TAIL_SIZE];
        for &hash in &self.hashes {
            let line = line_of(hash, lines);
            for bit in bits(hash, self.probes) {
                filter[line + bit / 8] |= 1 << (bit % 8);
            }
        }
        filter[size..size + 4].copy_from_slice(&(lines as u32).to_le_bytes());
        filter[size + 4] = self.probes as u8;
        filter
    }
}

/// A filter block that was checked.
#[derive(Debug)]
pub struct Filter {
    bytes: Vec<u8>,
    lines: u64,
    probes: u32,
}

impl Filter {
    pub fn new(bytes: Vec<u8>) -> Result<Self> {
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

    /// Bytes in memory.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// False when no key with this hash was added.
    #[inline]
    pub fn may_contain(&self, hash: u64) -> bool {
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

    #[test]
    fn never_misses_a_key_and_rarely_passes_another() {
        let mut builder = FilterBuilder::new(10_500, 7);
        let key = |i: u32| i.to_be_bytes();
        (0..100_000).for_each(|i| builder.add(&key(i)));
        let filter = Filter::new(builder.finish()).unwrap();
        assert!((0..100_000).all(|i| filter.may_contain(xx_hash64(&key(i)))));
        let passed = (100_000..200_000).filter(|&i| filter.may_contain(xx_hash64(&key(i)))).count();
        assert!(passed < 1300, "{passed}");
    }

    #[test]
    fn refuses_malformed_filters() {
        let whole = FilterBuilder::new(10_000, 6).finish();
        assert!(Filter::new(whole.clone()).is_ok());
        for end in 0..whole.len() {
            assert!(Filter::new(whole[..end].to_vec()).is_err(), "{end}");
        }
        for probes in [0, 31] {
            let mut bytes = whole.clone();
            *bytes.last_mut().unwrap() = probes;
            assert!(Filter::new(bytes).is_err());
        }
    }
}
