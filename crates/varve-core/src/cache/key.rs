//! The keys of cached blocks, and their hash: one multiplication instead of the keyed hash of the standard library, which would cost half of
//! a hit. Numbers of tables and offsets are not in the hands of whoever writes keys.

use std::hash::{BuildHasherDefault, Hash, Hasher};

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub table: u64,
    pub offset: u64,
}

pub type BuildKeyHasher = BuildHasherDefault<KeyHasher>;

impl Key {
    /// Both halves of the product of 128 bits, folded: every bit of the key reaches the lower and the upper bits.
    #[inline]
    pub fn hash(self) -> u64 {
        let product = u128::from(self.table ^ 0x9E37_79B9_7F4A_7C15) * u128::from(self.offset ^ 0xD6E8_FEB8_6659_FD93);
        (product as u64) ^ (product >> 64) as u64
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(Key::hash(*self));
    }
}

/// Passes on what [`Key::hash`] has made.
#[derive(Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }
}
